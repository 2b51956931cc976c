"""What a step needs (`TrainState`, `StepHyper`, `StepKeys`) and shows (`StepInfo`)."""

from typing import Any, NamedTuple, SupportsIndex

import optax
from jaxtyping import Array, Float, Key

from vae_jax import checks
from vae_jax.keys import as_key
from vae_jax.training._keys import Stream, example_keys
from vae_jax.types import ArrayLike, Params
from vae_jax.vae import Knobs

SPLIT = "Fold the step into one; it is split into one an example here."
"""What to do with several keys of a step."""


class TrainState(NamedTuple):
    """All that the next step needs.

    Attributes:
        params: of the model.
        opt_state: of the optimiser.
        feedback: of the controller that steers beta, if there is one.

    >>> TrainState(params={}, opt_state=()).params
    {}
    """

    params: Params
    opt_state: optax.OptState
    feedback: Any = ()


def with_train(state: Any, train: TrainState) -> Any:
    """The state of a program with another train state, however often it is wrapped.

    >>> from vae_jax.training import PlateauState
    >>> class Run(NamedTuple):
    ...     train: TrainState
    >>> wrapped = PlateauState(Run(TrainState({"w": 1}, ())), None)
    >>> with_train(wrapped, TrainState({"w": 2}, ())).train.params
    {'w': 2}
    """
    if "train" in state._fields:
        return state._replace(train=train)
    return state._replace(run=with_train(state.run, train))


class StepHyper(NamedTuple):
    """The settings of one step; every field is data, so that a sweep may vary it.

    Attributes:
        beta: weight of the rate.
        learning_rate: of an optimiser that takes it as data, as `adam()` does; None for
            one that has its own, as `optax.adam(1e-3)`.
        knobs: settings of the model.
        settings: whatever else an objective of the caller's reads: a tree of arrays, such
            as the records of a run.

    >>> StepHyper(beta=1.0, learning_rate=1e-3).settings
    ()
    """

    beta: ArrayLike
    learning_rate: ArrayLike | None = None
    knobs: Knobs = Knobs()
    settings: Any = ()


class StepKeys(NamedTuple):
    """One key per example and purpose; `StepKeys.from_key` makes them out of one.

    >>> import jax
    >>> StepKeys.from_key(jax.random.key(0), 8).noise.shape
    (8,)
    """

    noise: Key[Array, " batch"]
    dropout: Key[Array, " batch"]

    @classmethod
    def from_key(cls, key: Any, batch_size: SupportsIndex) -> "StepKeys":
        """The keys of a whole batch, an example each, out of the one key of a step.

        An example's keys depend on its place in the batch, not on the batch's size: a
        batch that is split over devices draws the same numbers. Give another key at every
        step, such as `jax.random.fold_in(key, step)`.

        Args:
            key: from `jax.random.key`, or a raw one from `jax.random.PRNGKey`.
            batch_size: examples of the batch, of all devices together.

        Raises:
            TypeError: no key, or no whole number of examples.
            ValueError: several keys, or a batch of none.
        """
        key, size = as_key("key", key, SPLIT), checks.whole("batch_size", batch_size, 1)
        streams = Stream.NOISE, Stream.DROPOUT
        return cls(*(example_keys(key, stream, 0, size) for stream in streams))


class StepInfo(NamedTuple):
    """What a person looks at: batch means, in nats per example.

    `rate` is the raw KL; `penalised_rate` is what the loss charged for. A remedy that
    floors the KL shows a healthy value only in the second.

    Attributes:
        loss: `distortion + beta * penalised_rate`.
        distortion: negative log-likelihood.
        rate: KL to the prior.
        penalised_rate: what a remedy made of the rate.
        beta: weight of the rate at this step, a controller's share included.
        grad_norm: norm of the gradient before clipping.
        kl_per_unit: of which the rate is the sum; None of an objective that does not say.

    >>> StepInfo._fields[:3], StepInfo._fields[3:]
    (('loss', 'distortion', 'rate'), ('penalised_rate', 'beta', 'grad_norm', 'kl_per_unit'))
    """

    loss: Float[Array, ""]
    distortion: Float[Array, ""]
    rate: Float[Array, ""]
    penalised_rate: Float[Array, ""]
    beta: Float[Array, ""]
    grad_norm: Float[Array, ""]
    kl_per_unit: Float[Array, " _"] | None = None
