"""Learning rates as data, by optax's own ways of taking one.

Whatever optax has makes a step: its updates are added, and its learning rate is inside. A
sweep varies the rate in one compiled program, so `hyper.learning_rate` may say it instead,
to an optimiser that takes it, in either of two ways:

- as an extra argument, `update(grads, state, params, learning_rate=...)`, as `adam()` and
  `sgd()` do;
- as a hyper-parameter in its state, `optax.inject_hyperparams(optax.adamw)(1e-3)`, in whose
  place it is put.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from vae_jax.types import Array, ArrayLike

RATE = "learning_rate"

NOT_TAKEN = (
    "`learning_rate` must be None for an optimiser that has its own, which it would not "
    "change; got {}. Leave it out, or give an optimiser that takes it: `training.adam()`, "
    "`training.sgd()`, or one of optax's as "
    "`optax.inject_hyperparams(optax.adamw)(learning_rate=1e-3)`."
)
MISSING = (
    "`learning_rate` must be given in the settings of the step for `training.adam()` and "
    "`training.sgd()`, which have none of their own; got None. Give it, or an optimiser "
    "with its own, as `optax.adam(1e-3)`."
)


def take_rate(
    optimizer: optax.GradientTransformation,
) -> optax.GradientTransformationExtraArgs:
    """The optimiser with a given `learning_rate` put in the place of its state's.

    >>> made = take_rate(optax.inject_hyperparams(optax.sgd)(0.5))
    >>> state = made.init(jnp.zeros(()))
    >>> update, _ = made.update(jnp.ones(()), state, jnp.zeros(()), learning_rate=0.25)
    >>> float(update)
    -0.25
    """
    takes_extra = isinstance(optimizer, optax.GradientTransformationExtraArgs)

    def update(
        updates: Any, state: Any, params: Any = None, **extra: Any
    ) -> tuple[Any, Any]:
        if RATE in extra:
            state = with_rate(state, extra[RATE])
        given = extra if takes_extra else {}
        return optimizer.update(updates, state, params, **given)

    return optax.GradientTransformationExtraArgs(optimizer.init, update)


def with_rate(state: Any, rate: ArrayLike) -> Any:
    """The state with this rate where `optax.inject_hyperparams` holds one."""

    def holds(node: Any) -> bool:
        named = getattr(node, "hyperparams", None)
        return isinstance(named, dict) and RATE in named

    def put(node: Any) -> Any:
        if not holds(node):
            return node
        dtype = jnp.result_type(node.hyperparams[RATE])
        own = {**node.hyperparams, RATE: jnp.asarray(rate, dtype)}
        return node._replace(hyperparams=own)

    changed: Any = jax.tree.map(put, state, is_leaf=holds)
    return changed


def by_rate(updates: Any, rate: ArrayLike | None) -> Any:
    """`-rate * update`: down the gradient, to be added.

    Raises:
        ValueError: no rate.

    >>> float(by_rate(jnp.array(2.0), 0.25))
    -0.5
    """
    if rate is None:
        raise ValueError(MISSING)
    return jax.tree.map(lambda u: -jnp.asarray(rate, u.dtype) * u, updates)


def check_rate(updates: Callable[[Array], Any], rate: ArrayLike) -> None:
    """Refuse a rate that is no number, or on which the updates do not depend.

    They are traced, not computed.

    Raises:
        ValueError: the setting would change nothing, or is a row.

    >>> check_rate(lambda rate: 2 * rate, 0.1)
    """
    if jnp.ndim(rate):
        raise ValueError(
            f"`learning_rate` must be one number a step; got the shape {jnp.shape(rate)}."
        )
    shown = "a traced number" if isinstance(rate, jax.core.Tracer) else rate
    try:
        traced = jax.make_jaxpr(updates)(jnp.asarray(rate))
    except TypeError as error:
        if RATE not in str(error):
            raise
        raise ValueError(NOT_TAKEN.format(shown)) from error
    if not any(reached(traced.jaxpr, [True])):
        raise ValueError(NOT_TAKEN.format(shown))


def reached(program: Any, sources: list[bool]) -> list[bool]:
    """Which results of a traced program depend on the marked arguments.

    >>> traced = jax.make_jaxpr(lambda x, y: (x + 1, x * y))(1.0, 2.0)
    >>> reached(traced.jaxpr, [False, True])
    [False, True]
    """
    live = {id(v) for v, on in zip(program.invars, sources, strict=True) if on}
    for equation in program.eqns:
        found = [id(v) in live for v in equation.invars]
        if not any(found):
            continue
        outputs = [True] * len(equation.outvars)
        if equation.primitive.name in ("jit", "pjit"):
            outputs = reached(equation.params["jaxpr"].jaxpr, found)
        live |= {id(v) for v, on in zip(equation.outvars, outputs, strict=True) if on}
    return [id(v) in live for v in program.outvars]
