"""The linear Gaussian conditional beta-VAE: its objective and its global optimum.

Decoder `N(W z + U c + b, variance)`, encoder `N(V x + A c + a, diag(d))`, prior
`N(B (c - E c), I)`, the condition c known to all three. The condition takes away what is
linear in it: with T the regression of x on c, the residual `x - T c` is coded as the linear
VAE codes x, by the eigenvalues l_i of `Cov(x | c)`, and unit i is active where
`l_i > beta * variance`. A condition that predicts x more closely collapses more units.

The prior's B changes nothing but names: `z' = z - B c` has the prior N(0, I), and U, A make
up for it. A code that repeats the condition is as good as one that does not.

Dang et al. (2024), arXiv:2306.05023, Theorem 2: what is called y there is x here, x is c,
and the singular values are the l_i.

Rate, distortion and log-likelihood are in nats per example.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Num

from vae_jax import checks
from vae_jax.analytic._arguments import check_noise, check_weight, leading
from vae_jax.analytic._linear_vae import (
    LinearObjective,
    linear_vae_optimum,
    log_normaliser,
)
from vae_jax.analytic._moments import (
    JointMoments,
    as_moments,
    conditional_covariance,
    joint_covariance,
    regression,
)
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike


class LinearCVAEOptimum(NamedTuple):
    """A global optimum; all others differ in the sign and the order of the units.

    Attributes:
        decoder: W, of z.
        condition_decoder: U, of c; the regression on c where the prior is N(0, I).
        decoder_bias: b.
        encoder: V, of x.
        condition_encoder: A, of c; -V U where the prior is N(0, I).
        encoder_bias: a.
        posterior_variance: variance of the posterior; 1 where the unit is collapsed.
        kl: of each unit to the prior, in nats.
        rate: their sum.
        distortion: expected negative log-likelihood in nats, with its constant.
        elbo: `-(distortion + rate)`, of weight 1 whatever the beta.
        active: whether the unit is in use.

    >>> LinearCVAEOptimum._fields[-4:]
    ('rate', 'distortion', 'elbo', 'active')
    """

    decoder: Float[Array, "*settings features latent"]
    condition_decoder: Float[Array, "*settings features conditions"]
    decoder_bias: Float[Array, "*settings features"]
    encoder: Float[Array, "*settings latent features"]
    condition_encoder: Float[Array, "*settings latent conditions"]
    encoder_bias: Float[Array, "*settings latent"]
    posterior_variance: Float[Array, "*settings latent"]
    kl: Float[Array, "*settings latent"]
    rate: Float[Array, "*settings"]
    distortion: Float[Array, "*settings"]
    elbo: Float[Array, "*settings"]
    active: Bool[Array, "*settings latent"]


def linear_cvae_objective(
    decoder: Float[ArrayLike, "features latent"],
    condition_decoder: Float[ArrayLike, "features conditions"],
    encoder: Float[ArrayLike, "latent features"],
    condition_encoder: Float[ArrayLike, "latent conditions"],
    posterior_variance: Float[ArrayLike, " latent"],
    moments: JointMoments,
    beta: Num[ArrayLike, "*#settings"],
    variance: Num[ArrayLike, "*#settings"],
    *,
    prior_weights: Float[ArrayLike, "latent conditions"] | None = None,
) -> LinearObjective:
    """Distortion and rate of any linear CVAE with its best biases, in nats per example.

    With J the covariance of (x, c), `M = [I - W V, -(W A + U)]`, `Q = [V, A - B]`, n
    features and v the noise variance:
    `D = [tr(M J M') + tr(W diag(d) W')] / (2 v) + (n/2) log(2 pi v)`,
    `R = [sum_j (d_j - log d_j - 1) + tr(Q J Q')] / 2`.

    Args:
        decoder: W.
        condition_decoder: U.
        encoder: V.
        condition_encoder: A.
        posterior_variance: d.
        moments: of x and c, as `joint_moments` gives them.
        beta: weight of the rate in the objective, finite and not negative; its axes are
            those of the result.
        variance: noise variance of the decoder, finite and above 0; likewise.
        prior_weights: B; None for the prior N(0, I).

    Raises:
        ValueError: shapes that do not fit, moments that no data have, or a number outside
            its range.

    >>> half = JointMoments(
    ...     jnp.zeros(1), jnp.zeros(1), jnp.eye(1), 0.5 * jnp.eye(1), jnp.eye(1)
    ... )
    >>> z, u = jnp.zeros((1, 1)), jnp.full((1, 1), 0.5)
    >>> terms = linear_cvae_objective(z, u, z, z, jnp.ones(1), half, 1.0, 0.75)
    >>> print(f"{terms.distortion:.4f} {terms.rate:.4f}")
    1.2751 0.0000
    """
    check_weight(beta)
    check_noise(variance)
    checks.in_range("posterior_variance", posterior_variance, 0, low_open=True)
    known = as_moments(moments)
    joint, kind = joint_covariance(known), jnp.asarray(known.covariance).dtype
    w, u, v, a, d = (
        as_float(part).astype(kind)
        for part in (
            decoder,
            condition_decoder,
            encoder,
            condition_encoder,
            posterior_variance,
        )
    )
    _check_shapes(w, u, v, a, d, known)
    shift = a - as_prior(prior_weights, len(d), known)
    with jax.default_matmul_precision("highest"):
        residual = jnp.concatenate(
            [jnp.eye(len(w), dtype=kind) - w @ v, -(w @ a + u)], axis=1
        )
        apart = jnp.concatenate([v, shift], axis=1)
        squared = jnp.sum(residual @ joint * residual) + jnp.sum(jnp.square(w) @ d)
        signal = jnp.sum(apart @ joint * apart)
    squared, weight, noise = leading(squared, beta=beta, variance=variance)
    distortion = squared / (2 * noise) + log_normaliser(len(w), noise)
    rate = (jnp.sum(d - jnp.log(d) - 1) + signal) / 2
    rate = jnp.broadcast_to(rate, distortion.shape)
    return LinearObjective(distortion, rate, distortion + weight * rate)


def linear_cvae_optimum(
    moments: JointMoments,
    latent_dim: int,
    beta: Num[ArrayLike, "*#settings"],
    variance: Num[ArrayLike, "*#settings"],
    *,
    prior_weights: Float[ArrayLike, "latent conditions"] | None = None,
) -> LinearCVAEOptimum:
    """Global optimum of a linear conditional beta-VAE with a fixed noise variance.

    With `s = beta * variance`, `T = S_xc S_cc^+` and the eigenpairs (l_i, u_i) of
    `Cov(x | c) = S_xx - T S_cx`, largest first: `w_i = sqrt(max(l_i - s, 0)) u_i` is column
    i of W, `w_i / l_i` is row i of V, `d_i = min(1, s / l_i)`,
    `KL_i = max(0, log(l_i / s)) / 2`, `U = T - W B` and `A = B - V T`. Rate, distortion and
    units are those of `linear_vae_optimum` for the spectrum l, which
    `conditional_eigenvalues` takes from data.

    Args:
        moments: of x and c, as `joint_moments` gives them.
        latent_dim: units; those beyond the number of features are collapsed.
        beta: weight of the rate, finite and above 0; its axes lead the result's.
        variance: noise variance of the decoder, finite and above 0; likewise.
        prior_weights: B of the prior `N(B (c - E c), I)`; None for N(0, I). It has no say
            in the objective: where it is learned, any will do.

    Raises:
        ValueError: moments that no data have, or a number outside its range.
        TypeError: `latent_dim` is no whole number.

    Dang et al. (2024), arXiv:2306.05023, Theorem 2.

    >>> half = JointMoments(
    ...     jnp.zeros(1), jnp.zeros(1), 4 * jnp.eye(1), jnp.eye(1), jnp.eye(1)
    ... )
    >>> best = linear_cvae_optimum(half, 1, 1.0, jnp.array([1.0, 3.0]))
    >>> best.active[:, 0].tolist(), best.condition_decoder[0].tolist()
    ([True, False], [[1.0]])
    """
    latent_dim = checks.whole("latent_dim", latent_dim, 1)
    known = as_moments(moments)
    shift = as_prior(prior_weights, latent_dim, known)
    ascending, vectors = jnp.linalg.eigh(conditional_covariance(known))
    # rounding leaves what c explains slightly below 0
    spectrum = jnp.maximum(jnp.flip(ascending), 0)
    plain = linear_vae_optimum(spectrum, latent_dim, beta, variance)
    vectors = jnp.flip(vectors, axis=1)[:, :latent_dim]
    missing = latent_dim - vectors.shape[1]
    vectors = jnp.pad(vectors, ((0, 0), (0, missing)))
    settings = plain.rate.shape
    columns = jnp.broadcast_to(vectors, (*settings, *vectors.shape))
    w = columns * plain.weights[..., None, :]
    v = jnp.swapaxes(columns * plain.encoder[..., None, :], -1, -2)
    slope = regression(known)
    with jax.default_matmul_precision("highest"):
        u = jnp.broadcast_to(slope, (*settings, *slope.shape)) - w @ shift
        a = jnp.broadcast_to(shift, (*settings, *shift.shape)) - v @ slope
        mean, condition = jnp.asarray(known.mean), jnp.asarray(known.condition_mean)
        bias = jnp.broadcast_to(mean, (*settings, len(mean))) - u @ condition
        own_bias = -(v @ mean + a @ condition)
    return LinearCVAEOptimum(
        decoder=w,
        condition_decoder=u,
        decoder_bias=bias,
        encoder=v,
        condition_encoder=a,
        encoder_bias=own_bias,
        **{name: getattr(plain, name) for name in SHARED},
    )


SHARED = ("posterior_variance", "kl", "rate", "distortion", "elbo", "active")
"""What the optimum has in common with that of the linear VAE of the residual."""


def as_prior(
    prior_weights: ArrayLike | None, latent_dim: int, moments: JointMoments
) -> Float[Array, "latent conditions"]:
    """B, zero for the prior N(0, I)."""
    mean = jnp.asarray(moments.condition_mean)
    shape = (latent_dim, len(mean))
    if prior_weights is None:
        return jnp.zeros(shape, mean.dtype)
    checks.in_range("prior_weights", prior_weights, low_open=True, high_open=True)
    weights = as_float(prior_weights).astype(mean.dtype)
    if weights.shape != shape:
        raise ValueError(
            f"`prior_weights` must have the shape {shape}, (latent, conditions); got "
            f"{weights.shape}."
        )
    return weights


def _check_shapes(
    w: Array, u: Array, v: Array, a: Array, d: Array, moments: JointMoments
) -> None:
    """Refuse matrices that do not fit each other, by name."""
    features, conditions = jnp.shape(moments.cross_covariance)
    if w.ndim != 2 or len(w) != features:
        raise ValueError(
            f"`decoder` must have the shape ({features}, latent), with the `moments` of "
            f"{features} features; got {w.shape}."
        )
    latent = w.shape[1]
    for name, array, shape in (
        ("condition_decoder", u, (features, conditions)),
        ("encoder", v, (latent, features)),
        ("condition_encoder", a, (latent, conditions)),
        ("posterior_variance", d, (latent,)),
    ):
        if array.shape != shape:
            raise ValueError(
                f"`{name}` must have the shape {shape}, with {features} features, "
                f"{conditions} conditions and {latent} units; got {array.shape}."
            )
