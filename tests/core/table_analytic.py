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


ORDER = {
    "decoder_overlap": np.array([0.1, -1.0, 2.0]),
    "encoder_overlap": np.array([0.3, 1.0, -0.7]),
    "decoder_norm": np.array([1.0, 2.3, 4.4]),
    "encoder_norm": np.array([0.4, 1.0, 3.0]),
    "cross_overlap": np.array([0.0, -0.6, 1.2]),
    "posterior_variance": np.array([1.0, 0.6, 2.0]),
}


def flow(order=None, **given):
    parts = {name: given.pop(name) for name in ORDER}
    order = order or analytic.OrderParameters(**parts)
    return analytic.order_parameter_flow(order, **given)


def mean_step(order, beta, signal, noise, learning_rate, **state):
    """Means over Gaussian fields of what one example changes, times the features."""
    m, d, q, e, r, own = (state[name] for name in ORDER)
    hv2, hw2 = signal * d**2 + noise * e, signal * m**2 + noise * q
    hwv = signal * m * d + noise * r
    hwx, hvx = (
        (signal + noise) * m,
        (signal + noise) * d,
    )  # with the field of the signal
    # the steps of w and v are  t (h_v x - w (h_v^2 + D)),  t (h_w - (q + beta) h_v) x
    slope = q + beta
    squared = hw2 - 2 * slope * hwv + slope**2 * hv2
    t, eta = learning_rate, noise
    return (
        t * (hvx - m * (hv2 + own)),
        t * (hwx - slope * hvx),
        2 * t * (hwv - q * (hv2 + own)) + t**2 * eta * hv2,
        2 * t * (hwv - slope * hv2) + t**2 * eta * squared,
        t * (hv2 - r * (hv2 + own) + hw2 - slope * hwv)
        + t**2 * eta * (hwv - slope * hv2),
        -t * (q + beta * (1 - 1 / own)) / 2,
    )


def end_error(beta, signal, noise):
    left = np.maximum(signal + noise - beta, 0)
    return (np.sqrt(left) - np.sqrt(signal)) ** 2


LEVELS_OF_TWO = {
    "beta_one": 1.5,
    "beta_two": 0.5,
    "encoder_variance": 0.75,
    "prior_variance": 2.0,
    "variance": 0.5,
}
NO_VARIANCES = dict.fromkeys(
    ("encoder_variance", "prior_variance", "variance"), (0.0, -1.0, np.inf)
)
NO_WEIGHTS = dict.fromkeys(("beta_one", "beta_two"), (-1.0, np.inf))


def two_levels(
    encoder,
    encoder_two,
    posterior_variance,
    decoder_two,
    decoder,
    covariance,
    beta_one,
    beta_two,
    encoder_variance,
    prior_variance,
    variance,
):
    own, d = encoder_variance, np.diag(posterior_variance)
    whole = encoder @ covariance @ encoder.T + own * np.eye(2)
    left_out, missed = (
        np.eye(3) - decoder @ encoder,
        np.eye(2) - decoder_two @ encoder_two,
    )
    squared = np.trace(left_out @ covariance @ left_out.T)
    squared += own * np.trace(decoder @ decoder.T)
    distortion = squared / (2 * variance) + 1.5 * np.log(2 * np.pi * variance)
    error = np.trace(missed @ whole @ missed.T + decoder_two @ d @ decoder_two.T)
    rate_one = error / (2 * variance) - 1 - np.log(own / variance)
    spread = np.trace(encoder_two @ whole @ encoder_two.T + d) / prior_variance
    rate_two = (spread - 2 - np.log(posterior_variance / prior_variance).sum()) / 2
    kl_one = rate_one + own * np.trace(decoder_two @ encoder_two) / variance
    objective = distortion + beta_one * rate_one + beta_two * rate_two
    return distortion, rate_one, rate_two, kl_one, objective


def best_of_two_levels(
    eigenvalues,
    latent_dims,
    beta_one,
    beta_two,
    encoder_variance,
    prior_variance,
    variance,
):
    """Of the variances of z1 that a search of each unit's objective in float64 finds."""
    from scipy import optimize

    spectrum, (k, m) = np.sort(eigenvalues)[::-1], latent_dims
    own, noise = encoder_variance, variance
    level = np.where(np.arange(k) < m, beta_two / beta_one * noise, np.inf)

    def slope(whole, value, at):
        prior = beta_one / noise if whole < at else beta_two / whole
        return prior - value * own / (noise * whole**2)

    def best(value, at):
        if slope(own, value, at) >= 0:
            return own
        return optimize.brentq(slope, own, 1e3, (value, at), xtol=1e-14, rtol=1e-14)

    used = np.append(spectrum, np.zeros(k))[:k]
    whole = np.array([best(*pair) for pair in zip(used, level, strict=True)])
    ratio = np.maximum(whole / level, 1)
    kl_two = np.log(ratio)[:m] / 2
    one = (np.minimum(whole, level) / noise - 1 - np.log(own / noise)) / 2
    squared = (used * own / whole).sum() + spectrum[k:].sum()
    distortion = squared / (2 * noise) + 2 * np.log(2 * np.pi * noise)
    encoder = np.sqrt(whole - own)
    return (
        encoder,
        np.sqrt(np.maximum(whole - level, 0) / prior_variance)[:m],
        np.sqrt(used) * encoder / whole,
        (prior_variance / ratio)[:m],
        one + own / noise * (1 - 1 / ratio),
        kl_two,
        one.sum(),
        kl_two.sum(),
        distortion,
        distortion + beta_one * one.sum() + beta_two * kl_two.sum(),
        whole > own,
        (whole > level)[:m],
    )


def marginal_of(decoder, covariance, variance):
    own = decoder @ decoder.T + variance * np.eye(3)
    squared = np.trace(np.linalg.solve(own, covariance))
    return -(3 * np.log(2 * np.pi) + np.linalg.slogdet(own)[1] + squared) / 2


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
        "analytic.generalisation_error",
        arrays={name: ORDER[name] for name in ("decoder_overlap", "decoder_norm")},
        settings={"signal": 1.5},
        reference=lambda decoder_overlap, decoder_norm, signal: (
            signal - 2 * np.sqrt(signal) * np.abs(decoder_overlap) + decoder_norm
        ),
        outside={
            "signal": (-1.0, np.inf),
            "decoder_overlap": (np.full(3, np.nan), np.full(3, np.inf)),
            "decoder_norm": (-np.ones(3), np.full(3, np.inf), np.ones(2)),
        },
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
        "analytic.learned_generalisation_error",
        arrays={"beta": np.array([0.0, 0.5, 1.9, 2.2, 3.0])},
        settings={"signal": 1.5, "noise": 0.7},
        reference=end_error,
        outside={
            "beta": (-np.ones(3), np.full(3, np.inf), np.full(3, np.nan)),
            "signal": (-1.0, np.inf),
            "noise": (-1.0, np.inf),
        },
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
        "analytic.order_parameter_flow",
        arrays=ORDER,
        settings={"beta": 0.8, "signal": 1.5, "noise": 0.7, "learning_rate": 0.25},
        fixed={"order": None},
        run=flow,
        reference=mean_step,
        outside={
            "beta": (-1.0, np.inf),
            "signal": (-1.0, np.inf),
            "noise": (0.0, -1.0, np.inf),
            "learning_rate": (0.0, -1.0, np.inf),
            "decoder_overlap": (np.full(3, np.nan), np.full(3, np.inf)),
            "decoder_norm": (-np.ones(3), np.full(3, np.inf)),
            "encoder_norm": (-np.ones(3), np.full(3, np.inf)),
            "posterior_variance": (np.zeros(3), -np.ones(3), np.full(3, np.inf)),
        },
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
        "analytic.ppca_log_likelihood",
        arrays={"decoder": DECODER, "covariance": COVARIANCE},
        settings={"variance": 0.7},
        reference=marginal_of,
        outside={
            "variance": (0.0, -1.0, np.inf),
            "decoder": (DECODER[:2], DECODER[:, 0]),
            "covariance": (COVARIANCE[:2],),
        },
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
        "analytic.two_level_objective",
        arrays={
            "encoder": ENCODER,
            "encoder_two": np.array([[1.0, 0.5], [0.25, -1.0]]),
            "posterior_variance": np.array([1.0, 0.6]),
            "decoder_two": np.array([[0.5, 1.0], [1.0, -0.25]]),
            "decoder": DECODER,
            "covariance": COVARIANCE,
        },
        settings=LEVELS_OF_TWO,
        reference=two_levels,
        outside=NO_WEIGHTS
        | NO_VARIANCES
        | {"posterior_variance": (np.zeros(2), np.array([-1.0, 1.0]))},
        leading=tuple(LEVELS_OF_TWO),
    ),
    Entry(
        "analytic.two_level_optimum",
        arrays={"eigenvalues": SPECTRUM},
        settings=LEVELS_OF_TWO,
        fixed={"latent_dims": (4, 3)},
        reference=best_of_two_levels,
        outside={name: (0.0, *values) for name, values in NO_WEIGHTS.items()}
        | NO_VARIANCES
        | {"latent_dims": (3, (2, 0), (2.5, 1))},
        leading=tuple(LEVELS_OF_TWO),
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
