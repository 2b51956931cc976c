"""What the functions of `vae_jax.analytic` promise; references in numpy and float64."""

import numpy as np
from entries import Entry

from vae_jax import analytic

SPECTRUM = np.array([0.4, 4.0, 1.0, 2.2])
DESCENDING = np.sort(SPECTRUM)[::-1]
DATA = np.array([[0.0, 1.0, 3.0], [2.0, 5.0, 1.0], [1.0, 0.0, 2.0], [4.0, 1.0, 7.0]])
DECODER = np.array([[1.0, 0.5], [0.0, 2.0], [1.5, 1.0]])
ENCODER = np.array([[0.5, 0.0, 0.25], [1.0, 0.5, 0.0]])
COVARIANCE = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]])
CONDITIONS = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 2.0]])
MOMENTS = {  # in booleans, too, those of one joint distribution
    "mean": np.array([1.0, -2.0, 0.5]),
    "condition_mean": np.array([0.5, 1.25]),
    "covariance": np.array([[4.0, 1.0, 0.3], [1.0, 3.0, -0.3], [0.3, -0.3, 2.0]]),
    "cross_covariance": np.array([[1.3, -0.3], [1.0, 0.5], [0.3, 0.5]]),
    "condition_covariance": np.array([[1.5, 0.3], [0.3, 1.0]]),
}
PRIOR = np.array([[0.5, -1.0], [0.0, 1.25]])
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


def moments_with(**changed):
    return analytic.JointMoments(**{**MOMENTS, **changed})


def of_moments(function):
    """The function of moments that come as arrays, unless they come as they are."""

    def call(moments=None, **given):
        parts = {name: given.pop(name) for name in MOMENTS}
        return function(moments=moments or analytic.JointMoments(**parts), **given)

    return call


def center(data, conditions):
    return data - data.mean(axis=0), conditions - conditions.mean(axis=0)


def moments_of(data, conditions):
    rows, given = center(data, conditions)
    products = (rows.T @ rows, rows.T @ given, given.T @ given)
    return data.mean(axis=0), conditions.mean(axis=0), *(p / 4 for p in products)


def residual_spectrum(data, conditions):
    rows, given = center(data, conditions)
    left = rows - given @ np.linalg.pinv(given) @ rows
    return np.linalg.eigvalsh(left.T @ left / 4)[::-1]


def residual_covariance(moments):
    slope = moments.cross_covariance @ np.linalg.inv(moments.condition_covariance)
    return moments.covariance - slope @ moments.cross_covariance.T


def conditional_objective(
    decoder,
    condition_decoder,
    encoder,
    condition_encoder,
    posterior_variance,
    moments,
    beta,
    variance,
    prior_weights,
):
    _, _, own, cross, condition = moments
    joint = np.block([[own, cross], [cross.T, condition]])
    seen = decoder @ condition_encoder + condition_decoder
    left_out = np.hstack([np.eye(3) - decoder @ encoder, -seen])
    apart = np.hstack([encoder, condition_encoder - prior_weights])
    noise = np.trace(decoder @ np.diag(posterior_variance) @ decoder.T)
    squared = np.trace(left_out @ joint @ left_out.T) + noise
    distortion = squared / (2 * variance) + 1.5 * np.log(2 * np.pi * variance)
    unit = posterior_variance - np.log(posterior_variance) - 1
    rate = (unit.sum() + np.trace(apart @ joint @ apart.T)) / 2
    return distortion, rate, distortion + beta * rate


def without_signs(moments, prior_weights, **given):
    """The optimum as maps from and to x and c, in which no sign of a unit is left."""
    best = analytic.linear_cvae_optimum(moments, prior_weights=prior_weights, **given)
    w, u, bias, v, a, own_bias, *shared = map(np.asarray, best)
    prior = np.asarray(prior_weights, np.float32)
    through = (w @ own_bias[..., None])[..., 0]
    return w @ v, u + w @ prior, w @ (a - prior), bias + through, *shared


def conditional_optimum(moments, latent_dim, beta, variance, prior_weights):
    spectrum, vectors = np.linalg.eigh(residual_covariance(moments))
    level, n = beta * variance, latent_dim
    own = spectrum[::-1][:n]
    through = vectors[:, ::-1][:, :n] * np.maximum(1 - level / own, 0)
    through = through @ vectors[:, ::-1][:, :n].T
    slope = moments.cross_covariance @ np.linalg.inv(moments.condition_covariance)
    miss = np.eye(3) - through
    bias = miss @ (moments.mean - slope @ moments.condition_mean)
    kl = np.maximum(np.log(own / level), 0) / 2
    squared = np.minimum(own, level).sum() + spectrum[::-1][n:].sum()
    distortion = squared / (2 * variance) + 1.5 * np.log(2 * np.pi * variance)
    units = (np.minimum(level / own, 1), kl, kl.sum(), distortion)
    elbo = -(distortion + kl.sum())
    return through, slope, -through @ slope, bias, *units, elbo, own > level


IMPOSSIBLE = {
    "moments": (
        moments_with(mean=np.full(3, np.nan)),
        moments_with(covariance=np.full((3, 3), np.inf)),
        moments_with(covariance=np.triu(MOMENTS["covariance"])),
        moments_with(covariance=-np.eye(3)),
        moments_with(cross_covariance=np.full((3, 2), 9.0)),
    )
}
PAIRS = {
    "data": (np.full((4, 3), np.nan), np.ones((0, 3)), np.ones((4, 0)), np.ones(4)),
    "conditions": (np.full((4, 2), np.inf), np.ones((3, 2)), np.ones(4)),
}

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
        "analytic.conditional_covariance",
        arrays=MOMENTS,
        fixed={"moments": None},
        run=of_moments(analytic.conditional_covariance),
        reference=of_moments(residual_covariance),
        outside=IMPOSSIBLE,
    ),
    Entry(
        "analytic.conditional_eigenvalues",
        arrays={"data": DATA, "conditions": CONDITIONS},
        reference=residual_spectrum,
        outside=PAIRS,
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
        "analytic.joint_moments",
        arrays={"data": DATA, "conditions": CONDITIONS},
        reference=moments_of,
        outside=PAIRS,
    ),
    Entry(
        "analytic.linear_cvae_objective",
        arrays=MOMENTS
        | {
            "decoder": DECODER,
            "condition_decoder": DECODER[::-1],
            "encoder": ENCODER,
            "condition_encoder": PRIOR.T,
            "posterior_variance": np.array([1.0, 0.6]),
            "prior_weights": PRIOR,
        },
        settings={"beta": 1.5, "variance": 0.5},
        fixed={"moments": None},
        run=of_moments(analytic.linear_cvae_objective),
        reference=of_moments(conditional_objective),
        outside=LEVELS
        | IMPOSSIBLE
        | {
            "decoder": (DECODER[:2], DECODER[:, 0]),
            "condition_decoder": (DECODER.T, DECODER[:, :1]),
            "encoder": (ENCODER.T, ENCODER[:1]),
            "condition_encoder": (PRIOR[:1], PRIOR[0]),
            "posterior_variance": (np.zeros(2), np.array([-1.0, 1.0]), np.ones(1)),
            "prior_weights": (PRIOR[:1], PRIOR[0], np.full((2, 2), np.nan)),
        },
        leading=("beta", "variance"),
    ),
    Entry(
        "analytic.linear_cvae_optimum",
        arrays=MOMENTS | {"prior_weights": PRIOR},
        settings={"beta": 1.5, "variance": 1.5},
        fixed={"moments": None, "latent_dim": 2},
        run=of_moments(without_signs),
        reference=of_moments(conditional_optimum),
        outside=POSITIVE
        | IMPOSSIBLE
        | {
            "latent_dim": (0, 2.5, True),
            "prior_weights": (PRIOR[:1], PRIOR[0], np.full((2, 2), np.nan)),
        },
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
