"""The AR(1) prior of the delta-VAE, and the rate that it commits a posterior to.

`log_prob` and `kl` are in nats.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from vae_jax import checks, gaussian
from vae_jax.keys import as_key
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.priors._latent import as_latent, at_least_one
from vae_jax.types import ArrayLike, Params
from vae_jax.vae import Prior


def autoregressive(
    latent_dim: int, num_steps: int, alpha: Float[ArrayLike, "*channels"]
) -> Prior:
    """`z_t = alpha z_(t-1) + sqrt(1 - alpha^2) e_t`, `z_1 = e_1`, with e standard normal.

    Every unit is N(0, 1), and neighbours in time have the correlation alpha, which no
    diagonal posterior has: its KL is at least `committed_rate` a channel. Razavi et al.
    (2019), arXiv:1901.03416.

    `kl` is of the chain rule, `E_q KL(q(z_t) || p(z_t | z_(t-1)))` for each unit: no term
    is negative and their sum is the whole KL. After t = 1, with `v = 1 - alpha^2`, it is
    `(((m_t - alpha m_(t-1))^2 + s_t^2 + alpha^2 s_(t-1)^2) / v - 1 - log(s_t^2 / v)) / 2`.

    Nothing is learned: a learned alpha could go to 0, where the prior commits to nothing.

    Args:
        latent_dim: units of z: `num_steps` times the channels, a step after the other.
        num_steps: of the process.
        alpha: within (-1, 1), for all channels or one each; data, and differentiable.

    Raises:
        TypeError: sizes that are no whole numbers.
        ValueError: sizes that do not fit, an alpha outside of (-1, 1), or codes of another
            number of units.

    >>> prior = autoregressive(latent_dim=4, num_steps=2, alpha=0.5)
    >>> [round(kl, 4) for kl in prior.kl({}, jnp.zeros(4), jnp.zeros(4)).tolist()]
    [0.0, 0.0, 0.1895, 0.1895]
    """
    num_channels = _channels(latent_dim, num_steps, alpha)

    def in_steps(values: Array) -> Array:
        return values.reshape(*values.shape[:-1], num_steps, num_channels)

    def init(key: Key[Array, ""]) -> Params:
        del key
        return {}

    def log_prob(
        params: Params, z: Float[ArrayLike, "*batch latent"]
    ) -> Float[Array, "*batch"]:
        del params
        steps = in_steps(as_latent("z", z, latent_dim))
        density = gaussian.log_prob(steps, *_conditional(steps, alpha))
        return jnp.sum(density, axis=(-2, -1))

    def sample(
        key: Key[Array, ""], params: Params, shape: tuple[int, ...] = ()
    ) -> Float[Array, "*shape latent"]:
        del params
        size = (num_steps, *shape, num_channels)
        noise = jax.random.normal(as_key("key", key), size, jnp.result_type(float))
        steps = jnp.moveaxis(_run(noise, alpha), 0, -2)
        return steps.reshape(*shape, latent_dim)

    def kl(
        params: Params,
        mean: Float[ArrayLike, "*batch latent"],
        logvar: Float[ArrayLike, "*batch latent"],
    ) -> Float[Array, "*batch latent"]:
        del params
        mean, logvar = as_latent("mean", mean, latent_dim), as_float(logvar)
        check_same_shape("logvar", logvar, "mean", mean)
        means, logvars = in_steps(mean), in_steps(logvar)
        own = gaussian.kl_between(means, logvars, *_conditional(means, alpha))
        return (own + _inherited(logvars, alpha)).reshape(mean.shape)

    return Prior(init, log_prob, sample, kl)


def committed_rate(
    alpha: Float[ArrayLike, "*channels"], num_steps: int
) -> Float[Array, "*channels"]:
    """The smallest KL of any diagonal Gaussian to the AR(1) prior, nats per channel.

    `((T - 2) log(1 + alpha^2) - log(1 - alpha^2)) / 2` at T steps, and 0 at one. The mean
    is 0 then, and the variances `1 - alpha^2` at both ends, between them
    `(1 - alpha^2) / (1 + alpha^2)`. Razavi et al. (2019), arXiv:1901.03416.

    Args:
        alpha: correlation of neighbours, within (-1, 1); data.
        num_steps: T.

    Raises:
        TypeError: `num_steps` is no whole number.
        ValueError: no step, or an alpha outside of (-1, 1).

    >>> round(float(committed_rate(0.5, 10)), 5)
    1.03642
    """
    num_steps = at_least_one("num_steps", num_steps)
    _check_stationary(alpha)
    alpha = as_float(alpha)
    if num_steps == 1:
        return jnp.zeros_like(alpha)
    between = (num_steps - 2) * jnp.log1p(jnp.square(alpha))
    return 0.5 * (between - _log_innovation(alpha))


def _conditional(steps: Array, alpha: ArrayLike) -> tuple[Array, Array]:
    """Mean and log-variance of every step given the one before it."""
    alpha = _per_channel(alpha, steps)
    before, start = steps[..., :-1, :], jnp.zeros_like(steps[..., :1, :])
    logvar = jnp.broadcast_to(_log_innovation(alpha), before.shape)
    mean = jnp.broadcast_to(alpha, before.shape) * before
    mean, logvar = (jnp.concatenate([start, x], axis=-2) for x in (mean, logvar))
    return mean, logvar


def _inherited(logvars: Array, alpha: ArrayLike) -> Array:
    """What the spread of the step before costs, `alpha^2 s_(t-1)^2 / 2 (1 - alpha^2)`."""
    alpha = _per_channel(alpha, logvars)
    before, start = logvars[..., :-1, :], jnp.zeros_like(logvars[..., :1, :])
    log_innovation = jnp.broadcast_to(_log_innovation(alpha), before.shape)
    share = jnp.broadcast_to(0.5 * jnp.square(alpha), before.shape)
    cost = share * jnp.exp(before - log_innovation)
    return jnp.concatenate([start, cost], axis=-2)


def _run(noise: Float[Array, "steps ..."], alpha: ArrayLike) -> Array:
    """The process, a step after the other, from its noise."""
    alpha = jnp.broadcast_to(_per_channel(alpha, noise), noise.shape[1:])
    scale = jnp.exp(0.5 * _log_innovation(alpha))

    def step(before: Array, fresh: Array) -> tuple[Array, Array]:
        now = alpha * before + scale * fresh
        return now, now

    _, later = jax.lax.scan(step, noise[0], noise[1:])
    return jnp.concatenate([noise[:1], later])


def _log_innovation(alpha: Array) -> Array:
    """`log(1 - alpha^2)`, exact to rounding at both ends."""
    small = jnp.abs(alpha) < 0.5
    square = jnp.square(jnp.where(small, alpha, 0.0))
    factors = (1 - alpha) * (1 + alpha)
    return jnp.where(small, jnp.log1p(-square), jnp.log(factors))


def _per_channel(alpha: ArrayLike, like: Array) -> Array:
    """One alpha a channel, in the type of the codes."""
    return jnp.broadcast_to(as_float(alpha).astype(like.dtype), like.shape[-1:])


def _channels(latent_dim: int, num_steps: int, alpha: ArrayLike) -> int:
    """How many there are, if all sizes fit."""
    latent_dim = at_least_one("latent_dim", latent_dim)
    num_steps = at_least_one("num_steps", num_steps)
    if latent_dim % num_steps:
        raise ValueError(
            f"`latent_dim` must be a multiple of `num_steps`, {num_steps}; got "
            f"{latent_dim}."
        )
    num_channels = latent_dim // num_steps
    if jnp.shape(alpha) not in ((), (num_channels,)):
        raise ValueError(
            f"`alpha` must be a number or have one for each of the {num_channels} "
            f"channels; got the shape {jnp.shape(alpha)}."
        )
    _check_stationary(alpha)
    return num_channels


def _check_stationary(alpha: ArrayLike) -> None:
    """Refuse a process without a stationary law; what is traced cannot be looked at."""
    known = checks.concrete("alpha", alpha)
    if known is None:
        return
    values = np.atleast_1d(known)
    wrong = ~(np.abs(values) < 1)
    if wrong.any():
        raise ValueError(f"`alpha` must lie within (-1, 1); got {values[wrong][0]}.")
