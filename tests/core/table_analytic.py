"""What the functions of `vae_jax.analytic` promise; references in numpy and float64."""

import numpy as np
from entries import Entry

SPECTRUM = np.array([0.4, 4.0, 1.0, 2.2])
DESCENDING = np.sort(SPECTRUM)[::-1]
DATA = np.array([[0.0, 1.0, 3.0], [2.0, 5.0, 1.0], [1.0, 0.0, 2.0], [4.0, 1.0, 7.0]])
DECODER = np.array([[1.0, 0.5], [0.0, 2.0], [1.5, 1.0]])
ENCODER = np.array([[0.5, 0.0, 0.25], [1.0, 0.5, 0.0]])
COVARIANCE = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]])
LEVELS = {"beta": (-1.0, np.inf), "variance": (0.0, -1.0, np.inf)}
POSITIVE = {"beta": (0.0, -1.0, np.inf), "variance": (0.0, -1.0, np.inf)}


def objective(decoder, encoder, posterior_variance, covariance, beta, variance):
    left_out = np.eye(3) - decoder @ encoder
    noise = np.trace(decoder @ np.diag(posterior_variance) @ decoder.T)
    squared = np.trace(left_out @ covariance @ left_out.T) + noise
    distortion = squared / (2 * variance) + 1.5 * np.log(2 * np.pi * variance)
    own = posterior_variance - np.log(posterior_variance) - 1
    rate = (own.sum() + np.trace(encoder @ covariance @ encoder.T)) / 2
    return distortion, rate, distortion + beta * rate


def optimum(eigenvalues, latent_dim, beta, variance):
    spectrum, level = np.sort(eigenvalues)[::-1], beta * variance
    own = np.append(spectrum, np.zeros(latent_dim))[:latent_dim]
    active, used = own > level, np.maximum(own, level)
    weights, kl = np.sqrt(used - level), np.log(used / level) / 2
    squared = (
        np.minimum(spectrum[:latent_dim], level).sum() + spectrum[latent_dim:].sum()
    )
    distortion = squared / (2 * variance) + 2 * np.log(2 * np.pi * variance)
    elbo = -(distortion + kl.sum())
    encoder = weights / used
    return weights, encoder, level / used, kl, kl.sum(), distortion, elbo, active


def ppca(eigenvalues, latent_dim, variance):
    spectrum = np.sort(eigenvalues)[::-1]
    active = (spectrum > variance) & (np.arange(len(spectrum)) < latent_dim)
    model = np.where(active, spectrum, variance)
    value = -(np.log(2 * np.pi * model) + spectrum / model).sum() / 2
    weights = np.sqrt(model - variance)
    return value, np.float64(variance), weights[:latent_dim], active[:latent_dim]


def best_variance(eigenvalues, latent_dim, beta):
    """By a search in float64 of the objective itself."""
    from scipy import optimize

    def cost(log_v):
        found = optimum(eigenvalues, latent_dim, beta, np.exp(log_v))
        return found[5] + beta * found[4]

    best = optimize.minimize_scalar(cost, bounds=(-5, 3), method="bounded")
    return np.exp(best.x)


def fill(eigenvalues, rates):
    from scipy import optimize

    def spent(log_level, rate):
        return np.maximum(np.log(eigenvalues) - log_level, 0).sum() / 2 - rate

    logs = [optimize.brentq(spent, -20, np.log(4), (r,), xtol=1e-14) for r in rates]
    level = np.exp(logs)
    return np.minimum(eigenvalues, level[:, None]).sum(axis=1), level


def hessian(eigenvalue, beta, variance):
    along = eigenvalue
    top = np.stack([np.full_like(along, 1 / variance), -along / variance], axis=-1)
    return np.stack([top, np.stack([-along / variance, beta * along], -1)], axis=-2)


ENTRIES = [
    Entry(
        "analytic.collapse_threshold",
        arrays={"scores": DATA - 2.0, "information": np.abs(DATA - 1.0) + 1.0},
        reference=lambda scores, information: np.linalg.eigvalsh(
            scores.T
            @ scores
            / 4
            / np.sqrt(np.outer(information.mean(0), information.mean(0)))
        )[-1],
        outside={"information": (-np.ones((4, 3)), np.full((4, 3), np.nan))},
    ),
    Entry(
        "analytic.collapsed_hessian",
        arrays={"eigenvalue": SPECTRUM},
        settings={"beta": 1.5, "variance": 0.5},
        reference=hessian,
        outside=LEVELS,
        leading=("beta", "variance"),
    ),
    Entry(
        "analytic.eigenvalues",
        arrays={"data": DATA},
        reference=lambda data: np.linalg.eigvalsh(np.cov(data.T, ddof=0))[::-1],
        outside={"data": (np.full((4, 3), np.nan), np.ones((0, 3)), np.ones((4, 0)))},
    ),
    Entry(
        "analytic.escape_rate",
        arrays={"eigenvalue": SPECTRUM},
        settings={"beta": 1.5, "variance": 0.5},
        reference=lambda **given: -np.linalg.eigvalsh(hessian(**given))[:, 0],
        outside=LEVELS,
        leading=("beta", "variance"),
    ),
    Entry(
        "analytic.is_saddle",
        arrays={"eigenvalue": SPECTRUM},
        settings={"beta": 1.5, "variance": 0.5},
        reference=lambda eigenvalue, beta, variance: eigenvalue > beta * variance,
        outside=LEVELS,
        leading=("beta", "variance"),
    ),
    Entry(
        "analytic.linear_vae_objective",
        arrays={
            "decoder": DECODER,
            "encoder": ENCODER,
            "posterior_variance": np.array([1.0, 0.6]),
            "covariance": COVARIANCE,
        },
        settings={"beta": 1.5, "variance": 0.5},
        reference=objective,
        outside=LEVELS | {"posterior_variance": (np.zeros(2), np.array([-1.0, 1.0]))},
        leading=("beta", "variance"),
    ),
    Entry(
        "analytic.linear_vae_optimum",
        arrays={"eigenvalues": SPECTRUM},
        settings={"beta": 1.5, "variance": 0.5},
        fixed={"latent_dim": 4},
        reference=optimum,
        outside=POSITIVE | {"latent_dim": (0, 2.5, True)},
        leading=("beta", "variance"),
    ),
    Entry(
        "analytic.optimal_variance",
        arrays={"eigenvalues": SPECTRUM},
        settings={"beta": 1.5},
        fixed={"latent_dim": 2},
        reference=best_variance,
        rtol=1e-5,  # of the search
        outside={"beta": (0.0, np.inf), "latent_dim": (0, 4, 1.0)},
        leading=("beta",),
    ),
    Entry(
        "analytic.ppca",
        arrays={"eigenvalues": SPECTRUM},
        settings={"variance": 0.7},
        fixed={"latent_dim": 2},
        reference=ppca,
        outside={"variance": (0.0, -1.0, np.inf), "latent_dim": (0, 5, 1.0)},
        leading=("variance",),
    ),
    Entry(
        "analytic.predicted_active_units",
        arrays={"eigenvalues": SPECTRUM},
        settings={"beta": 1.5, "variance": 0.5, "threshold": 0.1},
        reference=lambda eigenvalues, beta, variance, threshold: np.sum(
            eigenvalues * (1 - threshold) > beta * variance
        ),
        outside=LEVELS | {"threshold": (-0.1, 1.0)},
        leading=("beta", "variance", "threshold"),
    ),
    Entry(
        "analytic.water_filling",
        arrays={"eigenvalues": SPECTRUM, "rates": np.array([0.3, 1.0, 2.5])},
        reference=fill,
        outside={"rates": (np.array([0.1, -0.1, 1.0]), np.full(3, np.nan))},
    ),
]
SPECTRA = {"eigenvalues": (np.ones((2, 2)), np.ones(0), np.array([1.0, np.nan]))}
ENTRIES = [
    Entry(**{**vars(entry), "outside": {**entry.outside, **SPECTRA}})
    if "eigenvalues" in entry.arrays
    else entry
    for entry in ENTRIES
]
