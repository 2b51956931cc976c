"""A learning rate that is halved where the validation loss stops falling.

The recipe of text VAEs: He et al. (2019), arXiv:1901.05534, in their public code. Theirs
differs in three ways: after a cut it compares with the loss that failed, here always with
the least so far; it starts the optimisers anew; and on text it makes no cut before epoch
15.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vae_jax import likelihoods
from vae_jax.training._batches import map_batches
from vae_jax.training._evaluate import example_statistics
from vae_jax.training._fit import keep_where
from vae_jax.training._keys import Stream, fold_indices, split_each, stream_key
from vae_jax.training._objective import kl_to_prior
from vae_jax.training._program import Prepare, Program, at_step
from vae_jax.training._state import TrainState, with_train
from vae_jax.types import ArrayLike, Params
from vae_jax.vae import VAE


class Patience(NamedTuple):
    """When the learning rate is cut; every field is data.

    Attributes:
        epochs: without a new least validation loss before a cut.
        factor: what the learning rate is multiplied by.
        cuts: with the last one it becomes 0, and the run stands still.

    >>> Patience().factor
    0.5
    """

    epochs: Int[ArrayLike, ""] = 2
    factor: Float[ArrayLike, ""] = 0.5
    cuts: Int[ArrayLike, ""] = 5


class Plateau(NamedTuple):
    """What the cuts are decided by.

    Attributes:
        best_loss: least validation loss so far, in nats; infinite before the first one.
        best: the parameters that had it.
        failures: epochs since then, or since the last cut.
        cuts: made so far.
        scale: of the learning rate now.

    >>> Plateau._fields
    ('best_loss', 'best', 'failures', 'cuts', 'scale')
    """

    best_loss: Float[Array, ""]
    best: Params
    failures: Int[Array, ""]
    cuts: Int[Array, ""]
    scale: Float[Array, ""]


class PlateauState(NamedTuple):
    """State of a run, and what its learning rate is cut by.

    >>> PlateauState(None, None)._fields
    ('run', 'plateau')
    """

    run: Any
    plateau: Any

    @property
    def train(self) -> TrainState:
        """The train state of the run, as every other program has it."""
        train: TrainState = self.run.train
        return train


DEFAULT_PATIENCE = Patience()

Validate = Callable[..., Float[Array, ""]]
"""`validate(params, key, knobs, images) -> nats`."""


def with_plateau(
    program: Program,
    validate: Validate,
    batch_size: int,
    *,
    patience: Patience = DEFAULT_PATIENCE,
) -> Program:
    """A program whose learning rate is cut where `data.validation` stops improving.

    At every epoch's end the validation loss is computed: `-ELBO` at beta 1, whatever the
    objective, so that epochs of a long warm-up may count as failures. After
    `patience.epochs` epochs that did not lower it the learning rate is multiplied by
    `patience.factor` and training goes on from the best parameters; with the last cut it
    ends. Evaluated and kept are the best parameters.

    Args:
        program: over `Hyper` and `Splits` with a validation set; its state has a `train`.
        validate: see `make_validate`.
        batch_size: examples a step, which with the data says when an epoch ends.
        patience: when to cut.

    Returns:
        A program over `PlateauState`.

    Raises:
        ValueError: when it is run, if the data have no validation set, or the settings no
            learning rate, which then would be the optimiser's own.

    Needs a program to show; see `make_program`.
    """

    def init(key, hyper, data):  # type: ignore[no-untyped-def]
        if hyper.learning_rate is None:
            raise ValueError(
                "`learning_rate` must be given in `Hyper`, for it is what is cut on a "
                "plateau; got None. Give it, with an optimiser that takes it, such as "
                "`training.adam()`."
            )
        if data.validation is None:
            raise ValueError(
                "a learning rate that is cut on a plateau needs `validation` images in "
                "`Splits`; got None."
            )
        run = program.init(key, hyper, data)
        return PlateauState(run, first_plateau(run.train.params))

    def step(state, t, key, hyper, data):  # type: ignore[no-untyped-def]
        rate = at_step(hyper.learning_rate, t) * state.plateau.scale
        hyper = hyper._replace(learning_rate=rate)
        run, info = program.step(state.run, t, key, hyper, data)

        def judged() -> PlateauState:
            params = run.train.params
            kept = program.params(run, key, hyper, data)
            loss = validate(kept, key, hyper.knobs, data.validation)
            after = judge_plateau(state.plateau, loss, params, patience)
            cut = after.cuts > state.plateau.cuts
            params = keep_where(cut, after.best, params)
            train = run.train._replace(params=params)
            return PlateauState(with_train(run, train), after)

        # of t alone, which all members of a sweep share: under vmap it stays a branch
        ends_epoch = (t + 1) % (len(data.train) // batch_size) == 0
        state = jax.lax.cond(
            ends_epoch, judged, lambda: PlateauState(run, state.plateau)
        )
        return state, info

    def of_best(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(state, key, hyper, data):  # type: ignore[no-untyped-def]
            return function(best_run(state), key, hyper, data)

        call.__name__ = function.__name__
        return call

    return Program(init, step, of_best(program.evaluate), of_best(program.params))


def first_plateau(params: Params) -> Plateau:
    """Before the first epoch's end.

    >>> float(first_plateau({}).scale)
    1.0
    """
    zero = jnp.zeros((), jnp.int32)
    worst, one = jnp.full((), jnp.inf, jnp.float32), jnp.ones((), jnp.float32)
    return Plateau(worst, params, zero, zero, one)


def judge_plateau(
    before: Plateau, loss: Float[Array, ""], params: Params, patience: Patience
) -> Plateau:
    """An epoch's end: a new best, a failure, or the failure that cuts.

    >>> seen = first_plateau({"w": jnp.array(0.0)})
    >>> for epoch, loss in enumerate([3.0, 2.0, 2.5, 2.0, 4.0]):
    ...     params = {"w": jnp.array(float(epoch))}
    ...     seen = judge_plateau(seen, jnp.array(loss), params, Patience())
    >>> float(seen.best["w"]), int(seen.failures), int(seen.cuts), float(seen.scale)
    (1.0, 1, 1, 0.5)
    """
    loss = jnp.asarray(loss, jnp.float32)
    better = loss < before.best_loss
    failures = jnp.where(better, 0, before.failures + 1)
    cut = (failures >= patience.epochs) & (before.cuts < patience.cuts)
    cuts = before.cuts + cut.astype(jnp.int32)
    scale = jnp.where(cut, before.scale * patience.factor, before.scale)
    return Plateau(
        jnp.where(better, loss, before.best_loss),
        keep_where(better, params, before.best),
        jnp.where(cut, 0, failures),
        cuts,
        jnp.where(cuts >= patience.cuts, 0, scale),
    )


def best_run(state: PlateauState) -> Any:
    """The run with its best parameters; as it is where none was judged yet."""
    judged = jnp.isfinite(state.plateau.best_loss)
    params = keep_where(judged, state.plateau.best, state.train.params)
    return with_train(state.run, state.train._replace(params=params))


def make_validate(
    vae: VAE, likelihood: likelihoods.Likelihood, prepare: Prepare, batch_size: int
) -> Validate:
    """`-ELBO` in nats an example, without dropout, from one z an example.

    The z of an example has the same noise at every epoch, so that epochs are compared in
    pairs.

    See `with_plateau`.
    """

    def validate(params, key, knobs, images):  # type: ignore[no-untyped-def]
        root = stream_key(key, Stream.VALIDATE, 0)

        def losses_of(images: Array, indices: Array) -> Array:
            prepare_keys, noise_keys = split_each(fold_indices(root, indices))
            x = prepare(prepare_keys, images)
            found = example_statistics(vae, likelihood, params, noise_keys, x, knobs, 1)
            kl = kl_to_prior(vae, params, found.mean, found.logvar, found.z)
            return found.distortion + jnp.sum(kl, axis=-1)

        images = jnp.asarray(images)
        losses = map_batches(losses_of, batch_size, images, jnp.arange(len(images)))
        return jnp.mean(losses)

    return validate
