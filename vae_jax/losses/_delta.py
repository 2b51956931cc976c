"""delta-VAE: a posterior that cannot come closer to the prior than delta nats a unit."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.numerics import as_float, check_same_shape, expm1_minus, log1mexp
from vae_jax.types import ArrayLike
from vae_jax.vae import DiagGaussian

NEWTON_STEPS = 4
"""Three reach the rounding of float32 and four that of float64, at any delta."""

LARGE = 1.0
"""From there on exponentials are kept as their logarithms, which do not overflow."""


def delta_posterior(
    raw_mean: Float[ArrayLike, "*batch latent"],
    raw_scale: Float[ArrayLike, "*batch latent"],
    delta: Float[ArrayLike, ""],
) -> DiagGaussian:
    """A posterior with `KL(q || N(0, 1)) >= delta` nats in every unit, by construction.

    `sigma = low + (high - low) sigmoid(raw_scale)`, where low and high are the roots of
    `log s^2 - s^2 + 2 delta + 1 = 0`, and
    `mean = sqrt(2 delta + 1 + log sigma^2 - sigma^2) + max(0, raw_mean)`. The KL is delta
    wherever `raw_mean <= 0` (to 1e-6 of it in float32): a collapsed unit still pays delta.
    Means are never negative. Razavi et al. (2019), arXiv:1901.03416.

    A floor of the KL is not information: a constant posterior has it too. See
    `diagnostics.mutual_information`.

    Args:
        raw_mean: what the encoder returns; any real numbers.
        raw_scale: the same shape; sigma is the middle of its range at 0.
        delta: nats per unit, at least 0; data, and differentiable. At 0 the posterior is
            `N(max(0, raw_mean), 1)`, with no slope in delta.

    Returns:
        `(mean, logvar)`.

    Raises:
        ValueError: the shapes differ, or delta is not one number that is at least 0.

    >>> from vae_jax import gaussian
    >>> posterior = delta_posterior(jnp.array([-1.0, 1.0]), jnp.zeros(2), 0.15)
    >>> [round(kl, 3) for kl in gaussian.kl_standard(*posterior).tolist()]
    [0.15, 1.197]
    """
    raw_mean, raw_scale = as_float(raw_mean), as_float(raw_scale)
    check_same_shape("raw_scale", raw_scale, "raw_mean", raw_mean)
    checks.number("delta", delta, 0, high_open=True)
    low, high = _range(jnp.asarray(delta, raw_mean.dtype))
    end, away = _from_the_nearer_end(raw_scale.astype(raw_mean.dtype), low, high)
    return DiagGaussian(
        _safe_sqrt(_room(end, away)) + jax.nn.relu(raw_mean), end + away
    )


def _from_the_nearer_end(raw: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """`log sigma^2` as one end of its range and the signed distance from there."""
    half = 0.5 * (high - low)
    lower = raw < 0
    # of the range, between sigma and that end: the other share has lost its digits
    share = jnp.where(lower, jax.nn.sigmoid(raw), jax.nn.sigmoid(-raw))
    down = 2 * jnp.log1p(jnp.expm1(-half) * share)
    far = half > LARGE
    up = 2 * jnp.log1p(jnp.expm1(jnp.where(far, LARGE, half)) * share)
    wide = jnp.where(far, half, LARGE)
    log_share = jax.nn.log_sigmoid(-jnp.abs(raw))
    far_up = 2 * jax.nn.softplus(wide + log1mexp(wide) + log_share)
    up = jnp.where(far, far_up, up)
    return jnp.where(lower, low, high), jnp.where(lower, up, down)


def _room(end: Array, away: Array) -> Array:
    """`2 delta + 1 + log sigma^2 - sigma^2`, 0 at the end, without its cancellation."""
    far = away > LARGE
    near = jnp.where(far, LARGE, away)
    near_room = -jnp.expm1(end) * near - jnp.exp(end) * expm1_minus(near)
    # of the lower end alone: there the terms differ in size
    lower, rest = jnp.where(far, end, 0.0), jnp.where(far, away, LARGE)
    return jnp.where(far, rest + jnp.exp(lower) - jnp.exp(lower + rest), near_room)


def _safe_sqrt(x: Array) -> Array:
    """The root, with slope 0 at 0: what it tends to along a sigmoid that saturates."""
    zero = x == 0
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, x)))


@jax.custom_jvp
def _range(delta: Array) -> tuple[Array, Array]:
    """Both roots of `expm1(y) - y = 2 delta`: the ends of `y = log sigma^2`.

    The left side is convex, and from where it exceeds the right one Newton's steps fall
    on the root without passing it. It is at least `t^2 / (2 + t)` at y = -t and `y^2 / 2`
    at y > 0, which gives such starts; they are also right to first order as delta goes
    to 0, where the roots meet.
    """
    width = 2 * jnp.sqrt(delta)
    low = -(delta + jnp.sqrt(jnp.square(delta) + 4 * delta))
    high = jnp.log1p(2 * delta + width)
    for _ in range(NEWTON_STEPS):
        low, high = (_newton(y, delta) for y in (low, high))
    return low, high


def _newton(y: Array, delta: Array) -> Array:
    slope = jnp.expm1(y)
    flat = slope == 0  # delta is 0, and so is the root
    return y - (expm1_minus(y) - 2 * delta) / jnp.where(flat, 1.0, slope)


@_range.defjvp
def _range_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    """Of the root and not of the steps: `dy = 2 d delta / expm1(y)`."""
    (delta,), (change,) = primals, tangents
    ends = _range(delta)
    slopes = (jnp.expm1(y) for y in ends)
    return ends, tuple(
        jnp.where(slope == 0, 0.0, 2 * change / jnp.where(slope == 0, 1.0, slope))
        for slope in slopes
    )
