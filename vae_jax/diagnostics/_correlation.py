"""Second moments of the aggregate posterior: do the units repeat one another?

With q(z) the mean of q(z|x) over the data, its covariance is that of the means plus the
mean of the posterior variances. A collapsed unit adds noise of variance 1 and correlates
with nothing, so that a single scale tells apart what the means alone do not.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from vae_jax import checks
from vae_jax.diagnostics._checks import as_examples, as_posterior, rounding
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike

ROUNDING_STEPS = 8
"""A mean whose standard deviation over the data is within this many roundings of its size
is taken as constant."""


class MeanCorrelation(NamedTuple):
    """Correlations of the posterior means of the units.

    Attributes:
        matrix: 1 on the diagonal; 0 beside it for a constant unit, by definition.
        constant: units whose mean does not vary: their zeros are no measurement.

    >>> MeanCorrelation._fields
    ('matrix', 'constant')
    """

    matrix: Float[Array, "latent latent"]
    constant: Bool[Array, " latent"]


def aggregate_covariance(
    means: Float[ArrayLike, "examples latent"],
    logvars: Float[ArrayLike, "examples latent"],
) -> Float[Array, "latent latent"]:
    """Covariance of q(z): `Cov_x[mean(x)] + diag E_x[exp(logvar(x))]`.

    Divided by N, not N - 1: q(z) is the mixture over these N examples. It is the identity
    where q(z) matches a standard normal prior, at exact collapse among others.

    Raises:
        ValueError: the shapes differ, or there are fewer than 2 examples.

    >>> means = jnp.array([[1.0, 7.0], [-1.0, 7.0]])
    >>> aggregate_covariance(means, jnp.zeros((2, 2))).tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    """
    mean, logvar = as_posterior(means, logvars)
    noise = jnp.mean(jnp.exp(logvar), axis=0)
    return covariance_of(mean) + jnp.diag(noise)


def mean_correlation(means: Float[ArrayLike, "examples latent"]) -> MeanCorrelation:
    """Correlation over the data of the posterior means of every two units.

    A constant mean has no correlation: its entries are 0 by definition, and `constant`
    says so. A mean that barely varies does have one, however small next to the posterior's
    noise; `aggregate_covariance` weighs the two.

    Raises:
        ValueError: not a matrix of at least 2 examples.

    >>> found = mean_correlation(jnp.array([[1.0, -2.0, 5.0], [2.0, -4.0, 5.0]]))
    >>> found.constant.tolist()
    [False, False, True]
    >>> [[f"{c:.1f}" for c in row] for row in found.matrix + 0.0]
    [['1.0', '-1.0', '0.0'], ['-1.0', '1.0', '0.0'], ['0.0', '0.0', '1.0']]
    """
    mean = as_examples("means", means)
    constant = is_constant(mean)
    centred = centre(mean)
    # scaled before it is squared: deviations of 1e-30 have squares of 0
    size = jnp.max(jnp.abs(centred), axis=0, keepdims=True)
    centred = jnp.where(constant[None], 0, centred / jnp.where(size == 0, 1, size))
    products = jnp.matmul(centred.T, centred, precision="highest")
    return MeanCorrelation(jnp.clip(correlation_of(products), -1, 1), constant)


def gaussian_total_correlation(
    covariance: Float[ArrayLike, "latent latent"],
) -> Float[Array, ""]:
    """Total correlation of a Gaussian: `-log det(correlation) / 2` nats.

    `KL(q(z) || prod_j q(z_j))` if q is Gaussian; for another q with this covariance it may
    be above or below. 0 for independent units, infinite where one unit is a function of the
    others (float32 cannot tell that from about 8 nats a unit).

    Args:
        covariance: of z, such as `aggregate_covariance`; a unit of variance 0 counts as
            independent.

    Raises:
        ValueError: not a square matrix with at least one unit, or a negative variance.

    Watanabe (1960).

    >>> covariance = jnp.array([[4.0, 1.2], [1.2, 1.0]])
    >>> print(f"{gaussian_total_correlation(covariance):.4f}")
    0.2231
    """
    matrix = as_float(covariance)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) == 0:
        raise ValueError(
            f"`covariance` must be square, (latent, latent); got {matrix.shape}."
        )
    known = checks.concrete("covariance", jnp.diagonal(matrix))
    if known is not None and (known < 0).any():
        raise ValueError(
            f"`covariance` must have no negative variance; got {known.min()} on its "
            "diagonal."
        )
    spectrum = jnp.linalg.eigvalsh(correlation_of(matrix))
    # clipped from below: rounding makes the zeros of a singular matrix negative, too
    return -jnp.sum(jnp.log(jnp.maximum(spectrum, 0))) / 2


def centre(mean: Float[Array, "examples latent"]) -> Float[Array, "examples latent"]:
    """Deviations from the mean over the data; exactly 0 for a constant, however large."""
    off = mean - mean[:1]
    return off - jnp.mean(off, axis=0, keepdims=True)


def is_constant(mean: Float[Array, "examples latent"]) -> Bool[Array, " latent"]:
    """Whether each unit varies by no more than rounding; NaN is not constant."""
    deviation = jnp.max(jnp.abs(centre(mean)), axis=0)
    size = jnp.max(jnp.abs(mean), axis=0)
    return deviation <= ROUNDING_STEPS * rounding(mean) * size


def covariance_of(
    mean: Float[Array, "examples latent"],
) -> Float[Array, "latent latent"]:
    """Divided by N."""
    centred = centre(mean)
    return jnp.matmul(centred.T, centred, precision="highest") / len(mean)


def correlation_of(
    covariance: Float[Array, "latent latent"],
) -> Float[Array, "latent latent"]:
    """Scaled to a diagonal of ones; a unit without variance has zeros beside it."""
    variance = jnp.diagonal(covariance)
    scale = jnp.where(
        variance == 0, 0, jax.lax.rsqrt(jnp.where(variance == 0, 1, variance))
    )
    scaled = covariance * scale[:, None] * scale[None]
    return jnp.where(jnp.eye(len(variance), dtype=bool), 1, scaled)
