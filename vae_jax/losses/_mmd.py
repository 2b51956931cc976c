"""Maximum mean discrepancy between the aggregate posterior and the prior; InfoVAE.

A kernel is a function `kernel(x, y)` of two sets of samples, (n, latent) and (m, latent),
that returns (n, m). Bind the settings of one with `functools.partial`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from vae_jax import checks
from vae_jax.losses._batch import as_batch, example_weights, gather
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike

Kernel = Callable[
    [Float[Array, "first latent"], Float[Array, "second latent"]],
    Float[Array, "first second"],
]
"""`kernel(x, y) -> (len(x), len(y))`."""

WAE_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Scales in the public code of Tolstikhin et al.; their paper has scale 1 alone."""


def mmd(
    z: Float[ArrayLike, "batch latent"],
    prior_samples: Float[ArrayLike, "samples latent"],
    *,
    kernel: Kernel,
    weights: Float[ArrayLike, " batch"] | None = None,
    axis_name: str | None = None,
) -> Float[Array, " batch"]:
    """The squared MMD of q(z) to the prior, unbiased, the same for every example.

    `mean_{i != j} k(z_i, z_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(z_i, y_j)`,
    y from the prior: the U-statistic of Gretton et al. (2012). No pair of a sample with
    itself, so it is 0 on average where q(z) is the prior, and often negative. Not in nats.
    With fewer than two examples of positive weight it is NaN.

    Args:
        z: one sample of the posterior of each example: together, samples of q(z).
        prior_samples: any number of them, drawn anew for each batch.
        kernel: `rbf_kernel` or `imq_kernel` with its settings, or your own.
        weights: of the examples; 0 leaves a padded one out.
        axis_name: mapped axis that `z` and `prior_samples` are split over, if they are;
            samples of all devices are compared.

    Raises:
        ValueError: shapes that do not fit, or fewer than two samples.

    >>> from functools import partial
    >>> rbf = partial(rbf_kernel, bandwidths=1.0)
    >>> z, prior = jnp.array([[0.0], [0.0]]), jnp.array([[3.0], [3.0]])
    >>> [round(float(value), 4) for value in mmd(z, prior, kernel=rbf)]
    [1.9778, 1.9778]
    """
    z, prior = as_batch("z", z), as_batch("prior_samples", prior_samples)
    if z.shape[1] != prior.shape[1]:
        raise ValueError(
            f"`prior_samples` must have the latent units of `z`, {z.shape[1]}; got "
            f"{prior.shape[1]}."
        )
    shares = gather(example_weights(z, weights), axis_name)
    everyone, prior_all = gather(z, axis_name), gather(prior, axis_name)
    _check_two("z", everyone)
    _check_two("prior_samples", prior_all)
    equal = jnp.ones(len(prior_all), z.dtype)
    squared = (
        _pair_mean(kernel(everyone, everyone), _others(shares))
        + _pair_mean(kernel(prior_all, prior_all), _others(equal))
        - 2.0 * _pair_mean(kernel(everyone, prior_all), shares[:, None] * equal[None])
    )
    return jnp.broadcast_to(squared, z.shape[:1])


def rbf_kernel(
    x: Float[ArrayLike, "first latent"],
    y: Float[ArrayLike, "second latent"],
    *,
    bandwidths: Num[ArrayLike, "*scales"] | Sequence[float],
) -> Float[Array, "first second"]:
    """Gaussian kernels, `sum_b exp(-|x - y|^2 / (2 b^2))`.

    Args:
        x: one sample a row.
        y: one sample a row.
        bandwidths: standard deviations b, one or several, above 0. `latent / sqrt(2)` is
            the kernel of the public code of Zhao et al., `exp(-|x - y|^2 / latent^2)`.

    Raises:
        ValueError: shapes that do not fit, or bandwidths that are none or not positive.

    >>> x, y = jnp.array([[0.0]]), jnp.array([[2.0]])
    >>> round(float(rbf_kernel(x, y, bandwidths=2.0)[0, 0]), 4)
    0.6065
    """
    _check_several("bandwidths", bandwidths)
    squared = _squared_distances(x, y)
    width = jnp.ravel(jnp.asarray(bandwidths, squared.dtype))[None, None]
    scaled = squared[..., None] / jnp.square(width)
    return jnp.sum(jnp.exp(-0.5 * scaled), axis=-1)


def imq_kernel(
    x: Float[ArrayLike, "first latent"],
    y: Float[ArrayLike, "second latent"],
    *,
    prior_variance: Num[ArrayLike, ""] = 1.0,
    scales: Num[ArrayLike, "*scales"] | Sequence[float] = WAE_SCALES,
) -> Float[Array, "first second"]:
    """Inverse multiquadratic kernels, `sum_s C_s / (C_s + |x - y|^2)`.

    `C_s = s * 2 * latent * prior_variance`, s times the mean squared distance of two prior
    samples; heavier tails than `rbf_kernel`, so far samples still have a gradient.
    Tolstikhin et al. (2018), arXiv:1711.01558.

    Args:
        x: one sample a row.
        y: one sample a row.
        prior_variance: of the prior, per unit; above 0.
        scales: s, one or several, above 0; (1.0,) is the kernel of the paper.

    Raises:
        ValueError: shapes that do not fit, a variance that is not one positive number, or
            scales that are none or not positive.

    >>> x, y = jnp.array([[0.0]]), jnp.array([[2.0]])
    >>> round(float(imq_kernel(x, y, scales=(1.0, 2.0))[0, 0]), 4)
    0.8333
    """
    checks.number("prior_variance", prior_variance, 0, low_open=True, high_open=True)
    _check_several("scales", scales)
    squared = _squared_distances(x, y)[..., None]
    base = 2.0 * jnp.shape(x)[1] * jnp.asarray(prior_variance, squared.dtype)
    constant = base * jnp.ravel(jnp.asarray(scales, squared.dtype))[None, None]
    return jnp.sum(constant / (constant + squared), axis=-1)


def infovae_loss(
    distortion: Float[ArrayLike, " batch"],
    rate: Float[ArrayLike, " batch"],
    divergence: Float[ArrayLike, " batch"],
    alpha: Num[ArrayLike, ""],
    lambda_: Num[ArrayLike, ""],
) -> Float[Array, " batch"]:
    """`D + (1 - alpha) R + (alpha + lambda - 1) divergence(q(z), p(z))`.

    D and R in nats; the MMD has no unit.
    alpha = 0, lambda = 1 is minus the ELBO. alpha = 1 drops the rate and with it the
    charge for information: MMD-VAE, with `mmd` as divergence. With the KL in its place the
    information is charged `1 - alpha` and the marginal KL `lambda`.
    Zhao et al. (2019), "InfoVAE", arXiv:1706.02262.

    Raises:
        ValueError: the shapes differ, or a weight is not one finite number.

    >>> one = jnp.ones(1)
    >>> infovae_loss(one, one, one, 0.5, 10.0).tolist()
    [11.0]
    """
    distortion, rate, divergence = map(as_float, (distortion, rate, divergence))
    check_same_shape("rate", rate, "distortion", distortion)
    check_same_shape("divergence", divergence, "distortion", distortion)
    checks.number("alpha", alpha, low_open=True, high_open=True)
    checks.number("lambda_", lambda_, low_open=True, high_open=True)
    alpha = jnp.asarray(alpha, distortion.dtype)
    on_divergence = alpha + jnp.asarray(lambda_, distortion.dtype) - 1.0
    return distortion + (1.0 - alpha) * rate + on_divergence * divergence


def _check_several(name: str, values: Any) -> None:
    """Refuse no number, several axes of them, or one that is not positive."""
    if np.ndim(values) > 1 or np.size(values) == 0:
        raise ValueError(
            f"`{name}` must be one number or a list of them; got the shape "
            f"{np.shape(values)}."
        )
    checks.in_range(name, values, 0, low_open=True, high_open=True)


def _squared_distances(x: ArrayLike, y: ArrayLike) -> Float[Array, "first second"]:
    """Squares of differences: the expansion into products loses far samples' digits."""
    x, y = as_batch("x", x), as_batch("y", y)
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"`y` must have the latent units of `x`, {x.shape[1]}; got {y.shape[1]}."
        )
    return jnp.sum(jnp.square(x[:, None] - y[None]), axis=-1)


def _others(shares: Float[Array, " samples"]) -> Float[Array, "samples samples"]:
    """The weight of every pair, none for a sample with itself."""
    itself = jnp.eye(len(shares), dtype=bool)
    return jnp.where(itself, 0.0, shares[:, None] * shares[None])


def _pair_mean(
    values: Float[Array, "first second"], pair_weights: Float[Array, "first second"]
) -> Float[Array, ""]:
    return jnp.sum(pair_weights * values) / jnp.sum(pair_weights)


def _check_two(name: str, samples: Float[Array, "samples latent"]) -> None:
    if len(samples) < 2:
        raise ValueError(f"`{name}` must hold at least 2 samples; got {len(samples)}.")
