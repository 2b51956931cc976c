"""The continuous Bernoulli likelihood on logits: data anywhere between 0 and 1.

It is the Bernoulli formula with the constant that makes it a density on [0, 1]. Everything
is written in `d`, the distance of `x` to the end that the logit favours, and `a = |logit|`:
`log p = log a - log(1 - exp(-a)) - a d`, which neither overflows nor cancels. Below
`a = 1/2` it is a series around the uniform density, with its own derivative.

Log-densities are in nats, summed over the event.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vae_jax.keys import as_key
from vae_jax.likelihoods._event import (
    Likelihood,
    check_unit_interval,
    known_data,
    refuse_outside,
    sum_event,
)
from vae_jax.numerics import as_float, check_same_shape, log1mexp
from vae_jax.types import ArrayLike

SERIES_BELOW = 0.5
"""Of |logit|: the first term left out is 1e-18 of the sum; above, 4 roundings are lost."""

BERNOULLI_NUMBERS = (
    *(1 / 6, -1 / 30, 1 / 42, -1 / 30),
    *(5 / 66, -691 / 2730, 7 / 6, -3617 / 510),
)
"""`B_2, B_4, ...`: the series is `sum_k B_2k l^2k / (2k (2k)!)`."""

FIX = (
    "Scale the data: `data.scale(images, 255)` for bytes. Check a whole set once, by "
    "`likelihoods.check_continuous_bernoulli_data`."
)


def continuous_bernoulli_log_prob(
    logits: Float[ArrayLike, "..."], x: Float[ArrayLike, "..."], batch_ndim: int = 1
) -> Float[Array, "..."]:
    """`sum_i x_i l_i - softplus(l_i) + log C(l_i)` nats, `C(l) = l / tanh(l / 2)`.

    A normalised density on [0, 1], unlike the Bernoulli formula on grey data; at logit 0
    it is uniform. Value and gradient `x - mean` keep their digits around 0 and at any
    logit. Loaiza-Ganem & Cunningham (2019), arXiv:1907.06845.

    Args:
        logits: `(*batch, *event)`.
        x: the same shape, from 0 to 1. Only known values are looked at, which those under
            `jit` are not: `check_continuous_bernoulli_data`, once, on the whole data set.
        batch_ndim: leading axes that are kept; 0 for one example, as inside `vmap`.

    Raises:
        ValueError: the shapes differ, or a known `x` is not between 0 and 1.

    >>> continuous_bernoulli_log_prob(jnp.zeros((1, 2)), jnp.ones((1, 2))).tolist()
    [0.0]
    """
    check_unit_interval(x, "continuous Bernoulli", FIX)
    logits, x = as_float(logits), as_float(x)
    check_same_shape("x", x, "logits", logits)
    return sum_event(_log_prob(logits, x), batch_ndim)


@jax.custom_jvp
def _log_prob(logits: Array, x: Array) -> Array:
    near, small, size = _split(logits)
    distance = jnp.where(logits >= 0, 1.0 - x, x)
    far = jnp.log(size) - log1mexp(size) - distance * size
    return jnp.where(near, (x - 0.5) * small - _series(small), far)


@_log_prob.defjvp
def _log_prob_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    (logits, x), (dlogits, dx) = primals, tangents
    near, small, size = _split(logits)
    # x - mean, of which 1 - (1 - mean) would lose what the distance to 1 still knows
    high, low = _mean_distance(size) - (1.0 - x), x - _mean_distance(size)
    far = jnp.where(logits >= 0, high, low)
    slope = jnp.where(near, (x - 0.5) - _series_slope(small), far)
    return _log_prob(logits, x), slope * dlogits + logits * dx


def _split(logits: Array) -> tuple[Array, Array, Array]:
    """Where the series holds; the logit for it, 0 elsewhere; |logit| elsewhere, 1 there.

    Neither branch sees what is not its own: an overflow in the one that is not taken is
    multiplied by 0 in a slope, and is NaN.
    """
    size = jnp.abs(logits)
    near = size < SERIES_BELOW
    return near, jnp.where(near, logits, 0.0), jnp.where(near, 1.0, size)


def _series(logits: Array) -> Array:
    """`log(sinh(l / 2) / (l / 2))`, summed from its last term."""
    square, total = jnp.square(logits), jnp.zeros_like(logits)
    for k in range(len(BERNOULLI_NUMBERS), 0, -1):
        term = BERNOULLI_NUMBERS[k - 1] / (2 * k * math.factorial(2 * k))
        total = (total + term) * square
    return total


def _series_slope(logits: Array) -> Array:
    """Its derivative, `coth(l / 2) / 2 - 1 / l`: the mean minus 1/2."""
    square, total = jnp.square(logits), jnp.zeros_like(logits)
    for k in range(len(BERNOULLI_NUMBERS), 0, -1):
        total = total * square + BERNOULLI_NUMBERS[k - 1] / math.factorial(2 * k)
    return total * logits


def _mean_distance(size: Array) -> Array:
    """How far the mean is from the favoured end: `1 / a - 1 / expm1(a)`."""
    return 1.0 / size - jnp.exp(-size) / -jnp.expm1(-size)


def _mean(logits: ArrayLike) -> Array:
    logits = as_float(logits)
    near, small, size = _split(logits)
    distance = _mean_distance(size)
    far = jnp.where(logits >= 0, 1.0 - distance, distance)
    return jnp.where(near, 0.5 + _series_slope(small), far)


def _sample(key: Array, logits: ArrayLike) -> Array:
    """The inverse distribution function, from the favoured end."""
    logits = as_float(logits)
    size = jnp.abs(logits)
    uniform = jax.random.uniform(as_key("key", key), logits.shape, logits.dtype)
    # nearly flat: a series, whose slope in the logit does not cancel
    flat = size < float(np.finfo(size.dtype).eps) ** (1 / 3)
    safe, tiny = jnp.where(flat, 1.0, size), jnp.where(flat, size, 0.0)
    spread = uniform * (1.0 - uniform)
    series = uniform - spread * tiny * (0.5 - tiny * (1.0 - 2.0 * uniform) / 6.0)
    distance = -jnp.log1p(uniform * jnp.expm1(-safe)) / safe
    distance = jnp.clip(jnp.where(flat, series, distance), 0.0, 1.0)
    return jnp.where(logits >= 0, 1.0 - distance, distance)


def continuous_bernoulli() -> Likelihood:
    """Independent pixels between 0 and 1; the decoder returns logits.

    The mean is `1 / (1 - exp(-l)) - 1 / l`, not `sigmoid(l)`: it reaches 0.9 at a logit of
    10, where the sigmoid is 0.99995.

    >>> family = continuous_bernoulli()
    >>> [round(float(mean), 4) for mean in family.mean(jnp.array([0.0, 10.0]))]
    [0.5, 0.9]
    >>> family.sample(jax.random.key(0), jnp.zeros((1, 2))).shape
    (1, 2)
    """
    return Likelihood(continuous_bernoulli_log_prob, _mean, _sample)


def check_continuous_bernoulli_data(x: ArrayLike) -> None:
    """Refuse data that a continuous Bernoulli has no density for; concrete arrays only.

    Raises:
        TypeError: no real numbers, or traced ones.
        ValueError: a value outside 0 to 1, or not a number; names it.

    >>> check_continuous_bernoulli_data(np.array([0.0, 0.3, 1.0]))
    """
    refuse_outside(known_data(x), "continuous Bernoulli", FIX, nan=True)
