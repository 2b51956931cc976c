"""The spectrum of a data set, and how many latent units it can keep active."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num

from vae_jax import checks
from vae_jax.analytic._arguments import (
    as_spectrum,
    check_noise,
    check_weight,
    leading,
)
from vae_jax.types import ArrayLike

ROWS_AT_ONCE = 4096


def eigenvalues(data: Num[ArrayLike, "examples features"]) -> Float[np.ndarray, " f"]:
    """Eigenvalues of the covariance of a data set, largest first.

    `covariance = (1/N) sum_n (x_n - mean)(x_n - mean)'`, divided by N like the mean of a
    loss over the data. In numpy and float64 whatever JAX's precision: the spectrum is a
    fact about the data, computed once. Rounding can leave an eigenvalue of a positive
    semi-definite matrix below zero by about 1e-16 of the largest; such values are zero.

    Args:
        data: concrete numbers, an example a row.

    Raises:
        ValueError: `data` is not a matrix with at least one row and one column, or is not
            finite.
        TypeError: `data` holds no real numbers.

    >>> eigenvalues(np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 4.0], [-1.0, 4.0]])).tolist()
    [4.0, 1.0]
    """
    rows = checks.known("data", data)
    if rows.ndim != 2 or rows.size == 0:
        raise ValueError(
            f"`data` must have shape (examples, features); got {rows.shape}."
        )
    mean = rows.mean(axis=0)
    if not np.isfinite(mean).all():
        raise ValueError("`data` must be finite; a feature has a mean that is not.")
    covariance = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        centred = rows[start : start + ROWS_AT_ONCE] - mean
        covariance += centred.T @ centred
    ascending = np.linalg.eigvalsh(covariance / len(rows))
    positive: np.ndarray = np.maximum(ascending[::-1], 0.0)
    return positive


def predicted_active_units(
    eigenvalues: Float[ArrayLike, " features"],
    beta: Num[ArrayLike, "*#settings"],
    variance: Num[ArrayLike, "*#settings"],
    *,
    threshold: Num[ArrayLike, "*#settings"] = 0.0,
) -> Int[Array, "..."]:
    """How many units the optimal linear VAE keeps active, given enough of them.

    A unit is in use where its eigenvalue is above the water level `beta * variance`, and
    the variance of its posterior mean is then `1 - beta * variance / eigenvalue`. With a
    threshold a on that variance, as `diagnostics.active_units` has, this counts
    `eigenvalue * (1 - a) > beta * variance`. A model with fewer units has them all active.

    Args:
        eigenvalues: of the data's covariance, in any order.
        beta: weight of the rate, finite and not negative; its axes are the result's.
        variance: noise variance of the decoder, finite and above 0; likewise.
        threshold: variance of the mean from which a unit counts, at least 0 and below 1; 0
            is the exact condition; likewise.

    Raises:
        ValueError: a number outside its range.

    Lucas et al. (2019), arXiv:1911.02469; Wang & Ziyin (2022), arXiv:2205.04009.

    >>> spectrum = jnp.array([4.0, 1.0, 0.25])
    >>> int(predicted_active_units(spectrum, 2.0, 0.4))
    2
    >>> int(predicted_active_units(spectrum, 1.0, 0.249, threshold=0.01))
    2
    """
    check_weight(beta)
    check_noise(variance)
    checks.in_range("threshold", threshold, 0, 1, high_open=True)
    spectrum, weight, noise, least = leading(
        as_spectrum(eigenvalues), beta=beta, variance=variance, threshold=threshold
    )
    return jnp.sum(spectrum * (1 - least) > weight * noise, axis=-1)
