"""The digits of scikit-learn, all 1797 rows, scaled to 0 to 1."""

import functools

import numpy as np
from sklearn.datasets import load_digits

from vae_jax import analytic


@functools.cache
def digits():
    return load_digits().data / 16


@functools.cache
def spectrum():
    return analytic.eigenvalues(digits())


@functools.cache
def eigenvectors():
    """Columns in the order of `spectrum`."""
    return np.linalg.eigh(np.cov(digits().T, ddof=0))[1][:, ::-1]
