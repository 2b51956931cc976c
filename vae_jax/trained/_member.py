"""A trained member of a run, with everything that belongs to it, as a model in use."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from vae_jax import checks, diagnostics, training
from vae_jax.conditions import Conditioned
from vae_jax.keys import as_key
from vae_jax.trained._inputs import as_codes
from vae_jax.trained._judging import Judging
from vae_jax.types import Array, PRNGKey
from vae_jax.vae import DiagGaussian


@dataclass(frozen=True, eq=False, repr=False)
class Member(Judging):
    """A trained model: everything is computed as it was when its row was measured.

    `x` is examples as stored, uint8 images of the data set or tokens, which the member
    prepares itself (scales, binarises); or images as the model sees them, floating, with
    `prepared=True`. Whatever is drawn without a key of the caller's has that of the run's
    evaluation, so that the evaluation split, in its order, has the numbers of the row.

    Of data of your own that were standardised, or have a `value_range`, x is given and
    returned as it stands in the file, with the mean and spread of the training set, which
    are kept with the run; `prepared=True` gives and returns it in the model's scale.
    `raw(member.dataset.test.images)` are the stored examples in the scale of the file.

    A conditional member is given a `condition` wherever it is given examples or codes: the
    label of each of them, or one for all, by its number or its name. No other takes one.
    """

    def __repr__(self) -> str:
        """Number, model, data and verdict, not its arrays.

        The README shows a member.
        """
        verdict = self.row.get("verdict") or "no verdict"
        return (
            f"Member {self.number} ({self.run.model.chosen_name} on "
            f"{self.run.data.chosen_name}, {verdict})"
        )

    def encode(
        self,
        x: Any,
        *,
        condition: Any = None,
        prepared: bool = False,
        key: PRNGKey | None = None,
    ) -> DiagGaussian:
        """The posterior of every example.

        Args:
            x: examples; see the class.
            condition: of a conditional member, likewise.
            prepared: whether they are as the model sees them.
            key: of a binarisation or of noise, where the member's data have one.
        """
        seen = self.seen_by(x, condition, prepared=prepared, key=key)
        return self.functions.encode(self.settings, self.knobs, self.placed, seen)

    def decode(
        self, z: Any, x: Any = None, *, condition: Any = None, prepared: bool = False
    ) -> Array:
        """The mean of the likelihood: probabilities of pixels or tokens, or grey levels.

        Args:
            z: codes, (n, latent_dim).
            x: of a decoder that reads previous pixels or words, and of no other: what it
                reads, one example a code. `draw` is what it writes by itself.
            condition: of a conditional member, a code or for all; it need not be the one
                that z was encoded with.
            prepared: whether x and what is returned are as the model sees it.
        """
        args = self._decodes(z, x, condition, prepared)
        mean = self.functions.mean(self.settings, self.knobs, self.placed, *args)
        return self.given_back(mean, prepared)

    def likelihood_parameters(
        self, z: Any, x: Any = None, *, condition: Any = None, prepared: bool = False
    ) -> Any:
        """What the decoder returns: logits, or means and log-variances, as `decode`.

        Always in the scale of the model.
        """
        args = self._decodes(z, x, condition, prepared)
        return self.functions.output(self.settings, self.knobs, self.placed, *args)

    def reconstruct(
        self,
        x: Any,
        *,
        condition: Any = None,
        prepared: bool = False,
        key: PRNGKey | None = None,
    ) -> Array:
        """What z alone says of every example, by the mean of its posterior.

        The mean of the likelihood; of a decoder that reads previous pixels, images that it
        draws with one noise for all, so that they differ where z makes them differ; of
        sentences, the likeliest token each time.
        """
        z = self.encode(x, condition=condition, prepared=prepared, key=key).mean
        shown = self._shown(z, self.told(condition, len(z)), key)
        return self.given_back(shown, prepared)

    def interpolate(
        self,
        x_a: Any,
        x_b: Any,
        steps: int,
        *,
        condition: Any = None,
        prepared: bool = False,
        key: PRNGKey | None = None,
    ) -> Array:
        """What lies between two examples: (n, steps, ...), both ends included.

        A straight line between the means of their posteriors, shown as `reconstruct` does.
        Of a conditional member both ends have one condition, which is that of the path.
        """
        given: dict[str, Any] = {"condition": condition, "prepared": prepared}
        start, end = (self.encode(x, **given, key=key).mean for x in (x_a, x_b))
        if len(start) != len(end):
            raise ValueError(
                f"`x_b` must have as many examples as `x_a`, {len(start)}; got {len(end)}."
            )
        path = diagnostics.interpolate(start, end, checks.whole("steps", steps, 2))
        told = self.told(condition, len(start))
        told = None if told is None else jnp.repeat(told, path.shape[1], axis=0)
        shown = self._shown(path.reshape(-1, path.shape[-1]), told, key)
        shown = shown.reshape(*path.shape[:2], *shown.shape[1:])
        return self.given_back(shown, prepared)

    def sample_codes(self, key: PRNGKey, n: int) -> Array:
        """Codes of the member's own prior, (n, latent_dim)."""
        num = checks.whole("n", n, 1)
        key = as_key("key", key)
        return self.functions.codes(self.settings, self.placed, key, num)

    def sample(
        self,
        key: PRNGKey,
        n: int,
        *,
        condition: Any = None,
        prepared: bool = False,
        temperature: float | None = None,
        top_p: float | None = None,
    ) -> Array:
        """New examples: z of the prior, then x of the likelihood; see `draw`."""
        keys = jax.random.split(as_key("key", key))
        z = self.sample_codes(keys[0], n)
        given: dict[str, Any] = {"condition": condition, "prepared": prepared}
        return self.draw(keys[1], z, temperature=temperature, top_p=top_p, **given)

    def draw(
        self,
        key: PRNGKey,
        z: Any,
        *,
        condition: Any = None,
        prepared: bool = False,
        temperature: float | None = None,
        top_p: float | None = None,
    ) -> Array:
        """`x ~ p(x|z)`, one a code: images as the model sees them, or tokens.

        Args:
            key: of the noise; every example has its own.
            z: codes.
            condition: of a conditional member, a code or for all.
            prepared: whether they are returned as the model sees them where that is
                another scale than that of the file.
            temperature: of sentences alone, 1 by default; see `models.generate`.
            top_p: likewise.
        """
        z = as_codes(z, self.run.model.latent_dim)
        keys = training.fold_indices(as_key("key", key), jnp.arange(len(z)))
        given = {"temperature": temperature, "top_p": top_p}
        for name, value in given.items():
            if value is not None and not self.run.data.of_sentences:
                raise ValueError(
                    f"`{name}` is of sentences; got {value}, and this member draws images "
                    "from their likelihood. Leave it out."
                )
        choice = (1.0 if value is None else value for value in given.values())
        drawn = self._drawn(keys, z, self.told(condition, len(z)), *choice)
        return self.given_back(drawn, prepared)

    def export(self, folder: str | os.PathLike[str]) -> Path:
        """Write parameters, artifacts that run without this package, and a model card.

        `params.safetensors`, `prepare.bin`, `encoder.bin` and `decoder.bin`, which
        `jax.export.deserialize` reads, for any number of examples on CPU, CUDA or TPU, and
        `card.md`, which says how to run them.

        Args:
            folder: a new or empty one.

        Raises:
            FileExistsError: the folder holds something.
        """
        from vae_jax.trained._export import export_member

        return export_member(self, Path(folder).expanduser())

    def _decodes(
        self, z: Any, x: Any, condition: Any, prepared: bool
    ) -> tuple[Array, Any]:
        """Codes, and what the decoder reads and is told beside them, as many."""
        z = as_codes(z, self.run.model.latent_dim)
        if (x is None) == self.reads_data:
            reads = "reads" if self.reads_data else "does not read"
            fix = "given, one example a code" if self.reads_data else "left out"
            more = " `draw` is what it writes by itself." if self.reads_data else ""
            raise ValueError(
                f"`x` must be {fix}: the decoder of model={self.run.model.chosen_name!r} "
                f"{reads} the data; got {'none' if x is None else 'some'}.{more}"
            )
        seen = None if x is None else self.prepare(x, prepared=prepared)
        if seen is not None and len(seen) != len(z):
            raise ValueError(
                f"`x` must have one example a code, {len(z)}; got {len(seen)}."
            )
        told = self.told(condition, len(z))
        return z, seen if told is None else Conditioned(seen, told)

    def _shown(self, z: Array, told: Array | None, key: PRNGKey | None) -> Array:
        """What a code stands for, without noise, or with one noise for all."""
        if not self.reads_data and not self.run.data.of_sentences:
            beside = None if told is None else Conditioned(None, told)
            called = self.settings, self.knobs, self.placed, z, beside
            return self.functions.mean(*called)
        root = self.evaluation_key() if key is None else as_key("key", key)
        return self._drawn(jnp.broadcast_to(root, (len(z),)), z, told, 0.0, 1.0)

    def _drawn(
        self, keys: Array, z: Array, told: Array | None, temperature: Any, top_p: Any
    ) -> Array:
        checks.number("temperature", temperature, 0, high_open=True)
        checks.number("top_p", top_p, 0, 1, low_open=True)
        called = self.settings, self.knobs, self.placed, keys, z, told
        return self.functions.draw(*called, temperature, top_p)
