"""What a likelihood is, and the sum over the event that all of them share."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike


class Likelihood(NamedTuple):
    """A family of densities of the data; `output` is what the decoder returns.

    Attributes:
        log_prob: `log_prob(output, x, batch_ndim=1) -> (*batch,)`, normalised, summed over
            the event: every axis after the first `batch_ndim`, so 0 for one example by
            itself, as inside `vmap`.
        mean: `mean(output) -> like x`.
        sample: `sample(key, output) -> like x`; one key for the whole array.

    >>> Likelihood._fields
    ('log_prob', 'mean', 'sample')
    """

    log_prob: Callable[..., Array]
    mean: Callable[[Any], Array]
    sample: Callable[[Array, Any], Array]


def sum_event(
    values: Float[ArrayLike, "..."], batch_ndim: int = 1
) -> Float[Array, "..."]:
    """Sum every axis after the first `batch_ndim`.

    Raises:
        TypeError: `batch_ndim` is no whole number.
        ValueError: it is negative, or there are not as many axes.

    >>> sum_event(jnp.ones((2, 3, 4))).tolist()
    [12.0, 12.0]
    """
    values = as_float(values)
    first = checks.whole("batch_ndim", batch_ndim, -values.ndim - 9)
    if not 0 <= first <= values.ndim:
        raise ValueError(
            f"`batch_ndim` must be between 0 and the {values.ndim} axes of `x`; got "
            f"{batch_ndim}. Inside `vmap` the batch axis is gone."
        )
    return jnp.sum(values, axis=tuple(range(first, values.ndim)))


def check_unit_interval(x: ArrayLike, family: str, fix: str) -> None:
    """Refuse known data outside 0 to 1, with the fix; NaN is for the value to show.

    >>> check_unit_interval(np.array([0.0, 0.5]), "Bernoulli", "")
    """
    if isinstance(x, jax.core.Tracer):
        return
    if isinstance(x, jax.Array) and not x.is_fully_addressable:
        return
    refuse_outside(known_data(x), family, fix, nan=False)


def refuse_outside(known: np.ndarray, family: str, fix: str, *, nan: bool) -> None:
    """Refuse data outside 0 to 1, and what is no number if `nan` says so.

    >>> refuse_outside(np.array([0.0, np.nan]), "Bernoulli", "", nan=False)
    """
    wrong = ~((known >= 0) & (known <= 1)) if nan else (known < 0) | (known > 1)
    if wrong.any():
        raise ValueError(
            f"`x` must lie between 0 and 1 for a {family} likelihood; got "
            f"{known[wrong].flat[0]}. {fix}"
        )


def check_total_weight(total: Float[Array, ""]) -> None:
    """Refuse weights of which none is positive: their mean is 0 / 0.

    >>> check_total_weight(jnp.ones(()))
    """
    known = checks.concrete("weights", total)
    if known is not None and not known > 0:
        raise ValueError(
            f"`weights` must have a positive sum; got {float(known)}: no example counts."
        )


def known_data(x: ArrayLike, name: str = "x") -> np.ndarray:
    """Real numbers that are known, in their own type.

    Raises:
        TypeError: they are traced, or no real numbers.

    >>> known_data(jnp.ones(2)).tolist()
    [1.0, 1.0]
    """
    if isinstance(x, jax.core.Tracer):
        raise TypeError(f"`{name}` must be known: check data outside of `jax.jit`.")
    array = np.asarray(x)
    if not any(jnp.issubdtype(array.dtype, kind) for kind in checks.REAL):
        raise TypeError(f"`{name}` must hold real numbers; got {array.dtype}.")
    return array
