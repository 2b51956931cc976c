"""A linear-Gaussian model whose importance-weighted bound and its slopes are known.

`p(x|z) = N(W z + b, NOISE I)`, `p(z) = N(0, I)`; everything in float64 and numpy.
"""

from functools import cache

import numpy as np
from scipy import special, stats

NOISE = 0.5  # variance of x given z, in p(x|z) = N(W z + b, NOISE), p(z) = N(0, I)
X = np.array([0.9, -0.4, 1.3])
ONE = {"W": np.array([[1.0], [-0.5], [0.3]]), "b": np.array([0.1, 0.2, -0.3])}
TWO = {"W": np.array([[1.0, 0.4], [-0.5, 1.1], [0.3, -0.2]]), "b": ONE["b"]}


def log_joint(decoder, x, z):
    """`log p(x|z) + log p(z)` of a batch; jax or numpy, in the precision of z."""
    error = x - z @ decoder["W"].T - decoder["b"][None]
    quadratic = (error**2).sum(-1) / NOISE + (z**2).sum(-1)
    constant = 3 * np.log(2 * np.pi * NOISE) + z.shape[-1] * np.log(2 * np.pi)
    return -0.5 * (quadratic + float(constant))


def exact_posterior(decoder):
    """Mean and covariance of z given X."""
    precision = np.eye(decoder["W"].shape[1]) + decoder["W"].T @ decoder["W"] / NOISE
    covariance = np.linalg.inv(precision)
    return covariance @ decoder["W"].T @ (X - decoder["b"]) / NOISE, covariance


def log_evidence(decoder):
    covariance = decoder["W"] @ decoder["W"].T + NOISE * np.eye(3)
    return stats.multivariate_normal(decoder["b"], covariance).logpdf(X)


def off(shift, wider):
    """A q(z) of the one-dimensional model that misses the posterior by so much."""
    mean, covariance = exact_posterior(ONE)
    return mean[0] + shift * np.sqrt(covariance[0, 0]), np.log(covariance[0, 0]) + wider


@cache
def quadrature(mean, logvar, num_samples):
    """The expected bound and its slopes in mean and logvar, by two integrals in float64.

    `E log sum_k w_k = int exp(-e^u) - M(u)^K du`, `M(u) = E exp(-e^u w)`, from
    `log s = int_0^inf (e^-t - e^-ts) / t dt` and independent samples.
    """
    noise, step_noise = np.linspace(-12, 12, 1601, retstep=True)
    u, step_u = np.linspace(-40, 50, 1801, retstep=True)
    z = mean + np.exp(logvar / 2) * noise
    log_q = stats.norm.logpdf(noise) - logvar / 2
    log_w = log_joint(ONE, X, z[:, None]) - log_q - log_evidence(ONE)
    scaled = np.exp(u[:, None] + log_w)
    mass = stats.norm.pdf(noise) * step_noise * np.exp(-scaled)
    moment = mass.sum(axis=1)
    value = (np.exp(-np.exp(u)) - moment**num_samples).sum() * step_u
    (center,), ((variance,),) = exact_posterior(ONE)
    in_z = -(z - center) / variance  # d log p(x, z) / dz
    slopes = [
        num_samples * (moment ** (num_samples - 1) * ((mass * scaled) @ rate)).sum()
        for rate in (in_z, in_z * (z - mean) / 2 + 0.5)
    ]
    bound = value - np.log(num_samples) + log_evidence(ONE)
    return bound, np.array(slopes) * step_u


def by_formula(gradient, decoder, x, z, mean, logvar):
    """The table of the module in numpy: slopes in mean, logvar, W and b of every example.

    z is (samples, batch, latent).
    """
    deviation, center = np.exp(logvar / 2), z - mean
    log_q = stats.norm.logpdf(z, mean, deviation).sum(-1)
    log_w = np.stack([log_joint(decoder, x, one) for one in z]) - log_q
    weights = special.softmax(log_w, axis=0)[..., None]
    error = (x - z @ decoder["W"].T - decoder["b"]) / NOISE
    in_z = error @ decoder["W"] - z + center / deviation**2
    of_path = weights**2 if gradient == "doubly_reparameterised" else weights
    in_mean, in_logvar = of_path * in_z, of_path * in_z * center / 2
    if gradient == "plain":
        in_mean = in_mean - weights * center / deviation**2
        in_logvar = in_logvar - weights * (center**2 / deviation**2 - 1) / 2
    in_w = (weights * error)[..., None] * z[:, :, None]
    slopes = (in_mean, in_logvar, in_w, weights * error)
    return special.logsumexp(log_w, axis=0) - np.log(len(z)), *(
        s.sum(0) for s in slopes
    )


def standard_errors(samples):
    return samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
