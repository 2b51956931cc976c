"""Optimisers as records of a run; their learning rate is a row, and data."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import fields
from typing import Any, ClassVar, Literal

import numpy as np
import optax

from vae_jax.records import Record, data, record, static, unchecked
from vae_jax.training._adam import adam
from vae_jax.training._sgd import clip, sgd


@record()
class Optimizer(Record):
    """What moves the parameters."""

    learning_rate: float = data("Length of a step.", default=1e-3, low=0, low_open=True)
    learning_rate_schedule: Literal["constant", "cosine"] = data(
        "The same at every step, or down to 0 at the end of the run.",
        default="constant",
    )
    learning_rate_warmup: int = data(
        "Steps over which it rises from 0.",
        default=0,
        low=0,
        high=2**31 - 1,
        in_epochs=True,
    )
    clip_norm: float | None = static(
        "Largest norm of a gradient; none for no clipping.",
        default=None,
        low=0,
        low_open=True,
    )

    def rates(self, num_steps: int) -> np.ndarray:
        """The learning rate of every step.

        >>> Adam(learning_rate_schedule="cosine").rates(50).shape
        (50,)
        """
        steps = np.arange(num_steps)
        share = np.ones(len(steps))
        if self.learning_rate_schedule == "cosine":
            share = 0.5 + 0.5 * np.cos(np.pi * steps / num_steps)
        if self.learning_rate_warmup:
            share = share * np.minimum(1, (steps + 1) / self.learning_rate_warmup)
        return (self.learning_rate * share).astype(np.float32)

    def conflict(self, run: Any) -> str | None:
        """A warm-up must end within the run."""
        if self.learning_rate_warmup <= run.num_steps:
            return None
        return (
            "`learning_rate_warmup` must end within `num_steps`; got "
            f"{self.learning_rate_warmup} of {run.num_steps} steps."
        )

    def on_device(self, num_steps: int) -> Any:
        """What shapes the program; the rates are a row of the run's."""
        of_rates = {f.name for f in fields(Optimizer)} - {"clip_norm"}
        placed = super().on_device(num_steps)
        return unchecked(type(self), {**vars(placed), **dict.fromkeys(of_rates)})

    @abstractmethod
    def make(self) -> optax.GradientTransformation:
        """The transformation, which takes the learning rate of a step."""


@record("optimizer", "adam")
class Adam(Optimizer):
    """Kingma & Ba (2015)."""

    def make(self) -> optax.GradientTransformation:
        """See `training.adam`."""
        return adam(self.clip_norm)


@record("optimizer", "sgd")
class SGD(Optimizer):
    """Gradient descent without momentum."""

    def make(self) -> optax.GradientTransformation:
        """See `training.sgd`."""
        return sgd(self.clip_norm)


@record()
class OfOptax(Optimizer):
    """One of optax's, whose learning rate is injected."""

    factory: ClassVar[Callable[..., optax.GradientTransformation]]

    def options(self) -> dict[str, Any]:
        """Its settings beside the learning rate."""
        return {}

    def plain(self) -> optax.GradientTransformation:
        """The transformation without clipping."""
        inject = optax.inject_hyperparams(type(self).factory)
        made: optax.GradientTransformation = inject(learning_rate=0.0, **self.options())
        return made

    def make(self) -> optax.GradientTransformation:
        """The transformation after the clipping."""
        plain = self.plain()
        if self.clip_norm is None:
            return plain
        return optax.chain(clip(self.clip_norm), plain)


@record("optimizer", "adamw")
class AdamW(OfOptax):
    """Adam with decoupled weight decay, Loshchilov & Hutter (2019)."""

    factory = staticmethod(optax.adamw)

    weight_decay: float = data(
        "Share of the parameters, per unit of learning rate.", default=1e-4, low=0
    )

    def options(self) -> dict[str, Any]:
        """The decay."""
        return {"weight_decay": self.weight_decay}


@record("optimizer", "lion")
class Lion(OfOptax):
    """The sign of a momentum, Chen et al. (2023)."""

    factory = staticmethod(optax.lion)

    weight_decay: float = data(
        "Share of the parameters, per unit of learning rate.", default=1e-3, low=0
    )

    def options(self) -> dict[str, Any]:
        """The decay."""
        return {"weight_decay": self.weight_decay}


@record("optimizer", "rmsprop")
class RMSProp(OfOptax):
    """The gradient over the root of its mean square, Hinton (2012)."""

    factory = staticmethod(optax.rmsprop)
