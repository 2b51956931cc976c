"""Closed forms of `small_theory`, and what an optimiser or Bayes' rule finds beside them.

delta-VAE: the smallest KL of a posterior that is independent in time to an AR(1) prior.
pPCA: the posterior of the second unit where the likelihood does not know it. One-bit VAE:
the best Gaussian posteriors of two points. All of it in float64, KL in nats.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy import optimize

from vae_jax import priors

SEEDS = (0, 1, 2)
ALPHAS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
STEPS_OF_PRIOR = (2, 4, 10)

EXAMPLES, FEATURES, SPREAD, NOISE = 500, 5, 2.0, 0.1
"""Of Wang, Blei & Cunningham (2021): N, D, the deviation of W and that of the data."""

SIGMAS = (0.1, 0.2, 0.5, 1.0, 2.0)
MODELS = ("w2 = 0", "w2 not 0")
REACH, SIDE = 2.0, 31
"""Half width of the surface over z, and points along a side."""

CODES = np.linspace(-6.0, 6.0, 6001)
"""z_2 for Bayes' rule. Its narrowest posterior has a deviation of some 0.02 at 0.1 of
noise, ten steps; of a Gaussian, equal steps of one deviation are exact to 1e-8."""

NOISES = np.linspace(-9.0, 9.0, 721)
"""Standard normal noise, in equal steps: of analytic functions their sum is exact."""

WEIGHTS = np.exp(-np.square(NOISES) / 2)
WEIGHTS /= WEIGHTS.sum()


def kl_to_prior(num_steps: int) -> Callable[..., Any]:
    """`(means and log-variances, alpha) -> KL to the AR(1) prior` and slopes, compiled."""

    def total(flat: Any, alpha: Any) -> Any:
        prior = priors.autoregressive(num_steps, num_steps, alpha)
        return jnp.sum(prior.kl({}, flat[:num_steps], flat[num_steps:]))

    return jax.jit(jax.value_and_grad(total))


def smallest_kl(
    slopes: Callable[..., Any], alpha: float, start: np.ndarray
) -> dict[str, float]:
    """The KL to the AR(1) prior where an optimiser ends that begins at `start`.

    Args:
        slopes: `kl_to_prior` of T units in time.
        alpha: correlation of neighbours.
        start: means, then log-variances, `(2 T,)`.

    Returns:
        `kl` in nats, `mean` the largest mean, and `variance` the largest error of a
        variance as a share of its closed form.
    """

    def both(flat: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = slopes(flat, alpha)
        return float(value), np.asarray(slope)

    end = optimize.minimize(
        both, start, jac=True, method="BFGS", options={"gtol": 1e-9}
    )
    mean, logvar = np.split(end.x, 2)
    off = np.exp(logvar) / best_variances(len(mean), alpha) - 1
    return {
        "kl": float(end.fun),
        "mean": float(np.abs(mean).max()),
        "variance": float(np.abs(off).max()),
    }


def best_variances(num_steps: int, alpha: float) -> np.ndarray:
    """Of the closest posterior: one over the diagonal of the prior's precision.

    `1 - alpha^2` at both ends, and `(1 - alpha^2) / (1 + alpha^2)` between them.
    """
    inner = np.full(num_steps, 1 + alpha**2)
    inner[[0, -1]] = 1.0
    return (1 - alpha**2) / inner


def committed_rows() -> pd.DataFrame:
    """A row a number of steps, alpha and start: what the optimiser found, and theory."""
    rows = []
    with jax.enable_x64(True):
        for num_steps in STEPS_OF_PRIOR:
            slopes = kl_to_prior(num_steps)
            for alpha in ALPHAS:
                theory = float(priors.committed_rate(alpha, num_steps))
                for seed in SEEDS:
                    start = np.random.default_rng(seed).normal(size=2 * num_steps)
                    found = smallest_kl(slopes, alpha, start)
                    row = {"steps": num_steps, "alpha": alpha, "seed": seed}
                    rows.append(row | found | {"theory": theory})
    return pd.DataFrame(rows)


def committed_lines() -> pd.DataFrame:
    """The closed form, finely."""
    alphas = np.linspace(0, 0.99, 100)
    with jax.enable_x64(True):
        parts = [
            pd.DataFrame(
                {
                    "steps": num_steps,
                    "alpha": alphas,
                    "kl": np.asarray(priors.committed_rate(alphas, num_steps)),
                }
            )
            for num_steps in STEPS_OF_PRIOR
        ]
    return pd.concat(parts, ignore_index=True)


def drawn(model: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The weights of a pPCA of two units, and data of it: `x = W z + 0.1 e`."""
    draw = np.random.default_rng(seed)
    weights = draw.normal(size=(FEATURES, 2)) * SPREAD
    if model == MODELS[0]:
        weights[:, 1] = 0.0
    codes = draw.normal(size=(EXAMPLES, 2))
    return weights, codes @ weights.T + NOISE * draw.normal(size=(EXAMPLES, FEATURES))


def posterior(
    weights: np.ndarray, x: np.ndarray, sigma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Means and covariance of `p(z|x) = N(M^-1 W'x, sigma^2 M^-1)`, `M = W'W + sigma^2 I`.

    Tipping & Bishop (1999).
    """
    units = weights.shape[1]
    own = weights.T @ weights + sigma**2 * np.eye(units)
    means = np.linalg.solve(own, weights.T @ x.T).T
    return means, np.linalg.solve(own, sigma**2 * np.eye(units))


def kl_of_second(weights: np.ndarray, x: np.ndarray, sigma: float) -> float:
    """`KL(p(z_2|x) || N(0, 1))` in nats, mean over the examples, in closed form."""
    means, covariance = posterior(weights, x, sigma)
    variance = covariance[1, 1]
    squares = np.mean(np.square(means[:, 1]))
    return float((squares + variance - 1 - np.log(variance)) / 2)


def kl_by_bayes(weights: np.ndarray, x: np.ndarray, sigma: float) -> float:
    """The same by Bayes' rule on a grid of z_2: no closed form of a posterior.

    `p(x|z_2) = N(x; w_2 z_2, w_1 w_1' + sigma^2 I)`, prior and posterior normalised on the
    grid.
    """
    first, second = weights.T
    noise = np.outer(first, first) + sigma**2 * np.eye(len(first))
    slope, bend = (
        x @ np.linalg.solve(noise, second),
        second @ np.linalg.solve(noise, second),
    )
    prior = np.exp(-np.square(CODES) / 2)
    # up to what does not depend on z_2
    exponent = np.outer(slope, CODES) - bend * np.square(CODES) / 2
    exponent -= exponent.max(axis=1, keepdims=True)
    joint = np.exp(exponent) * prior[None]
    mass = joint.sum(axis=1)
    # log p(z_2|x) / p(z_2): what the likelihood is more than its mean over the prior, which
    # is 1 without rounding where it is 1 everywhere, as both sums are of the same numbers
    ratio = exponent - np.log(mass / prior.sum())[:, None]
    return float(np.mean(np.sum(joint * ratio, axis=1) / mass))


def hidden_rows() -> pd.DataFrame:
    """A row a model, seed and sigma: KL of the second unit, by both ways."""
    rows = []
    for model in MODELS:
        for seed in SEEDS:
            weights, x = drawn(model, seed)
            for sigma in SIGMAS:
                rows.append(
                    {"model": model, "seed": seed, "sigma": sigma}
                    | {"kl": kl_by_bayes(weights, x, sigma)}
                    | {"theory": kl_of_second(weights, x, sigma)}
                )
    return pd.DataFrame(rows)


def surface_rows() -> pd.DataFrame:
    """`log N(0 | W z, I)` in nats over z, at x = 0 as the authors' code has it."""
    steps = np.linspace(-REACH, REACH, SIDE)
    first, second = (part.ravel() for part in np.meshgrid(steps, steps, indexing="ij"))
    parts = []
    for model in MODELS:
        weights, _ = drawn(model, SEEDS[0])
        squared = np.sum(np.square(np.stack([first, second], 1) @ weights.T), axis=1)
        value = -squared / 2 - FEATURES / 2 * np.log(2 * np.pi)
        parts.append(
            pd.DataFrame(
                {"model": model, "z1": first, "z2": second, "log_likelihood": value}
            )
        )
    return pd.concat(parts, ignore_index=True)


class Bit(NamedTuple):
    """The best symmetric one-bit VAE of a linear decoder.

    Attributes:
        cost: its negative ELBO, nats.
        rate: its KL, nats.
        mean: of the posterior of 1^d, that of 0^d being its negative.
        std: of either posterior.
        weight: of every pixel's logit.
    """

    cost: float
    rate: float
    mean: float
    std: float
    weight: float


def cost_of_bit(pixels: int, mean: float, logstd: float, weight: float) -> np.ndarray:
    """Distortion and rate of either point, in nats.

    `d E log(1 + exp(-w (m + s e)))` and `(m^2 + s^2 - 1) / 2 - log s`.
    """
    std = np.exp(logstd)
    wrong = np.logaddexp(0, -weight * (mean + std * NOISES))
    rate = (mean**2 + std**2 - 1) / 2 - logstd
    return np.array([pixels * WEIGHTS @ wrong, rate])


def best_bit(pixels: int) -> Bit:
    """The optimum over mean, deviation and weight, the best of several starts.

    Posteriors of the two points mirror each other, biases are 0 and all pixels alike. With
    no z, which is the first start, it costs `d log 2`.
    """

    def total(flat: np.ndarray) -> float:
        return float(cost_of_bit(pixels, *flat).sum())

    starts = [(0.0, 0.0, 0.0), (1.0, -0.5, 2.0), (1.5, -1.0, 5.0)]
    ends = [optimize.minimize(total, start, method="BFGS") for start in starts]
    mean, logstd, weight = min(ends, key=lambda end: end.fun).x
    # both signs of z are as good
    cost, rate = cost_of_bit(pixels, mean, logstd, weight)
    return Bit(cost + rate, rate, abs(mean), float(np.exp(logstd)), abs(weight))


def bit_lines(pixels: Sequence[int]) -> pd.DataFrame:
    """A row a number of pixels: cost and rate of the optimum."""
    rows = [{"pixels": one} | best_bit(one)._asdict() for one in pixels]
    return pd.DataFrame(rows)
