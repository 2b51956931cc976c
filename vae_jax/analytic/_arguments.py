"""Spectra and settings as the closed forms take them: checked, floating, in line.

A setting may be an array of any shape, such as a column of betas beside a row of
variances. Settings broadcast against each other and become the leading axes of the result;
they never meet the axis of the spectrum.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike

ROUNDING = 1e-4
"""How far below 0, in units of the largest, rounding may have left an eigenvalue."""


def as_spectrum(eigenvalues: ArrayLike) -> Float[Array, " features"]:
    """The eigenvalues in descending order.

    Raises:
        ValueError: no vector with an entry, or what no covariance has.

    >>> as_spectrum(np.array([1, 4])).tolist()
    [4.0, 1.0]
    """
    spectrum = as_variances("eigenvalues", eigenvalues)
    if spectrum.ndim != 1 or len(spectrum) == 0:
        raise ValueError(
            "`eigenvalues` must have the shape (features,), with at least one; got "
            f"{spectrum.shape}."
        )
    return jnp.sort(spectrum, descending=True)


def as_variances(name: str, values: ArrayLike) -> Float[Array, "..."]:
    """Variances in float32 or wider, refused where they are known and are none.

    >>> as_variances("eigenvalue", 2).dtype
    dtype('float32')
    """
    known = checks.concrete(name, values)
    if known is not None:
        checks.in_range(name, known, low_open=True, high_open=True)
        largest = np.max(np.abs(known), initial=0.0)
        if (known < -ROUNDING * largest).any():
            raise ValueError(
                f"`{name}` must be variances, of which rounding leaves none below "
                f"{-ROUNDING:g} of the largest; got {known.min()}."
            )
    return as_float(values)


def leading(like: Array, **settings: ArrayLike) -> tuple[Array, ...]:
    """The array and the settings, whose own axes come before all of the array's.

    Raises:
        ValueError: settings that do not broadcast against each other.

    >>> row, beta = leading(jnp.ones(3), beta=jnp.ones(2))
    >>> row.shape, beta.shape
    ((1, 3), (2, 1))
    """
    shapes = {name: jnp.shape(value) for name, value in settings.items()}
    try:
        shape = np.broadcast_shapes(*shapes.values())
    except ValueError:
        names = " and ".join(f"`{name}`, {own}," for name, own in shapes.items())
        raise ValueError(f"{names} must broadcast against each other.") from None
    ones = (1,) * like.ndim
    return like.reshape((1,) * len(shape) + like.shape), *(
        jnp.broadcast_to(as_float(value).astype(like.dtype), shape).reshape(
            shape + ones
        )
        for value in settings.values()
    )


def position(like: Array) -> Array:
    """The number of every entry along the last axis, with as many axes as the array.

    >>> position(jnp.ones((1, 3))).tolist()
    [[0, 1, 2]]
    """
    return jax.lax.broadcasted_iota(jnp.int32, like.shape, like.ndim - 1)


def check_weight(beta: ArrayLike, *, zero: bool = True) -> None:
    """A weight of the rate is finite and not negative, and 0 only where that has sense.

    >>> check_weight(0.0)
    """
    checks.in_range("beta", beta, 0, low_open=not zero, high_open=True)


def check_noise(variance: ArrayLike) -> None:
    """A noise variance is finite and above 0.

    >>> check_noise(np.array([0.1, 2.0]))
    """
    checks.in_range("variance", variance, 0, low_open=True, high_open=True)
