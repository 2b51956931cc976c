"""What `vae_jax.diagnostics` promises; references in numpy and float64."""

import jax
import jax.numpy as jnp
import numpy as np
from entries import Entry

from vae_jax import diagnostics

MEANS = np.array([[1.0, -2.0], [3.0, 0.5], [0.0, 2.0], [-2.0, 1.0]])
LOGVARS = np.array([[0.25, -1.0], [1.0, 0.0], [-2.0, 2.0], [0.5, 0.5]])
KL = np.array([[0.5, 2.0], [1.25, 0.0], [3.0, 1.0], [0.0, 0.75]])
LABELS = np.array([0, 1, 1, 0])
NARROW = (MEANS[:1], MEANS[0], np.ones((4, 0)), 1.0)
POSTERIOR = {"means": MEANS, "logvars": LOGVARS}
KEY = jax.random.key(0)
KEYS = (0, None, MEANS, jax.random.split(KEY, 2))
SIZES = (0, -1, 2.5, True)
SHARES = (-0.1, 1.5)
FINITE = (np.inf, -np.inf)
BOTH = {"means": NARROW, "logvars": (LOGVARS[:, :1], LOGVARS[0])}
WORDS = ("collapsed", "partially collapsed", "healthy", "unreliable")


def kl(means, logvars):
    return (means**2 + np.expm1(logvars) - logvars) / 2


def log_prob(z, x):
    return -jnp.sum(jnp.square(jnp.asarray(x, z.dtype) - z), axis=-1) / 2


def log_joint(z):
    return -jnp.sum(jnp.square(z)) / 2 - (jnp.array([1.0, 2.0]) - z[0]) ** 2 / 2


def quadratic(params):
    return params[0] ** 2 - 3 * params[1] ** 2 + params[1]


def moment(values):
    return values.mean(), values.std(ddof=1) / np.sqrt(len(values))


def mean_variance(means):
    return means.var(axis=0, ddof=1)


def collapsed(kl, eps, delta):
    return (kl >= eps).sum(axis=0) <= delta * len(kl)


def correlation(means):
    return np.corrcoef(means.T), np.zeros(2, bool)


def updated(means, logvars, **settings):
    """The averages of two batches."""
    state = diagnostics.online_init(2)
    for _ in range(2):
        state, info = diagnostics.online_update(state, means, logvars, **settings)
    return info


def judged(means, logvars, key):
    label = diagnostics.verdict(diagnostics.collapse_report(key, means, logvars)).label
    return np.array(WORDS.index(label))


def gap(log_likelihood, shuffled, partner):
    drop = log_likelihood - shuffled
    return drop.mean(), np.sqrt(2 * drop.var(ddof=1) / len(drop))


def frontier(distortion, rate):
    on = np.array([True, True, False, True])
    low, high = [5.0, 0.5, np.inf, 0.0], [np.inf, 5.0, -np.inf, 0.5]
    return on, np.array(low), np.array(high)


def path(z_a, z_b, num_points, kind):
    t = np.linspace(0, 1, num_points)[None, :, None]
    return (1 - t) * z_a[:, None] + t * z_b[:, None]


def cells(conditions, num_cells):
    """Split in two at the mean of what varies most, and each part again."""
    if num_cells == 1:
        return np.zeros(len(conditions), int)
    widest = conditions.var(axis=0).argmax()
    above = conditions[:, widest] > conditions[:, widest].mean()
    found = above * (num_cells // 2)
    for part in (above, ~above):
        found[part] += cells(conditions[part], num_cells // 2)
    return found


def log_ratios(means, logvars, labels, key):
    """`log q(z|x)` less that of the condition's mixture, of the mixture and the prior."""
    noise = np.asarray(jax.random.normal(key, means.shape), np.float64)
    z = means + np.exp(logvars / 2) * noise
    squares = (z[:, None] - means) ** 2 / np.exp(logvars)
    every = np.exp(-(squares + logvars).sum(axis=-1) / 2)
    own, same = np.diag(every), labels[:, None] == labels
    group = (every * same).sum(axis=1) / same.sum(axis=1)
    prior = np.exp(-(z**2).sum(axis=1) / 2)
    return [np.log(own / other) for other in (group, every.mean(axis=1), prior)]


def averaged(ratio, to_group):
    """Mean and error, of pairs of one condition."""
    return ratio.mean(), np.hypot(moment(ratio)[1], np.expm1(to_group).mean() / 4)


def beside(block_size, **given):
    group, _, _ = log_ratios(**given)
    return *averaged(group, group), np.log(2), np.float64(0)


def repeated(block_size, **given):
    group, mixture, _ = log_ratios(**given)
    return *averaged(mixture - group, group), np.log(2)


def to_prior_within(block_size, log_prior, **given):
    group, _, prior = log_ratios(**given)
    return averaged(prior - group, group)


def swapped(key, log_prob, z, x, labels):
    """In pairs, each has the z of the other; the drop of one is known by the other's."""
    own, other = (-((x - codes) ** 2).sum(axis=1) / 2 for codes in (z, z[::-1]))
    drop = own - other
    apart = drop - drop.mean()
    spread = drop.var(ddof=1) + np.maximum((apart * apart[::-1]).mean(), 0)
    return drop.mean(), np.sqrt(spread / 4), np.float64(0)


SAMPLED = {
    "arrays": POSTERIOR,
    "fixed": {"key": KEY, "block_size": 3},
    "outside": BOTH | {"key": KEYS, "block_size": SIZES},
}
CONDITION = {  # two pairs
    "labels": (LABELS[:2], LABELS[:, None], np.arange(4)),
}
NO_NAMES = {"labels": ("bool", "bfloat16", "float64")}
GROUPED = {
    "arrays": POSTERIOR | {"labels": LABELS},
    "fixed": {"key": KEY, "block_size": 8},  # in one block, which is quick
    "outside": SAMPLED["outside"] | CONDITION,
    "refuses": NO_NAMES,
}
SHUFFLED = {
    "arrays": {"z": MEANS},
    "fixed": {"key": KEY, "log_prob": log_prob, "x": MEANS},
    "outside": {"z": NARROW, "key": KEYS, "log_prob": (lambda z, x: jnp.sum(z),)},
}
CURVED = {
    "arrays": {"params": np.array([1.0, 2.0])},
    "fixed": {"key": KEY, "loss": quadratic, "num_iterations": 5},
    "outside": {
        "num_iterations": SIZES,
        "key": KEYS,
        "params": (np.ones(0),),
        "loss": (lambda params: params,),
    },
}

ENTRIES = [
    Entry(
        "diagnostics.active_units",
        arrays={"means": MEANS},
        settings={"threshold": 3.5},
        reference=lambda means, threshold: np.sum(mean_variance(means) >= threshold),
        outside={"means": NARROW, "threshold": (-0.1, np.inf)},
    ),
    Entry(
        "diagnostics.aggregate_covariance",
        arrays=POSTERIOR,
        reference=lambda means, logvars: (
            np.cov(means.T, ddof=0) + np.diag(np.exp(logvars).mean(axis=0))
        ),
        outside=BOTH,
        steep={"logvars": 30.0},
    ),
    Entry(
        "diagnostics.collapse_curve",
        arrays={"kl": KL, "eps": np.array([0.25, 1.5, 2.5])},
        settings={"delta": 0.5},
        reference=lambda kl, eps, delta: [
            np.mean([collapsed(kl, e, delta).mean()]) for e in eps
        ],
        read=lambda curve: list(curve),
        outside={
            "kl": NARROW,
            "eps": (0.5, np.array([-0.1]), np.ones((2, 2)), np.ones(0)),
            "delta": SHARES,
        },
    ),
    Entry(
        "diagnostics.collapse_curve_of_counts",
        arrays={"counts": np.array([[1, 1, 0], [0, 0, 2]])},
        settings={"delta": 0.01},
        reference=lambda counts, delta: np.array([0.0, 0.5]),
        outside={
            "counts": (np.ones(3), np.ones((2, 1)), -np.ones((2, 3)), np.zeros((2, 3))),
            "delta": SHARES,
        },
    ),
    Entry(
        "diagnostics.collapse_report",
        arrays=POSTERIOR,
        settings={"active_threshold": 0.25, "eps": 0.5, "delta": 0.25},
        fixed={"key": KEY, "block_size": 3, "kl": None, "z": None, "log_prob": None},
        outside=SAMPLED["outside"]
        | {
            "active_threshold": (-0.1, np.inf),
            "eps": (-0.1,),
            "delta": SHARES,
            "kl": (KL, KL[:, 0]),
            "z": (MEANS,),
            "log_prob": (log_prob,),
        },
    ),
    Entry(
        "diagnostics.collapsed_units",
        arrays={"kl": KL},
        settings={"eps": 0.6, "delta": 0.5},
        reference=lambda kl, eps, delta: collapsed(kl, eps, delta).sum(),
        outside={"kl": NARROW, "eps": (-0.1,), "delta": SHARES},
    ),
    Entry(
        "diagnostics.condition_cells",
        arrays={"conditions": MEANS},
        fixed={"num_cells": 4},
        reference=cells,
        outside={
            "conditions": (MEANS[0], np.ones((4, 0)), 1.0),
            "num_cells": (0, 1, 3, 2.5, True),
        },
    ),
    Entry("diagnostics.condition_information", reference=repeated, **GROUPED),
    Entry(
        "diagnostics.conditional_decomposition",
        arrays=GROUPED["arrays"],
        fixed=GROUPED["fixed"] | {"log_prior": None, "kl": None},
        outside=GROUPED["outside"] | {"kl": (KL[:, 0],)},
        refuses=NO_NAMES,
    ),
    Entry("diagnostics.conditional_information", reference=beside, **GROUPED),
    Entry(
        "diagnostics.conditional_marginal_kl",
        arrays=GROUPED["arrays"],
        fixed=GROUPED["fixed"] | {"log_prior": None},
        reference=to_prior_within,
        outside=GROUPED["outside"],
        refuses=NO_NAMES,
    ),
    Entry(
        "diagnostics.conditional_report",
        arrays=GROUPED["arrays"],
        settings={"active_threshold": 0.25, "eps": 0.5, "delta": 0.25},
        fixed=GROUPED["fixed"] | {"kl": None, "z": None, "log_prob": None},
        outside=GROUPED["outside"]
        | {
            "active_threshold": (-0.1, np.inf),
            "eps": (-0.1,),
            "delta": SHARES,
            "kl": (KL, KL[:, 0]),
            "z": (MEANS,),
            "log_prob": (log_prob,),
        },
        refuses=NO_NAMES,
    ),
    Entry(
        "diagnostics.conditional_shuffle_gap",
        arrays={"z": MEANS, "labels": LABELS},
        fixed={"key": KEY, "log_prob": log_prob, "x": MEANS},
        reference=swapped,
        outside={
            "z": NARROW,
            "key": KEYS,
            "log_prob": (lambda z, x: jnp.sum(z),),
        }
        | CONDITION,
        refuses=NO_NAMES,
    ),
    Entry(
        "diagnostics.derangement",
        fixed={"key": KEY, "size": 4},
        outside={"size": (1, 2.5, True), "key": KEYS},
    ),
    Entry(
        "diagnostics.diverged",
        fixed={"first_bad_step": 7},
        read=lambda verdict: [],
        outside={"first_bad_step": (-1, 2.5)},
    ),
    Entry("diagnostics.escape_test", **CURVED),
    Entry("diagnostics.smallest_curvature", **CURVED),
    Entry(
        "diagnostics.gaussian_total_correlation",
        arrays={"covariance": np.array([[4.0, 1.0], [1.0, 3.0]])},
        reference=lambda covariance: -np.log(1 - 1 / 12) / 2,
        outside={"covariance": (np.ones(2), np.ones((2, 3)), -np.eye(2))},
        refuses={},
    ),
    Entry(
        "diagnostics.grid_posterior",
        arrays={"grid_axes": np.array([[-3.0, -1.0, 0.0, 1.0, 2.0, 4.0]])},
        fixed={"log_joint": log_joint, "block_size": 4},
        outside={
            "block_size": SIZES,
            "grid_axes": (np.zeros((1, 3)), np.zeros((1, 1)), np.zeros((3, 3)), ()),
            "log_joint": (lambda z: jnp.sum(z),),
        },
        refuses={"grid_axes": ("uint8", "bool")},  # of a size they no longer increase
    ),
    Entry(
        "diagnostics.inference_gap",
        arrays={
            "elbo": np.array([-5.0, -4.0, -7.0]),
            "refined_elbo": np.array([-4.5, -4.0, -6.0]),
            "log_likelihood": np.array([-3.0, -3.5, -6.0]),
        },
        reference=lambda elbo, refined_elbo, log_likelihood: [
            moment(log_likelihood - elbo),
            moment(log_likelihood - refined_elbo),
            moment(refined_elbo - elbo),
        ],
        outside={
            "elbo": (np.ones(1), 1.0, np.ones((3, 1))),
            "refined_elbo": (np.ones(2),),
            "log_likelihood": (np.ones((3, 1)),),
        },
    ),
    Entry(
        "diagnostics.interpolate",
        arrays={"z_a": MEANS, "z_b": MEANS[::-1]},
        fixed={"num_points": 3, "kind": "linear"},
        reference=path,
        outside={
            "num_points": (1, 2.5),
            "kind": ("cubic",),
            "z_b": (MEANS[:1],),
            "z_a": (MEANS[0], np.ones((0, 2))),
        },
    ),
    Entry(
        "diagnostics.interpolation_smoothness",
        arrays={"z_a": MEANS, "z_b": MEANS[::-1] + 1.0},
        fixed={"num_points": 3, "kind": "linear", "decode_mean": lambda z: z**2},
        outside={
            "num_points": (1, 2.5),
            "kind": ("cubic",),
            "z_b": (MEANS[:1],),
            "decode_mean": (jnp.sum,),
        },
    ),
    Entry(
        "diagnostics.kl_histogram",
        arrays={"kl": KL, "edges": np.array([0.5, 1.0, 2.5])},
        reference=lambda kl, edges: [
            [np.sum(np.digitize(unit, edges) == b) for b in range(4)] for unit in kl.T
        ],
        read=lambda counts: [list(unit) for unit in counts],
        outside={
            "kl": NARROW,
            "edges": (0.5, np.ones(2), np.array([1.0, 0.5]), np.ones(0)),
        },
        refuses={"edges": ("bool",)},  # which do not increase
    ),
    Entry(
        "diagnostics.kl_per_unit",
        arrays=POSTERIOR,
        reference=lambda means, logvars: kl(means, logvars).mean(axis=0),
        outside=BOTH,
        steep={"logvars": 30.0},
    ),
    Entry(
        "diagnostics.linear_probe",
        arrays={
            "means_train": MEANS,
            "labels_train": LABELS,
            "means_test": MEANS + 0.5,
            "labels_test": LABELS,
        },
        settings={"l2": 0.5},
        fixed={"num_classes": 2},
        outside={
            "num_classes": (1, 2.5, True),
            "l2": (-0.1, np.inf),
            "labels_train": (LABELS[:2], LABELS[:, None]),
            "means_test": (MEANS[:, :1], MEANS[0]),
        },
        refuses={
            "labels_train": ("bool", "bfloat16", "float64"),
            "labels_test": ("bool", "bfloat16", "float64"),
        },
    ),
    Entry("diagnostics.marginal_decomposition", **SAMPLED),
    Entry("diagnostics.marginal_kl", **SAMPLED),
    Entry(
        "diagnostics.mean_correlation",
        arrays={"means": MEANS},
        reference=correlation,
        outside={"means": NARROW},
    ),
    Entry("diagnostics.mutual_information", **SAMPLED),
    Entry(
        "diagnostics.online_init",
        fixed={"latent_dim": 2},
        outside={"latent_dim": (0, -1, 2.5, True)},
    ),
    Entry(
        "diagnostics.online_update",
        arrays=POSTERIOR,
        settings={"decay": 0.5, "rate_threshold": 0.25, "active_threshold": 0.5},
        run=updated,
        outside=BOTH
        | {
            "decay": SHARES,
            "rate_threshold": (-0.1,),
            "active_threshold": (-0.1,),
        },
    ),
    Entry(
        "diagnostics.part_reports",
        arrays=POSTERIOR,
        settings={"active_threshold": 0.25, "eps": 0.5, "delta": 0.25},
        fixed={"key": KEY, "block_size": 3, "axes": (-1,)},
        outside=SAMPLED["outside"]
        | {
            "active_threshold": (-0.1, np.inf),
            "eps": (-0.1,),
            "delta": SHARES,
            "axes": ((), (0,), (2,), (1, -1), (1.5,)),
        },
    ),
    Entry(
        "diagnostics.posterior_mean_variance",
        arrays={"means": MEANS},
        reference=mean_variance,
        outside={"means": NARROW},
    ),
    Entry(
        "diagnostics.rate_decomposition",
        arrays=SAMPLED["arrays"],
        fixed=SAMPLED["fixed"] | {"kl": None},
        outside=SAMPLED["outside"] | {"kl": (KL[:, 0],)},
    ),
    Entry(
        "diagnostics.rate_distortion_frontier",
        arrays={
            "distortion": np.array([9.0, 4.0, 5.0, 3.0]),
            "rate": np.array([0.0, 1.0, 2.0, 3.0]),
        },
        reference=frontier,
        outside={"distortion": (np.ones(0), 1.0), "rate": (np.ones(3),)},
    ),
    Entry(
        "diagnostics.rate_distortion_line",
        arrays={"rates": np.array([0.0, 20.0, 100.0])},
        settings={"distortion": 80.0, "rate": 20.0, "beta": 0.5},
        reference=lambda distortion, rate, rates, beta: (
            distortion + beta * (rate - rates)
        ),
        outside={"rates": (1.0, np.ones((2, 2))), "beta": FINITE},
    ),
    Entry(
        "diagnostics.rate_distortion_point",
        arrays={"distortion": KL[:, 0], "rate": KL[:, 1]},
        settings={"beta": 0.5},
        reference=lambda distortion, rate, beta: (
            distortion + rate,
            distortion + beta * rate,
            np.full(4, -beta),
        ),
        outside={"beta": FINITE, "rate": (KL[:1, 1],)},
    ),
    Entry(
        "diagnostics.shuffle_gap",
        arrays={"log_likelihood": KL[:, 0], "shuffled": KL[:, 1]},
        fixed={"partner": None},
        reference=gap,
        outside={
            "log_likelihood": NARROW,
            "shuffled": (KL[:1, 1],),
            "partner": (
                np.arange(4),
                np.array([1, 2, 3, 4]),
                np.array([1, 0]),
                np.ones(4),
            ),
        },
    ),
    Entry(
        "diagnostics.shuffle_within",
        arrays={"labels": np.array([7, 3, 3, 7, 5])},
        fixed={"key": KEY},
        reference=lambda key, labels: np.array([3, 2, 1, 0, 4]),
        outside={"labels": (LABELS[:, None], 1), "key": KEYS},
        refuses=NO_NAMES,
    ),
    Entry("diagnostics.total_correlation", **SAMPLED),
    Entry(
        "diagnostics.verdict",
        arrays=POSTERIOR,
        fixed={"key": KEY},
        run=judged,
        outside={"means": NARROW},
    ),
    Entry("diagnostics.z_reliance", **SHUFFLED),
    Entry("diagnostics.z_shuffle_gap", **SHUFFLED),
]
