"""The Bernoulli likelihood on logits: binary data.

Log-densities are in nats, summed over the event.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax.keys import as_key
from vae_jax.likelihoods._event import (
    Likelihood,
    check_unit_interval,
    known_data,
    refuse_outside,
    sum_event,
)
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike

FIX = (
    "Scale or binarise the data: `data.scale(images, 255)` for bytes. Check a whole set "
    "once, by `likelihoods.check_bernoulli_data`."
)


def bernoulli_log_prob(
    logits: Float[ArrayLike, "..."], x: Float[ArrayLike, "..."], batch_ndim: int = 1
) -> Float[Array, "..."]:
    """`sum_i x_i l_i - softplus(l_i)` nats: minus the binary cross-entropy.

    For binary `x` value and gradient keep their digits at any logit: the gradient is
    `x sigmoid(-l) - (1 - x) sigmoid(l)`, where `x - sigmoid(l)` cancels. `x` between 0
    and 1 is accepted, as everywhere in the field; it is then not a normalised density.

    Args:
        logits: `(*batch, *event)`.
        x: the same shape, from 0 to 1. Only known values are looked at, which those under
            `jit` are not: `check_bernoulli_data`, once, on the whole data set.
        batch_ndim: leading axes that are kept; 0 for one example, as inside `vmap`.

    Raises:
        ValueError: the shapes differ, or a known `x` is not between 0 and 1.

    >>> bernoulli_log_prob(jnp.full((1, 2), 100.0), jnp.ones((1, 2))).tolist()
    [0.0]
    """
    check_unit_interval(x, "Bernoulli", FIX)
    logits, x = as_float(logits), as_float(x)
    check_same_shape("x", x, "logits", logits)
    return sum_event(_log_prob(logits, x), batch_ndim)


@jax.custom_jvp
def _log_prob(logits: Array, x: Array) -> Array:
    positive = jnp.maximum(logits, 0.0)
    return x * logits - positive - jnp.log1p(jnp.exp(-jnp.abs(logits)))


@_log_prob.defjvp
def _log_prob_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    (logits, x), (dlogits, dx) = primals, tangents
    small = jnp.exp(-jnp.abs(logits))  # one exponential serves both sigmoids
    high = 1.0 / (1.0 + small)
    low = small * high
    on = jnp.where(logits >= 0, high, low)
    off = jnp.where(logits >= 0, low, high)
    slope = x * off - (1.0 - x) * on
    return _log_prob(logits, x), slope * dlogits + logits * dx


def bernoulli() -> Likelihood:
    """Independent binary pixels; the decoder returns logits.

    >>> family = bernoulli()
    >>> family.mean(jnp.zeros((1, 2))).tolist()
    [[0.5, 0.5]]
    >>> family.sample(jax.random.key(0), jnp.full((1, 2), 50.0)).tolist()
    [[1.0, 1.0]]
    """

    def sample(key: Array, logits: ArrayLike) -> Array:
        logits = as_float(logits)
        # p = sigmoid(l) is drawn as u < p, in the dtype of the logits
        uniform = jax.random.uniform(as_key("key", key), logits.shape, logits.dtype)
        return (uniform < jax.nn.sigmoid(logits)).astype(logits.dtype)

    return Likelihood(
        bernoulli_log_prob, lambda logits: jax.nn.sigmoid(as_float(logits)), sample
    )


def check_bernoulli_data(x: ArrayLike) -> None:
    """Refuse data that a Bernoulli likelihood has no density for; concrete arrays only.

    Raises:
        TypeError: no real numbers, or traced ones.
        ValueError: a value outside 0 to 1, or not a number; names it.

    >>> check_bernoulli_data(jnp.array([0.0, 1.0]))
    """
    refuse_outside(known_data(x), "Bernoulli", FIX, nan=True)
