"""The global optimum of the linear VAE of two levels, in closed form.

The model is that of `two_level_objective`. At the optimum both levels code the data along
its eigenvectors, each direction by itself. Let mu_i be the variance of unit i of z1, of
which `encoder_variance` is noise. Given it, level 2 is the linear VAE of z1: its unit i is
active where mu_i is above the water level `beta_two / beta_one * variance`. That leaves
one number a direction, mu_i, in which the objective has one minimum.

So there are three states of a pair of units. Level 1 is collapsed where mu_i is the noise
alone, and then level 2, where it is active, codes that noise and nothing of x. Level 2 is
collapsed where mu_i is below the water level.

Dang et al. (2024), arXiv:2306.05023, Theorem 3, of as many units in both levels as the
data have directions; what more and fewer units do follows in the same way.

All rates are in nats per example.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Num

from vae_jax import checks
from vae_jax.analytic._arguments import as_spectrum, leading
from vae_jax.analytic._linear_vae import log_normaliser
from vae_jax.analytic._two_level_objective import check_settings
from vae_jax.types import ArrayLike


class TwoLevelOptimum(NamedTuple):
    """The global optimum, up to rotations of z1 and z2 and the order of the units.

    Attributes:
        encoder: lambda_i, singular values of `W1 S^(1/2)`: the standard deviation that x
            gives unit i of z1, beside `encoder_variance` of noise.
        decoder_two: omega_i, singular values of U2.
        decoder: singular values of U1.
        posterior_variance: variances of z2 given z1; `prior_variance` where collapsed.
        kl_one: of each unit of level 1, in nats; see `TwoLevelObjective`.
        kl_two: of each unit of level 2, in nats.
        rate_one: of level 1, what the objective charges for; it may be negative.
        rate_two: of level 2, the sum of `kl_two`.
        distortion: expected negative log-likelihood in nats, with its constant.
        objective: `distortion + beta_one * rate_one + beta_two * rate_two`.
        active_one: whether the unit of level 1 codes x.
        active_two: whether the unit of level 2 is in use, be it for noise of z1.

    >>> TwoLevelOptimum._fields[-2:]
    ('active_one', 'active_two')
    """

    encoder: Float[Array, "*settings latent"]
    decoder_two: Float[Array, "*settings second"]
    decoder: Float[Array, "*settings latent"]
    posterior_variance: Float[Array, "*settings second"]
    kl_one: Float[Array, "*settings latent"]
    kl_two: Float[Array, "*settings second"]
    rate_one: Float[Array, "*settings"]
    rate_two: Float[Array, "*settings"]
    distortion: Float[Array, "*settings"]
    objective: Float[Array, "*settings"]
    active_one: Bool[Array, "*settings latent"]
    active_two: Bool[Array, "*settings second"]


def two_level_optimum(
    eigenvalues: Float[ArrayLike, " features"],
    latent_dims: tuple[int, int],
    beta_one: Num[ArrayLike, "*#settings"],
    beta_two: Num[ArrayLike, "*#settings"],
    encoder_variance: Num[ArrayLike, "*#settings"],
    prior_variance: Num[ArrayLike, "*#settings"],
    variance: Num[ArrayLike, "*#settings"],
) -> TwoLevelOptimum:
    """Global optimum of a linear VAE of two levels with fixed noise in z1 and in x.

    With s = encoder_variance, p = prior_variance, v = variance, the water level
    `L = (beta_two / beta_one) v` and the i-th largest eigenvalue l_i, the variance of unit
    i of z1 is `mu_i = max(s, t_i)`, where `t_i = sqrt(l_i s / beta_one)` if that is at
    most L, or if there is no unit i of z2, and `t_i = l_i s / (beta_two v)` otherwise. Then
    `lambda_i^2 = mu_i - s`, `omega_i^2 = max(0, mu_i - L) / p`,
    `KL2_i = max(0, log(mu_i / L)) / 2`,
    `R1_i = [min(mu_i, L) / v - 1 - log(s / v)] / 2` and
    `KL1_i = R1_i + (s / v) max(0, 1 - L / mu_i)`, in nats; without a unit of z2 the L of
    the last two is infinite. The squared error is `sum_(i <= k) l_i s / mu_i` and, with U1,
    `sum_(i > k) l_i`.

    Args:
        eigenvalues: of the data's covariance; they are taken in descending order.
        latent_dims: units of z1 and of z2.
        beta_one: weight of the rate of level 1, finite and above 0; its axes lead the
            result's.
        beta_two: of level 2; likewise.
        encoder_variance: of z1 given x, finite and above 0; likewise.
        prior_variance: of z2, finite and above 0; likewise.
        variance: noise variance of both decoders, finite and above 0; likewise.

    Raises:
        ValueError: a number outside its range, or no two numbers of units.
        TypeError: a number of units that is no whole number.

    Dang et al. (2024), Theorem 3, arXiv:2306.05023; the rates are ours, of its optimum.

    >>> best = two_level_optimum(jnp.array([4.0, 0.5]), (2, 2), 1.0, 3.0, 1.0, 1.0, 1.0)
    >>> best.active_one.tolist(), best.active_two.tolist()
    ([True, False], [False, False])
    >>> print(f"{best.encoder[0]:.4f} {best.rate_two:.4f}")
    1.0000 0.0000
    """
    latent, second = checks.two_sizes("latent_dims", latent_dims)
    given = (beta_one, beta_two, encoder_variance, prior_variance, variance)
    spectrum, one, two, own, prior, noise = leading(
        as_spectrum(eigenvalues), **check_settings(*given, zero=False)
    )
    used, unused = fitted(spectrum, latent), spectrum[..., latent:]
    coded = (jnp.arange(latent) < second).reshape((1,) * (used.ndim - 1) + (latent,))
    level = jnp.where(coded, two / one * noise, jnp.inf)
    signal = _signal(used, level, one, two, own, noise)
    whole = own + signal
    active_two = ~(whole <= level) & coded  # what is not a number shows
    # 1 where inactive: log and division keep finite values and gradients
    ratio = jnp.where(active_two, whole / jnp.where(coded, level, 1), 1)
    kl_two = jnp.log(ratio) / 2
    rate_one = (jnp.minimum(whole, level) / noise - 1 - jnp.log(own / noise)) / 2
    squared = jnp.sum(used * own / whole, axis=-1) + unused.sum(axis=-1)
    error = squared / (2 * noise[..., 0])
    distortion = error + log_normaliser(spectrum.shape[-1], noise[..., 0])
    both = rate_one.sum(axis=-1), kl_two.sum(axis=-1)
    return TwoLevelOptimum(
        encoder=_root(signal),
        decoder_two=fitted(
            _root(jnp.where(active_two, whole - level, 0) / prior), second
        ),
        decoder=_root(used) * _root(signal) / whole,
        posterior_variance=prior * fitted(1 / ratio, second, 1.0),
        kl_one=rate_one + own / noise * (1 - 1 / ratio),
        kl_two=fitted(kl_two, second),
        rate_one=both[0],
        rate_two=both[1],
        distortion=distortion,
        objective=distortion + one[..., 0] * both[0] + two[..., 0] * both[1],
        active_one=~(signal <= 0),
        active_two=fitted(active_two, second, False),
    )


def _signal(
    used: Array, level: Array, one: Array, two: Array, own: Array, noise: Array
) -> Array:
    """`mu_i - s`: the variance that x gives every unit of z1.

    The slope of the objective in mu is `one/v - l s / (v mu^2)` below the water level and
    `two/mu - l s / (v mu^2)` above it, in halves: one function without a jump, since
    `two / L = one / v`, whose sign changes once.
    """
    alone = jnp.sqrt(own / one) * (_root(used) - jnp.sqrt(one * own))
    shared = own * (used - two * noise) / (two * noise)
    below = _root(used * own / one) <= level
    return jnp.maximum(jnp.where(below, alone, shared), 0)


def _root(values: Array) -> Array:
    """The square root, with a finite slope at 0."""
    positive = ~(values <= 0)
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, values, 1)), 0)


def fitted(values: Array, length: int, filled: float | bool = 0.0) -> Array:
    """The last axis cut to a length, or filled up to it.

    >>> fitted(jnp.array([1.0, 2.0]), 3).tolist(), fitted(jnp.array([1.0, 2.0]), 1).tolist()
    ([1.0, 2.0, 0.0], [1.0])
    """
    values = values[..., :length]
    ends = [(0, 0)] * (values.ndim - 1) + [(0, length - values.shape[-1])]
    return jnp.pad(values, ends, constant_values=filled)
