"""The one pure train step; everything that trains in this package calls it."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Shaped

from vae_jax.training._feedback import Feedback
from vae_jax.training._objective import Objective
from vae_jax.training._state import StepHyper, StepInfo, StepKeys, TrainState
from vae_jax.types import Params

Step = Callable[
    [TrainState, Shaped[Array, " batch *event"], StepHyper, StepKeys],
    tuple[TrainState, StepInfo],
]
"""`step(state, batch, hyper, keys) -> (state, info)`."""


def init_state(
    params: Params,
    optimizer: optax.GradientTransformation,
    feedback: Feedback | None = None,
    hyper: StepHyper | None = None,
) -> TrainState:
    """State before the first step; a controller starts from its settings in `hyper`.

    Raises:
        ValueError: a controller without settings.

    >>> init_state({"w": jnp.zeros(2)}, optax.sgd(0.1)).params["w"].shape
    (2,)
    """
    if feedback is None:
        return TrainState(params, optimizer.init(params))
    if hyper is None:
        raise ValueError(
            "a controller starts from `hyper`; got None. Pass the settings."
        )
    return TrainState(params, optimizer.init(params), feedback.init(hyper))


def make_step(
    objective: Objective,
    optimizer: optax.GradientTransformation,
    axis_name: str | None = None,
    feedback: Feedback | None = None,
) -> Step:
    """The pure train step: average the loss over the batch once, differentiate, update.

    `params <- params - learning_rate * optimizer(gradient)`: the optimiser is given
    without its learning rate (`adam()`, `optax.identity()` for SGD), because the rate is
    data.

    Args:
        objective: per-example loss in nats; see `make_objective`.
        optimizer: an optax transformation with unit learning rate.
        axis_name: mapped axis that the batch is split over, if it is. Gradients and
            information are averaged over it, and clipped after that.
        feedback: a controller, whose value multiplies beta.

    Returns:
        `step(state, batch, hyper, keys) -> (state, StepInfo)`. Nothing is jitted.

    >>> def objective(params, batch, hyper, keys):
    ...     loss = (params - batch) ** 2
    ...     return loss, Terms(loss, 0 * loss, 0 * loss)
    >>> from vae_jax.training import Terms, StepHyper, StepKeys
    >>> step = make_step(objective, optax.identity())
    >>> keys = StepKeys(*jax.random.split(jax.random.key(0), (2, 2)))
    >>> state = init_state(jnp.array(0.0), optax.identity())
    >>> state, info = step(state, jnp.array([1.0, 3.0]), StepHyper(1.0, 0.25), keys)
    >>> float(state.params), float(info.loss)
    (1.0, 5.0)
    """

    def batch_loss(params, batch, hyper, keys):  # type: ignore[no-untyped-def]
        loss, terms = objective(params, batch, hyper, keys)
        return jnp.mean(loss), jax.tree.map(jnp.mean, terms)

    def step(state, batch, hyper, keys):  # type: ignore[no-untyped-def]
        beta = jnp.asarray(hyper.beta, jnp.float32)
        if feedback is not None:
            beta = beta * feedback.beta(state.feedback, hyper)
        hyper = hyper._replace(beta=beta)
        value_and_grad = jax.value_and_grad(batch_loss, has_aux=True)
        (loss, terms), grads = value_and_grad(state.params, batch, hyper, keys)
        if axis_name is not None:
            loss, terms, grads = jax.lax.pmean((loss, terms, grads), axis_name)
        info = StepInfo(
            loss,
            terms.distortion,
            terms.rate,
            terms.penalised_rate,
            beta,
            optax.tree.norm(grads),
        )
        # optax mixes its counters with floats, also where a caller has asked JAX not to
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = jax.tree.map(
            lambda p, u: p - jnp.asarray(hyper.learning_rate, p.dtype) * u,
            state.params,
            updates,
        )
        steered = state.feedback
        if feedback is not None:
            steered = feedback.update(steered, info, hyper)
        return TrainState(params, opt_state, steered), info

    return step
