"""What `vae_jax.likelihoods` promises; references in numpy and float64.

A family is built and asked, so that what the decoder returns and `x` are arguments.
"""

import jax
import numpy as np
from entries import Entry
from scipy import integrate, special, stats

from vae_jax import likelihoods

LOGITS = np.array([[-3.0, 2.0, 0.25], [1.5, -0.75, 4.0]])
BINARY = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
GREY = np.array([[0.0, 0.3, 0.8], [1.0, 0.6, 0.9]])
X = np.array([[0.5, -1.0, 2.0], [3.0, 0.25, 1.0]])
LOGVAR = np.array([[0.5, -1.0, 2.0], [0.0, 1.0, -2.0]])
CLASSES = np.array(
    [[0.5, -1.0, 2.0], [1.0, 3.0, 0.0], [0.0, 0.0, 1.0], [2.0, 1.0, -1.0]]
)
CLASSES = CLASSES.reshape(2, 2, 3)
TOKENS = np.array([[0, 2], [1, 0]])
MASK = np.array([[True, True], [False, True]])
PACKED = np.linspace(-2.0, 2.0, 12).reshape(1, 2, 6)
ON_GRID = np.array([[[-1.0], [1.0]]])
NO_FLOAT = ("bfloat16", "float64")
BATCH = {"batch_ndim": (4, -1, 1.5)}
OUTSIDE = (255 * GREY, GREY - 0.5)
KEY = jax.random.key(0)
KEYS = (0, None, GREY, jax.random.split(KEY, 2))


def asked(make, member):
    """A member of a family, as a function of its arguments."""
    return lambda *args, **given: getattr(make(*args), member)(**given)


def sampled(make):
    """The mean and a sample of a family."""

    def run(output, key):
        family = make()
        return family.mean(output), family.sample(key, output)

    return run


def continuous_bernoulli(logits, x, batch_ndim):
    def mass(logit):
        return integrate.quad(lambda t: np.exp(t * logit), 0, 1, epsabs=1e-13)[0]

    masses = np.reshape([mass(logit) for logit in logits.ravel()], x.shape)
    return np.sum(x * logits - np.log(masses), axis=1)


def categorical(logits, tokens, mask, batch_ndim):
    logs = special.log_softmax(logits, axis=-1)
    picked = np.take_along_axis(logs, tokens[..., None], axis=-1)[..., 0]
    return np.sum(picked * mask, axis=1)


def mixture(packed, x, levels, batch_ndim):
    rows = packed.reshape(*packed.shape[:-1], 3, 2)
    logits, means, scales = rows[..., 0, :], rows[..., 1, :], np.exp(rows[..., 2, :])

    def below(edge):
        return special.expit((edge - means) / scales)

    first, last = x == -1.0, x == 1.0
    half = 1 / (levels - 1)
    mass = np.where(last, 1.0, below(x + half)) - np.where(first, 0.0, below(x - half))
    weights = special.softmax(logits, axis=-1)
    return np.log(np.sum(weights * mass, axis=-1)).sum(axis=1)


def mixture_log_prob(packed, x, levels, batch_ndim):
    params = likelihoods.mixture_params(packed, 1)
    return likelihoods.discretized_logistic_mixture_log_prob(
        params, x, levels, batch_ndim
    )


def pair(make):
    """Log-density, mean and sample of a family whose decoder returns two arrays."""

    def run(mean, spread, x, key, batch_ndim):
        family, output = make(), (mean, spread)
        log_prob = family.log_prob(output, x, batch_ndim)
        return log_prob, family.mean(output), family.sample(key, output)

    return run


def one(make):
    """The same of one array."""

    def run(logits, x, key, batch_ndim):
        family = make()
        log_prob = family.log_prob(logits, x, batch_ndim)
        return log_prob, family.mean(logits), family.sample(key, logits)

    return run


def triple(make):
    """The same of three arrays."""

    def run(mean, spread, logit, x, key, batch_ndim):
        family, output = make(), (mean, spread, logit)
        log_prob = family.log_prob(output, x, batch_ndim)
        return log_prob, family.mean(output), family.sample(key, output)

    return run


def nbinom(log_mean, x, log_concentration):
    mean, c = np.exp(log_mean), np.exp(log_concentration)
    return stats.nbinom.logpmf(x, c, c / (c + mean))


def inflated(log_mean, x, log_concentration, zero_logit, batch_ndim):
    share = special.expit(zero_logit)
    drawn = (1 - share) * np.exp(nbinom(log_mean, x, log_concentration))
    return np.log(drawn + share * (x == 0)).sum(axis=1)


COUNTS = np.array([[0.0, 3.0, 1.0], [7.0, 0.0, 2.0]])
NO_COUNTS = (COUNTS - 1, COUNTS + 0.5, COUNTS + np.nan)
LOG_MEAN = np.array([[0.5, 1.0, -1.0], [2.0, -0.5, 0.0]])
LOG_C = np.array([[0.5, 3.0, 0.0], [1.0, -1.0, 2.0]])
OF_COUNTS = {
    "arrays": {"mean": LOG_MEAN, "spread": LOG_C, "x": COUNTS},
    "fixed": {"key": KEY, "batch_ndim": 1},
    "outside": BATCH | {"key": KEYS},
}

FAMILY = {
    "arrays": {"mean": X, "spread": LOGVAR, "x": X[::-1]},
    "fixed": {"key": KEY, "batch_ndim": 1},
    "outside": BATCH | {"key": KEYS},
}
UNIT = {
    "fixed": {"batch_ndim": 1},
    "outside": BATCH | {"x": (*OUTSIDE, GREY[:, :1])},
    "steep": {"logits": 1e4},
}

ENTRIES = [
    Entry(
        "likelihoods.bernoulli",
        arrays={"logits": LOGITS, "x": BINARY},
        run=one(likelihoods.bernoulli),
        fixed={"key": KEY, "batch_ndim": 1},
        outside=BATCH | {"x": OUTSIDE, "key": KEYS},
        steep={"logits": 1e4},
    ),
    Entry(
        "likelihoods.bernoulli_log_prob",
        arrays={"logits": LOGITS, "x": BINARY},
        reference=lambda logits, x, batch_ndim: np.sum(
            x * logits - np.logaddexp(0, logits), axis=1
        ),
        **UNIT,
    ),
    Entry(
        "likelihoods.categorical",
        arrays={"logits": CLASSES, "tokens": TOKENS},
        run=lambda logits, tokens, key: (
            likelihoods.categorical().log_prob(logits, tokens),
            likelihoods.categorical().mean(logits),
            likelihoods.categorical().sample(key, logits),
        ),
        fixed={"key": KEY},
        outside={"key": KEYS},
        refuses={"tokens": ("bool", *NO_FLOAT)},
    ),
    Entry(
        "likelihoods.categorical_log_prob",
        arrays={"logits": CLASSES, "tokens": TOKENS, "mask": MASK},
        fixed={"batch_ndim": 1},
        reference=categorical,
        outside=BATCH | {"mask": (MASK[:1],), "logits": (CLASSES[..., :0],)},
        refuses={"tokens": ("bool", *NO_FLOAT)},
        steep={"logits": 1e4},
    ),
    Entry(
        "likelihoods.check_bernoulli_data",
        arrays={"x": BINARY},
        outside={"x": (*OUTSIDE, GREY + np.nan, np.array(["0"]))},
    ),
    Entry(
        "likelihoods.check_categorical_data",
        arrays={"tokens": TOKENS, "mask": MASK},
        fixed={"num_classes": 3},
        outside={
            "num_classes": (0, 2.5, None),
            "tokens": (TOKENS + 1, TOKENS - 1, TOKENS + 2**32),
            "mask": (MASK[:1],),
        },
        refuses={"tokens": ("bool", *NO_FLOAT)},
    ),
    Entry(
        "likelihoods.check_continuous_bernoulli_data",
        arrays={"x": GREY},
        outside={"x": (*OUTSIDE, GREY + np.nan, np.array(["0"]))},
    ),
    Entry(
        "likelihoods.check_count_data",
        arrays={"x": COUNTS},
        outside={"x": (*NO_COUNTS, COUNTS + np.inf, np.array(["0"]))},
    ),
    Entry(
        "likelihoods.check_gaussian_data",
        arrays={"x": X},
        outside={"x": (X + np.inf, X + np.nan, np.array(["0"]))},
    ),
    Entry(
        "likelihoods.check_logistic_mixture_data",
        arrays={"x": ON_GRID},
        fixed={"levels": 3},
        outside={"levels": (1, 2.5, True), "x": (255 * ON_GRID, ON_GRID / 2)},
    ),
    Entry(
        "likelihoods.continuous_bernoulli",
        arrays={"logits": LOGITS, "x": GREY},
        run=one(likelihoods.continuous_bernoulli),
        fixed={"key": KEY, "batch_ndim": 1},
        outside=BATCH | {"x": OUTSIDE, "key": KEYS},
        steep={"logits": 1e4},
    ),
    Entry(
        "likelihoods.continuous_bernoulli_log_prob",
        arrays={"logits": LOGITS, "x": GREY},
        reference=continuous_bernoulli,
        atol=1e-6,
        **UNIT,
    ),
    Entry(
        "likelihoods.discretized_logistic_mixture",
        arrays={"packed": PACKED, "x": ON_GRID},
        run=lambda packed, x, key, levels: (
            likelihoods.discretized_logistic_mixture(levels).sample(
                key, likelihoods.mixture_params(packed, 1)
            ),
            likelihoods.discretized_logistic_mixture(levels).mean(
                likelihoods.mixture_params(packed, 1)
            ),
            likelihoods.discretized_logistic_mixture(levels).log_prob(
                likelihoods.mixture_params(packed, 1), x
            ),
        ),
        fixed={"key": KEY, "levels": 3},
        outside={"levels": (1, 2.5, True), "key": KEYS},
        steep={"packed": 30.0},
    ),
    Entry(
        "likelihoods.discretized_logistic_mixture_log_prob",
        arrays={"packed": PACKED, "x": ON_GRID},
        run=mixture_log_prob,
        fixed={"levels": 3, "batch_ndim": 1},
        reference=mixture,
        outside={"levels": (1, 2.5, True), "batch_ndim": (3, -1, 0.5)},
        steep={"packed": 30.0},
    ),
    Entry("likelihoods.gaussian", run=pair(likelihoods.gaussian), **FAMILY),
    Entry("likelihoods.laplace", run=pair(likelihoods.laplace), **FAMILY),
    Entry(
        "likelihoods.gaussian_log_prob",
        arrays={"mean": X[::-1], "x": X, "logvar": LOGVAR},
        fixed={"batch_ndim": 1},
        reference=lambda mean, x, logvar, batch_ndim: stats.norm.logpdf(
            x, mean, np.exp(logvar / 2)
        ).sum(axis=1),
        outside=BATCH | {"x": (X[:, :1],), "logvar": (LOGVAR[:, :1], LOGVAR[0])},
        steep={"logvar": 30.0},
    ),
    Entry(
        "likelihoods.gaussian_optimal_variance",
        arrays={"mean": X[::-1], "x": X, "weights": np.array([2.0, 1.0])},
        reference=lambda mean, x, weights: (
            weights @ np.square(x - mean).mean(axis=1) / weights.sum()
        ),
        outside={"weights": (-np.ones(2), np.zeros(2), np.ones(3)), "x": (X[:, :1],)},
    ),
    Entry(
        "likelihoods.laplace_log_prob",
        arrays={"mean": X[::-1], "x": X, "log_scale": LOGVAR},
        fixed={"batch_ndim": 1},
        reference=lambda mean, x, log_scale, batch_ndim: stats.laplace.logpdf(
            x, mean, np.exp(log_scale)
        ).sum(axis=1),
        outside=BATCH | {"x": (X[:, :1],), "log_scale": (LOGVAR[:, :1],)},
        steep={"log_scale": 30.0},
    ),
    Entry(
        "likelihoods.library_log_mean",
        arrays={"scores": X, "total": np.array([5.0, 20.0])},
        fixed={"batch_ndim": 1},
        reference=lambda scores, total, batch_ndim: (
            special.log_softmax(scores, axis=1) + np.log(total)[:, None]
        ),
        outside={"total": (np.ones(3), np.ones((2, 1)))},
        steep={"scores": 1e4},
    ),
    Entry(
        "likelihoods.mixture_params",
        arrays={"packed": PACKED},
        fixed={"num_channels": 1},
        outside={
            "num_channels": (0, -1, 1.5, True),
            "packed": (PACKED[..., :4], PACKED[..., :0], 1.0),
        },
    ),
    Entry(
        "likelihoods.negative_binomial",
        run=pair(likelihoods.negative_binomial),
        **OF_COUNTS,
    ),
    Entry(
        "likelihoods.negative_binomial_log_prob",
        arrays={"log_mean": LOG_MEAN, "x": COUNTS, "log_concentration": LOG_C},
        fixed={"batch_ndim": 1},
        reference=lambda log_mean, x, log_concentration, batch_ndim: nbinom(
            log_mean, x, log_concentration
        ).sum(axis=1),
        outside=BATCH | {"x": (X[:, :1],), "log_concentration": (LOG_C[:, :1],)},
        steep={"log_concentration": 30.0},
    ),
    Entry(
        "likelihoods.poisson",
        arrays={"logits": LOG_MEAN, "x": COUNTS},
        run=one(likelihoods.poisson),
        fixed={"key": KEY, "batch_ndim": 1},
        outside=BATCH | {"key": KEYS},
    ),
    Entry(
        "likelihoods.poisson_log_prob",
        arrays={"log_rate": LOG_MEAN, "x": COUNTS},
        fixed={"batch_ndim": 1},
        reference=lambda log_rate, x, batch_ndim: stats.poisson.logpmf(
            x, np.exp(log_rate)
        ).sum(axis=1),
        outside=BATCH | {"x": (X[:, :1],)},
        steep={"log_rate": 30.0},
    ),
    Entry("likelihoods.student_t", run=pair(likelihoods.student_t), **FAMILY),
    Entry(
        "likelihoods.student_t_log_prob",
        arrays={"mean": X[::-1], "x": X, "log_scale": LOGVAR},
        settings={"df": 3.0},
        fixed={"batch_ndim": 1},
        reference=lambda mean, x, log_scale, df, batch_ndim: stats.t.logpdf(
            x, df, mean, np.exp(log_scale)
        ).sum(axis=1),
        outside=BATCH
        | {"x": (X[:, :1],), "log_scale": (LOGVAR[:, :1],), "df": (0.0, -1.0, np.inf)},
        steep={"log_scale": 30.0},
    ),
    Entry(
        "likelihoods.with_library",
        arrays={"logits": LOG_MEAN, "x": COUNTS},
        settings={"usual_total": 8.0},
        run=lambda logits, x, usual_total: (
            likelihoods.with_library(likelihoods.poisson(), usual_total).log_prob(
                logits, x
            ),
            likelihoods.with_library(likelihoods.poisson(), usual_total).mean(logits),
        ),
        outside={"usual_total": (0.0, -1.0, np.inf)},
        steep={"logits": 1e4},
    ),
    Entry(
        "likelihoods.zero_inflated_negative_binomial",
        run=triple(likelihoods.zero_inflated_negative_binomial),
        **OF_COUNTS | {"arrays": OF_COUNTS["arrays"] | {"logit": X}},
    ),
    Entry(
        "likelihoods.zero_inflated_negative_binomial_log_prob",
        arrays={
            "log_mean": LOG_MEAN,
            "x": COUNTS,
            "log_concentration": LOG_C,
            "zero_logit": X,
        },
        fixed={"batch_ndim": 1},
        reference=inflated,
        outside=BATCH | {"x": (X[:, :1],), "zero_logit": (LOG_C[:, :1],)},
        steep={"zero_logit": 1e4},
    ),
    Entry(
        "likelihoods.sum_event",
        arrays={"values": X},
        fixed={"batch_ndim": 1},
        reference=lambda values, batch_ndim: values.sum(axis=1),
        outside=BATCH,
    ),
]
