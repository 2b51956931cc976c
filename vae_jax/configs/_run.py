"""One training run: a record of records."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from vae_jax import data as data_sets
from vae_jax import records, schedules
from vae_jax.configs import _sentences  # noqa: F401 (its records can be chosen)
from vae_jax.configs._epochs import usual_rows
from vae_jax.configs._parts import (
    check_objective,
    check_parts,
    check_remedies,
    is_idle,
)
from vae_jax.configs._start import split_start
from vae_jax.likelihoods import Bernoulli, Density
from vae_jax.models import MLP, Model
from vae_jax.priors import PriorChoice, StandardPrior
from vae_jax.records import (
    CHOICES,
    Record,
    as_array,
    ask,
    parts,
    record,
    static,
    unchecked,
    walk,
)
from vae_jax.remedies import Remedy, asked
from vae_jax.schedules import BetaSchedule, Constant
from vae_jax.training import Adam, Optimizer
from vae_jax.types import Schedule
from vae_jax.vae import Knobs

SplitName = Literal["train", "validation", "test"]
LARGEST = 10_000_000
"""Beyond it a number of steps or examples is a slip."""


@record()
class Run(Record):
    """Everything that defines one training run.

    Each part is a record of its own; `from_mapping` makes a run of plain values, in which
    every setting has its name alone. Numbers may be Python's, numpy's or JAX's; those that
    float32 does not hold are refused.

    Raises:
        ValueError: a setting is out of its range, or contradicts another; names it, the
            value and what is allowed.

    >>> Run(beta=Constant(2.0)).model.latent_dim
    8
    """

    data: data_sets.DataSet = parts(default=data_sets.Images())
    model: Model = parts(default=MLP())
    likelihood: Density = parts(default=Bernoulli())
    prior: PriorChoice = parts(default=StandardPrior())
    beta: BetaSchedule = parts(default=Constant())
    optimizer: Optimizer = parts(default=Adam())
    remedies: tuple[Remedy, ...] = parts(default=())
    batch_size: int = static("Examples a step.", default=128, low=1, high=LARGEST)
    num_steps: int = static(
        "Steps of the optimiser.",
        default=1500,
        low=1,
        high=LARGEST,
        in_epochs=True,
    )
    log_every: int = static(
        "Steps that are averaged into one row of history.",
        default=50,
        low=1,
        high=LARGEST,
    )
    seed: int = records.data(
        "Seed of parameters, order and noise.", default=0, low=0, high=2**31 - 1
    )
    init_from: str | None = static(
        "Parameters to begin with, those that a member of another run ended with, as "
        "FOLDER:MEMBER; drawn by the seed where none are given.",
        default=None,
    )
    eval_split: SplitName = static(
        "Split that the final metrics are of.", default="test"
    )
    eval_samples: int = static(
        "Samples of z an example in evaluation.", default=64, low=1, high=100_000
    )
    precision: Literal["default", "high", "highest"] = static(
        "Of matrix products; checks of theory on TPU or TF32 need `highest`.",
        default="default",
    )

    @classmethod
    def of(cls, **settings: Any) -> "Run":
        """A run of plain settings by their names; see `from_mapping`.

        >>> Run.of(hidden=(16,), schedule="linear", beta=2.0).beta
        Linear(beta=2.0, beta_start=0.0, warmup_steps=None, delay_steps=0, ...)
        """
        from vae_jax.configs._flat import from_mapping

        return from_mapping(settings)

    def changed(self, **settings: Any) -> "Run":
        """The run with other settings, by their names.

        >>> Run().changed(beta=2.0).beta.beta
        2.0
        """
        from vae_jax.configs._flat import changed

        return changed(self, **settings)

    def __getitem__(self, name: str) -> Any:
        """A setting by its name.

        Raises:
            KeyError: the run has none of this name.

        >>> Run()["latent_dim"]
        8
        """
        from vae_jax.configs._flat import to_mapping
        from vae_jax.configs._names import NOTHING

        return (NOTHING | to_mapping(self))[name]

    def check(self) -> None:
        """Refuse what cannot work together, with the reason.

        Raises:
            ValueError: names the settings and the fix.
        """
        check_parts(self)
        used = sorted(
            (one for one in self.remedies if not is_idle(one, self.remedies)),
            key=lambda one: (one.rank, str(one.choice), one.name, one.path),
        )
        object.__setattr__(self, "remedies", tuple(used))
        object.__setattr__(self, "data", self.data.fitted(self.likelihood.wants))
        if self.init_from is not None:
            start = "{}:{}".format(*split_start(self.init_from))
            object.__setattr__(self, "init_from", start)
        if self.num_steps % self.log_every:
            raise ValueError(
                f"`num_steps` must be a multiple of `log_every`; got {self.num_steps} and "
                f"{self.log_every}. Set `log_every` too, such as to "
                f"{usual_rows(self.num_steps)}."
            )
        self._check_kinds()
        check_remedies(self.remedies, self.prior)
        for part in self.all_parts():
            reason = part.conflict(self) if hasattr(part, "conflict") else None
            if reason:
                raise ValueError(reason)
        check_objective(self.remedies)

    def all_parts(self) -> tuple[Record, ...]:
        """The records of all choices."""
        return tuple(one for one in walk(self) if one is not self)

    def _check_kinds(self) -> None:
        """Sentences, their model and their density come together, or none of them."""
        of_text = self.data.of_sentences
        kinds = {
            f"likelihood={self.likelihood.chosen_name!r}": self.likelihood.wants
            == "tokens",
            f"model={self.model.chosen_name!r}": self.model.of_sentences,
        }
        for got, is_text in kinds.items():
            if is_text not in (of_text, None):
                raise ValueError(
                    "sentences go with model='lstm' or 'transformer' (or your own) and "
                    "likelihood='categorical', images with the others; got "
                    f"dataset={self.data.chosen_name!r} and {got}."
                )
        if not self.model.returns(self.likelihood.head):
            raise ValueError(
                f"`likelihood={self.likelihood.chosen_name!r}` is a density of what "
                "model='pixelcnn' returns; got "
                f"model={self.model.chosen_name!r}."
            )
        takes_images = self.likelihood.wants in ("binary", "unit", "real")
        if self.prior.encodes and not takes_images:
            raise ValueError(
                f"the pseudo-inputs of prior={self.prior.chosen_name!r} are images from 0 "
                f"to 1; got likelihood={self.likelihood.chosen_name!r}. Choose another of "
                "one of them."
            )

    @property
    def steers_beta(self) -> bool:
        """Whether a controller multiplies beta."""
        return any(one.sets == "beta" for one in self.remedies)

    def schedule(self) -> Schedule:
        """Step -> beta, with what the remedies make of it."""
        made: Schedule = ask(self.beta.make, Callable, self.num_steps)
        for one in self.remedies:
            made = asked(one, "betas", made)
        return made

    def betas(self) -> np.ndarray:
        """Beta at every step.

        >>> Run(num_steps=50).betas().shape
        (50,)
        """
        return np.asarray(schedules.tabulate(self.schedule(), self.num_steps))

    def knobs(self) -> Knobs:
        """The settings that a model is called with.

        >>> float(Run().on_device(1).knobs().dropout)
        0.0
        """
        given: Any = self.model.knobs() | self.likelihood.knobs()
        # all are arrays, also those that this model does not read: one program for all
        plain = {name: as_array(value) for name, value in Knobs()._asdict().items()}
        return Knobs(**{**plain, **{k: v for k, v in given.items() if v is not None}})

    def on_device(self, num_steps: int | None = None) -> Any:
        """The run for a compiled program: what shapes it, and its data as arrays.

        Beta and the learning rates are rows of their own, so that unlike schedules share a
        program, and the seed is a key.
        """
        steps = self.num_steps if num_steps is None else num_steps
        placed = super().on_device(steps)
        filled = placed.remedies + tuple(
            one.on_device(steps) for one in self._absent() if one is not None
        )
        changed = {"beta": None, "seed": None, "remedies": filled}
        return unchecked(type(self), {**vars(placed), **changed})

    def _absent(self) -> list[Remedy | None]:
        """What stands for remedies that a run has not, in programs shared with others."""
        taken = {one.sets for one in self.remedies}
        known = [cls for choice in CHOICES.values() for cls in choice.values()]
        kinds = [
            cls for cls in known if issubclass(cls, Remedy) and cls.sets not in taken
        ]
        return [cls.absent() for cls in kinds]
