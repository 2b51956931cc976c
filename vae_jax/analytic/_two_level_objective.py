"""The terms of a linear VAE of two levels, exactly, from the covariance of the data.

Encoder `z1 = W1 x + s1 e`, `z2 = W2 z1 + S2^(1/2) e`, with s1 fixed and S2 = diag(d)
learned; prior `z2 ~ N(0, prior_variance)`; decoder `z1 ~ N(U2 z2, variance)`,
`x ~ N(U1 z1, variance)`. With b = beta_two / beta_one, the second level is a linear VAE of
z1 whose water level is `b * variance`.

Dang et al. (2024), arXiv:2306.05023, Section 4.2, whose sigma_1, eta_enc and eta_dec are
the square roots of `encoder_variance`, `prior_variance` and `variance`.

All terms are in nats per example.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from vae_jax import checks
from vae_jax.analytic._arguments import leading
from vae_jax.analytic._linear_vae import log_normaliser
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike

WEIGHTS = "beta_one", "beta_two"
VARIANCES = "encoder_variance", "prior_variance", "variance"


class TwoLevelObjective(NamedTuple):
    """The terms of a linear VAE of two levels, in nats per example.

    Attributes:
        distortion: expected negative log-likelihood, with its constant.
        rate_one: of level 1, `E_q [log q(z1|x) - log p(z1|z2)]`, z2 coded from this z1;
            it may be negative, since z2 knows of the noise in z1.
        rate_two: of level 2, `E_q KL(q(z2|z1) || p(z2))`.
        kl_one: `KL(q(z1|x) || p(z1|z2))` where z2 is coded from another draw of q(z1|x);
            a KL, never negative.
        objective: `distortion + beta_one * rate_one + beta_two * rate_two`.

    >>> TwoLevelObjective._fields
    ('distortion', 'rate_one', 'rate_two', 'kl_one', 'objective')
    """

    distortion: Float[Array, "*settings"]
    rate_one: Float[Array, "*settings"]
    rate_two: Float[Array, "*settings"]
    kl_one: Float[Array, "*settings"]
    objective: Float[Array, "*settings"]


def two_level_objective(
    encoder: Float[ArrayLike, "latent features"],
    encoder_two: Float[ArrayLike, "second latent"],
    posterior_variance: Float[ArrayLike, " second"],
    decoder_two: Float[ArrayLike, "latent second"],
    decoder: Float[ArrayLike, "features latent"],
    covariance: Float[ArrayLike, "features features"],
    beta_one: Num[ArrayLike, "*#settings"],
    beta_two: Num[ArrayLike, "*#settings"],
    encoder_variance: Num[ArrayLike, "*#settings"],
    prior_variance: Num[ArrayLike, "*#settings"],
    variance: Num[ArrayLike, "*#settings"],
) -> TwoLevelObjective:
    """Distortion and both rates of any linear VAE of two levels on centred data.

    With n features, k units of z1 and m of z2, `C = W1 S W1' + s I` the covariance of z1,
    `A = I - U2 W2`, s = encoder_variance, p = prior_variance and v = variance:
    `D = [tr((I - U1 W1) S (I - U1 W1)') + s tr(U1 U1')] / (2 v) + (n/2) log(2 pi v)`,
    `R1 = [tr(A C A') + tr(U2 diag(d) U2')] / (2 v) - (k/2) (1 + log(s / v))`,
    `R2 = [(tr(W2 C W2') + sum d) / p - m - sum log(d / p)] / 2`,
    `KL1 = R1 + s tr(U2 W2) / v`, in nats.

    Args:
        encoder: W1.
        encoder_two: W2.
        posterior_variance: d, of z2.
        decoder_two: U2.
        decoder: U1.
        covariance: S, of the data.
        beta_one: weight of the rate of level 1, finite and not negative; its axes are
            those of the result.
        beta_two: of level 2; likewise.
        encoder_variance: of z1 given x, finite and above 0; likewise.
        prior_variance: of z2, finite and above 0; likewise.
        variance: noise variance of both decoders, finite and above 0; likewise.

    Raises:
        ValueError: shapes that do not fit, or a number outside its range.

    Dang et al. (2024), Section 4.2, arXiv:2306.05023.

    >>> zero, one = jnp.zeros((1, 1)), jnp.ones((1, 1))
    >>> terms = two_level_objective(
    ...     zero, zero, jnp.ones(1), zero, zero, one, 1.0, 1.0, 1.0, 1.0, 1.0
    ... )
    >>> print(f"{terms.distortion:.4f} {terms.rate_one:.4f} {terms.rate_two:.4f}")
    1.4189 0.0000 0.0000
    """
    given = (beta_one, beta_two, encoder_variance, prior_variance, variance)
    named = check_settings(*given)
    checks.in_range("posterior_variance", posterior_variance, 0, low_open=True)
    arrays = (encoder, encoder_two, posterior_variance, decoder_two, decoder)
    w, w2, d, u2, u, s = map(as_float, (*arrays, covariance))
    _check_shapes(w, w2, d, u2, u, s)
    traces, weight, weight_two, own, prior, noise = leading(
        _traces(w, w2, u2, u, s), **named
    )
    squared, through, miss, noisy, coded, kept, fixed = jnp.moveaxis(traces, -1, 0)
    weight, weight_two, own, prior, noise = (
        one[..., 0] for one in (weight, weight_two, own, prior, noise)
    )
    latent, second = len(w), len(w2)
    distortion = (squared + own * through) / (2 * noise) + log_normaliser(len(s), noise)
    error = miss + own * noisy + jnp.sum(jnp.square(u2) @ d)
    rate_one = error / (2 * noise) - latent / 2 * (1 + jnp.log(own / noise))
    spread = coded + own * fixed + jnp.sum(d)
    logs = jnp.sum(jnp.log(d)) - second * jnp.log(prior)
    rate_two = (spread / prior - second - logs) / 2
    kl_one = rate_one + own * kept / noise
    objective = distortion + weight * rate_one + weight_two * rate_two
    return TwoLevelObjective(distortion, rate_one, rate_two, kl_one, objective)


def check_settings(*given: ArrayLike, zero: bool = True) -> dict[str, ArrayLike]:
    """The settings by their names, in their ranges.

    Args:
        *given: the two weights, and the three variances.
        zero: whether a weight may be 0.

    Raises:
        ValueError: a weight or a variance that is none; names it.

    >>> list(check_settings(1.0, 1.0, 1.0, 1.0, 0.5))[-1]
    'variance'
    """
    named = dict(zip(WEIGHTS + VARIANCES, given, strict=True))
    for name, value in named.items():
        open_ = name in VARIANCES or not zero
        checks.in_range(name, value, 0, low_open=open_, high_open=True)
    return named


def _traces(
    encoder: Array,
    encoder_two: Array,
    decoder_two: Array,
    decoder: Array,
    covariance: Array,
) -> Float[Array, " 7"]:
    """What the terms need of the matrices, whatever the settings are."""
    w, w2, u2, u, s = encoder, encoder_two, decoder_two, decoder, covariance
    # the default of accelerators is too coarse for a ground truth
    with jax.default_matmul_precision("highest"):
        residual = jnp.eye(len(s), dtype=w.dtype) - u @ w
        missed = jnp.eye(len(w), dtype=w.dtype) - u2 @ w2
        signal = w @ s @ w.T
        found = (
            jnp.sum(residual @ s * residual),
            jnp.sum(jnp.square(u)),
            jnp.sum(missed @ signal * missed),
            jnp.sum(jnp.square(missed)),
            jnp.sum(w2 @ signal * w2),
            jnp.sum(u2 * w2.T),
            jnp.sum(jnp.square(w2)),
        )
    return jnp.stack(found)


def _check_shapes(
    encoder: Array,
    encoder_two: Array,
    own: Array,
    decoder_two: Array,
    decoder: Array,
    covariance: Array,
) -> None:
    """Refuse matrices that would broadcast or not fit, by name."""
    for name, array, axes in (
        ("encoder", encoder, "(latent, features)"),
        ("encoder_two", encoder_two, "(second, latent)"),
    ):
        if array.ndim != 2:
            raise ValueError(f"`{name}` must have the shape {axes}; got {array.shape}.")
    (latent, features), second = encoder.shape, len(encoder_two)
    for name, array, shape in (
        ("encoder_two", encoder_two, (second, latent)),
        ("posterior_variance", own, (second,)),
        ("decoder_two", decoder_two, (latent, second)),
        ("decoder", decoder, (features, latent)),
        ("covariance", covariance, (features, features)),
    ):
        if array.shape != shape:
            raise ValueError(
                f"`{name}` must have the shape {shape}, with the `encoder` of shape "
                f"{encoder.shape} and {second} units of z2; got {array.shape}."
            )
