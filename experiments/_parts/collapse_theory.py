"""The (eps, delta)-collapse of a linear VAE on Gaussian data, in closed form."""

from collections.abc import Sequence

import numpy as np

from vae_jax import analytic

CHI2_99 = 6.634897
"""The 0.99 quantile of the square of a standard normal number; delta is 0.01."""


def collapse_thresholds(
    eigenvalues: Sequence[float] | np.ndarray, latent_dim: int, variance: float
) -> np.ndarray:
    """The least eps, in nats, at which each unit is (eps, 0.01)-collapsed.

    The mean of unit i is `N(0, 1 - r)` over the data, r = variance / eigenvalue, and its
    posterior variance is r, so that `KL(x) = (mean^2 + r - log r - 1) / 2`; all but a
    hundredth of it is below `((1 - r) chi2 + r - log r - 1) / 2`. A unit that is not in
    use has none. The optimum is that of Lucas et al. (2019), arXiv:1911.02469.

    >>> collapse_thresholds([1.0, 0.5], 2, 0.5).round(3).tolist()
    [1.755, 0.0]
    """
    spectrum = np.asarray(eigenvalues, np.float32)
    optimum = analytic.linear_vae_optimum(spectrum, latent_dim, 1.0, variance)
    r = np.asarray(optimum.posterior_variance, np.float64)
    return ((1 - r) * CHI2_99 + r - np.log(r) - 1) / 2


def collapse_share(thresholds: np.ndarray, eps: np.ndarray) -> np.ndarray:
    """The share of the units that are collapsed at each eps.

    >>> collapse_share(np.array([0.0, 1.5]), np.array([0.1, 2.0])).tolist()
    [0.5, 1.0]
    """
    return np.asarray((thresholds[None] < eps[:, None]).mean(axis=1))
