"""The one pure train step; everything that trains in this package calls it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Shaped

from vae_jax.mapped import batch_axis, batch_split_over, mean_over
from vae_jax.numerics import as_float
from vae_jax.training._explicit import in_auto_axes
from vae_jax.training._feedback import Feedback
from vae_jax.training._learning_rate import RATE, check_rate, take_rate
from vae_jax.training._objective import Objective
from vae_jax.training._state import StepHyper, StepInfo, StepKeys, TrainState
from vae_jax.types import ArrayLike, Params

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

    `params <- params + update`, as optax has it (`optax.apply_updates`), in the dtype of
    the parameters: `optax.adam(1e-3)` and all others, schedules and chains included. What
    optax calls extra arguments is there for those that ask: `value`, `grad`, `value_fn`.

    A learning rate that is data is `hyper.learning_rate`, for an optimiser that takes it:
    `adam()`, `sgd()`, `optax.inject_hyperparams(optax.adamw)(learning_rate=1e-3)`.

    Args:
        objective: per-example loss in nats; see `make_objective`.
        optimizer: an optax transformation.
        axis_name: mapped axis that the batch is split over, if it is. Gradients and
            information are averaged over it, and clipped after that; and whatever of this
            package the objective calls takes its batch means over it. What takes a mean
            by itself must do the same; `vae_jax.mapped.batch_axis()` says the name. Where
            none is given it is that of whoever has split the batch, as sweeps do.
        feedback: a controller, whose value multiplies beta.

    Returns:
        `step(state, batch, hyper, keys) -> (state, StepInfo)`. Nothing is jitted. It
        carries its `axis_name`, for `pmap_step`.

    Raises:
        ValueError: when it is traced, `hyper.learning_rate` is given and the optimiser does
            not take it, or is not and `adam()` or `sgd()` have none.

    >>> def objective(params, batch, hyper, keys):
    ...     loss = (params - batch) ** 2
    ...     return loss, Terms(loss, 0 * loss, 0 * loss)
    >>> from vae_jax.training import Terms, StepHyper, StepKeys
    >>> optimizer, keys = optax.sgd(0.25), StepKeys.from_key(jax.random.key(0), 2)
    >>> step, state = make_step(objective, optimizer), init_state(jnp.array(0.0), optimizer)
    >>> state, info = step(state, jnp.array([1.0, 3.0]), StepHyper(beta=1.0), keys)
    >>> float(state.params), float(info.loss)
    (1.0, 5.0)
    """
    taking = take_rate(optimizer)

    def batch_loss(params: Any, batch: Any, hyper: Any, keys: Any) -> Any:
        loss, terms = objective(params, batch, hyper, keys)
        return jnp.mean(loss), jax.tree.map(partial(jnp.mean, axis=0), terms)

    def over_devices(found: Any) -> Any:
        axis = batch_axis()
        return found if axis is None else mean_over(found, axis)

    def run(state, batch, hyper, keys):  # type: ignore[no-untyped-def]
        beta = jnp.asarray(hyper.beta, jnp.float32)
        if feedback is not None:
            beta = beta * feedback.beta(state.feedback, hyper)
        hyper = hyper._replace(beta=beta)
        value_and_grad = jax.value_and_grad(batch_loss, has_aux=True)
        (loss, terms), grads = over_devices(
            value_and_grad(state.params, batch, hyper, keys)
        )
        norm = global_norm(grads)
        info = StepInfo(
            loss,
            terms.distortion,
            terms.rate,
            terms.penalised_rate,
            beta,
            norm,
            terms.kl,
        )

        def value_fn(params: Any) -> Any:
            return over_devices(batch_loss(params, batch, hyper, keys)[0])

        extra = {"value": loss, "grad": grads, "value_fn": value_fn}
        params, opt_state = move(taking, state, grads, hyper.learning_rate, extra)
        steered = state.feedback
        if feedback is not None:
            steered = feedback.update(steered, info, hyper)
        return TrainState(params, opt_state, steered), info

    def step(state, batch, hyper, keys):  # type: ignore[no-untyped-def]
        with batch_split_over(batch_axis(axis_name)):
            return in_auto_axes(run, state, batch, hyper, keys)

    step.axis_name = axis_name  # type: ignore[attr-defined]
    return step


def global_norm(grads: Params) -> Float[Array, ""]:
    """The norm of all gradients together, in float32 or wider.

    Each leaf times itself is a product of two vectors: a sum of squares would be written
    to memory first, which takes 4 % of a step (784-500-20, batch 128, on one core).

    >>> float(global_norm({"w": jnp.array([3.0, 0.0]), "b": jnp.array(4.0)}))
    5.0
    """
    leaves = [as_float(leaf).ravel() for leaf in jax.tree.leaves(grads)]
    squares = [jnp.vdot(leaf, leaf, precision="highest") for leaf in leaves]
    return jnp.sqrt(jnp.stack(squares).sum())


def check_whole(step: Step, name: str) -> None:
    """Refuse a step that was made for a mapped axis where there is none.

    Raises:
        ValueError: it has an axis name.

    >>> check_whole(lambda state, batch, hyper, keys: (state, None), "jit_step")
    """
    axis_name = getattr(step, "axis_name", None)
    if axis_name is not None:
        raise ValueError(
            f"`step` must be made without an axis name for `{name}`, where a mean over the "
            f"batch is global already; got axis_name={axis_name!r}. Make it without, or "
            "use `pmap_step`."
        )


def move(
    optimizer: optax.GradientTransformationExtraArgs,
    state: TrainState,
    grads: Params,
    rate: ArrayLike | None,
    extra: dict[str, Any],
) -> tuple[Params, Any]:
    """Parameters and the optimiser's state after an update.

    >>> optimizer = take_rate(optax.sgd(0.5))
    >>> state = init_state(jnp.array(3.0), optimizer)
    >>> float(move(optimizer, state, jnp.array(2.0), None, {})[0])
    2.0
    """
    # optax mixes its counters with floats, also where a caller has asked JAX not to
    with jax.numpy_dtype_promotion("standard"):

        def update(**rate: ArrayLike) -> Any:
            return optimizer.update(
                grads, state.opt_state, state.params, **extra, **rate
            )

        if rate is not None:
            check_rate(lambda one: update(**{RATE: one})[0], rate)
        given = {} if rate is None else {RATE: rate}
        updates, opt_state = update(**given)
        kept = jax.tree.map(as_before, opt_state, state.opt_state)
        return optax.apply_updates(state.params, updates), kept


def as_before(new: ArrayLike, old: ArrayLike) -> ArrayLike:
    """A part of the optimiser's state in the dtype that it began with.

    Some of optax widen moments of parameters in half precision at their first update, and
    a state that changes its dtype cannot be carried through a run.

    >>> as_before(jnp.ones(2), jnp.ones(2, jnp.bfloat16)).dtype
    dtype(bfloat16)
    """
    dtype = jnp.result_type(old)
    changed = jnp.result_type(new) != dtype and jnp.issubdtype(dtype, jnp.inexact)
    return jnp.asarray(new, dtype) if changed else new
