"""A stored member with all that belongs to it: data, settings, parameters, keys."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import assembly, data, models, training
from vae_jax.conditions import Conditioned
from vae_jax.configs import Run
from vae_jax.keys import as_key
from vae_jax.records import Facts, ask
from vae_jax.remedies import Remedy
from vae_jax.trained._conditions import as_labels, as_said, said_covariates, shown
from vae_jax.trained._functions import Functions, functions, reads_data
from vae_jax.trained._inputs import RANGES, STORED, as_given, as_prepared
from vae_jax.types import Array, Params, PRNGKey
from vae_jax.vae import Knobs


@dataclass(frozen=True, eq=False)
class Loaded:
    """What a member is made of, and how examples become its input.

    Attributes:
        number: in its run.
        run: its settings.
        row: settings and metrics as stored.
        params: what was kept: the average of the parameters or the best of them, where the
            run keeps those, with statistics of the training set.
        knobs: what the model is called with.
        about: what is known of its data.
        job: its program, settings and data; where the data are gone, why they are.
    """

    number: int
    run: Run
    row: Mapping[str, Any]
    params: Params
    knobs: Knobs
    about: assembly.About
    job: assembly.Job | Exception

    def prepare(
        self, x: Any, *, prepared: bool = False, key: PRNGKey | None = None
    ) -> Array:
        """Examples as the model sees them; checked, where they already are.

        Args:
            x: examples; of data of your own, as they stand in the file: with the kept mean
                and spread of the training set, or the ends of its range, they become what
                the model sees.
            prepared: whether they are as the model sees them.
            key: of a binarisation or of noise.

        Raises:
            ValueError: another dtype, shape or range; names the fix.
        """
        if prepared and not self.run.data.of_sentences:
            own = self.run.likelihood.is_own or self.run.data.is_own
            wants = "" if own else self.run.likelihood.wants
            if wants == "real" and self.facts.kind != "real":
                wants = "unit"  # levels and the like are from 0 to 1 for it
            return as_prepared(x, self.seen, wants)
        stored = as_given(x, self.about)
        keys = self.keys(key, len(stored))[0]
        return self.functions.prepare(self.settings, keys, jnp.asarray(stored))

    def raw(self, x: Any) -> np.ndarray:
        """What the data set holds or the model sees, as it stands in the file.

        `offset + factor * x` of data that were standardised or have a range; all others
        are returned as they are. `prepare` is its inverse, but for a binarisation.
        """
        origin = self.about.origin
        if origin is None or not origin.scales:
            return np.asarray(x)
        return origin.returned(x)

    def given_back(self, x: Array, prepared: bool) -> Array:
        """What a model has made, in the scale of the file or of the model."""
        if prepared or not self.about.scales:
            return x
        return jnp.asarray(self.raw(x), jnp.float32)

    def seen_by(
        self, x: Any, condition: Any, *, prepared: bool, key: PRNGKey | None
    ) -> Any:
        """What the model is given: x as it sees it, and the condition if it takes one.

        Raises:
            ValueError: see `prepare` and `told`.
        """
        seen = self.prepare(x, prepared=prepared, key=key)
        told = self.told(condition, len(seen))
        return seen if told is None else Conditioned(seen, told)

    def told(self, condition: Any, size: int) -> Array | None:
        """The conditions of some examples as the model is told them; None if it is not.

        Args:
            condition: one an example, or one for all.
            size: how many examples there are.

        Raises:
            ValueError: none where the model takes one, one where it takes none, or an
                unknown one; lists those that are known.
        """
        if self.condition is None:
            if condition is None:
                return None
            raise ValueError(
                "`condition` is of members that were trained with one; this one has "
                "condition='none'. Leave it out."
            )
        if self.condition.of_covariates and condition is not None:
            return jnp.asarray(self.covariates.taken(condition, size))
        if condition is None:
            raise ValueError(
                f"`condition` must be given: the model was trained with "
                f"{self.condition.said}, one an example, or one for all; got none. "
                f"They are {shown(self.about, self.condition.of_covariates)}."
            )
        return jnp.asarray(as_labels(condition, size, self.about))

    @property
    def covariates(self) -> data.Covariates:
        """What the columns of its condition are."""
        assert self.about.covariates is not None
        return self.about.covariates

    def said_condition(self, word: str) -> Any:
        """A condition as it is written on a command line: a label, or `age=3,sex=f`."""
        if self.condition is not None and self.condition.of_covariates:
            return said_covariates(word, self.covariates)
        return as_said(word, self.about)

    def conditions_of(self, split: str) -> np.ndarray | None:
        """Those of the examples of a split, by number; None where the model takes none.

        Of covariates they are vectors, whose columns are `covariates.returned` of them.
        """
        found = assembly.examples(self.run, self.dataset, split)
        return found.condition if isinstance(found, Conditioned) else None

    def pictures(self, x: Any) -> np.ndarray:
        """Images as the model sees them, or means, as grey or colour from 0 to 1.

        What lies beyond the ends, as the mean of a Gaussian may, is shown as the end.
        Numbers of a file that have another scale there are given in that.
        """
        if self.about.origin is not None and self.about.scales:
            x = self.about.origin.taken(x)
        low, high = RANGES.get(self.run.likelihood.wants, (0.0, 1.0))
        shape = self.seen.shape[1:]
        if len(shape) not in (2, 3) or shape[2:] not in ((), (1,), (3,)):
            raise ValueError(
                f"`x` must be images for a picture; this member's examples are {shape}."
            )
        levels = (np.asarray(x, np.float32) - low) / (high - low)
        shown: np.ndarray = np.clip(levels, 0, 1)
        return shown[..., 0] if shape[2:] == (1,) else shown

    @functools.cached_property
    def dataset(self) -> data.Dataset:
        """The data that it was trained on.

        Raises:
            ValueError: they are not here.
        """
        self.job_here()
        found: data.Dataset = ask(self.run.data.load, data.Dataset)
        return found

    @property
    def facts(self) -> Facts:
        """What the model knows of the data."""
        return self.about.facts

    @property
    def condition(self) -> Remedy | None:
        """The record that tells the model a condition of every example, if one does."""
        return assembly.condition_of(self.run)

    @functools.cached_property
    def one_condition(self) -> Array | None:
        """A condition of one example, as the model is told it; None if it is not."""
        if self.condition is None:
            return None
        if self.condition.of_covariates:
            return jnp.zeros((1, self.covariates.size), jnp.float32)
        return self.told(self.about.labels[0], 1)

    @functools.cached_property
    def reads_data(self) -> bool:
        """Whether its decoder reads the pixels or words before the one that it gives."""
        if not self.run.model.is_own:
            return bool(self.run.model.sees_data)
        vae = assembly.model(self.run, self.facts)
        z = jnp.zeros((1, self.run.model.latent_dim), jnp.float32)
        if self.one_condition is not None:
            vae = models.given(vae, self.one_condition)
        return reads_data(vae, self.placed, z, jnp.zeros_like(self.seen))

    def evaluation_key(self) -> Array:
        """The key of the examples of the row's evaluation."""
        key = training.member_key(self.run.seed)
        return training.evaluation_keys(key).examples

    @functools.cached_property
    def functions(self) -> Functions:
        """What it computes, compiled for all members of its structure."""
        return functions(self.facts, tuple(sorted(self.sources.items())))

    @functools.cached_property
    def sources(self) -> Mapping[str, str]:
        """Digests of the files of the user's that it was made of."""
        return assembly.named_sources(self.run)

    def job_here(self) -> assembly.Job:
        """Its program, settings and data.

        Raises:
            ValueError: the data are not here; says which, and what works without.
        """
        if isinstance(self.job, Exception):
            raise ValueError(
                f"the data of member {self.number} must be here for `dataset`, `evaluate` "
                f"and `report`: {self.job} Everything else works without."
            ) from self.job
        return self.job

    @functools.cached_property
    def settings(self) -> Any:
        """The run as a compiled program has it."""
        return self.run.on_device()

    @functools.cached_property
    def placed(self) -> Params:
        """The parameters as JAX's arrays."""
        return jax.tree.map(jnp.asarray, self.params)

    @functools.cached_property
    def seen(self) -> jax.ShapeDtypeStruct:
        """One example as the model sees it."""
        kind = STORED[self.facts.kind]
        stored = jax.ShapeDtypeStruct((1, *self.facts.event_shape), kind)
        keys = self.keys(None, 1)[0]
        found: jax.ShapeDtypeStruct = jax.eval_shape(
            self.functions.prepare, self.settings, keys, stored
        )
        return found

    def keys(self, key: PRNGKey | None, size: int) -> tuple[Array, Array]:
        """Of every example: of how it is prepared, and of the noise of its z."""
        root = self.evaluation_key() if key is None else as_key("key", key)
        return training.split_each(training.fold_indices(root, jnp.arange(size)))
