"""What the functions of `vae_jax.losses` promise; references in numpy and float64."""

import jax
import jax.numpy as jnp
import numpy as np
from entries import Entry
from scipy import special, stats

from vae_jax import losses

KL = np.array([[0.5, 2.0], [1.25, 0.25], [3.0, 1.0]])
VALUES = np.array([3.0, 80.5, 10.0])
MEAN = np.array([[1.0, -2.0], [3.0, 0.5], [0.0, 2.0]])
LOGVAR = np.array([[0.25, -1.0], [1.0, 0.0], [-2.0, 2.0]])
Z = np.array([[0.75, -1.0], [2.0, 1.25], [1.0, 1.0]])
WEIGHTS = np.array([1.0, 2.0, 0.5])
IMAGES = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
LOGITS = np.array([[-3.0, 2.0, 0.25], [1.5, -0.75, 4.0]])
PROBS = np.array([[0.25, 0.75, 0.9], [0.8, 0.1, 0.6]])
LOG_WEIGHTS = np.array([[-3.0, 1.5], [0.25, -20.0], [2.0, 0.0]])
FINITE = (np.inf, -np.inf)
NOT_NEGATIVE = (-2.0, np.inf)
POSITIVE = (0.0, -1.0, np.inf)
NO_BATCH = {"kl": (np.ones(2), np.ones((0, 2)), np.ones((3, 0)))}
OF_WEIGHTS = {"weights": (-np.ones(3), np.full(3, np.nan))}
KEYS = jax.random.split(jax.random.key(0), 3)


def free_bits(kl, threshold, weights, over, mean, rule, groups):
    level = np.sum(weights[:, None] * kl, axis=0) / weights.sum()
    return np.full(3, np.maximum(level, threshold).sum())


def batch_norm(mean, scale, shift, epsilon, weights):
    centre = weights @ mean / weights.sum()
    variance = weights @ (mean - centre) ** 2 / weights.sum()
    normal = scale * (mean - centre) / np.sqrt(variance + epsilon) + shift
    return normal, centre, variance


def pair_mean(values, weights):
    return (values * weights).sum() / weights.sum()


def mmd(z, prior_samples, weights, kernel):
    def rbf(x, y):
        return np.exp(-np.square(x[:, None] - y[None]).sum(-1) / 2)

    apart = 1 - np.eye(3)
    of_z = pair_mean(rbf(z, z), np.outer(weights, weights) * apart)
    of_prior = pair_mean(rbf(prior_samples, prior_samples), apart)
    both = pair_mean(rbf(z, prior_samples), np.outer(weights, np.ones(3)))
    return np.full(3, of_z + of_prior - 2 * both)


def aggregate(z, mean, logvar, dataset_size, weighting):
    size, examples = dataset_size, len(z)
    density = stats.norm.logpdf(z[:, None], mean[None], np.exp(logvar[None] / 2))
    share = np.where(np.eye(examples), 1 / size, (1 - 1 / size) / (examples - 1))
    joint = special.logsumexp(density.sum(-1), axis=1, b=share)
    units = special.logsumexp(density, axis=1, b=share[..., None])
    return joint, units.sum(-1)


def decomposition(z, mean, logvar, dataset_size, weighting):
    joint, units = aggregate(z, mean, logvar, dataset_size, weighting)
    own = stats.norm.logpdf(z, mean, np.exp(logvar / 2)).sum(-1)
    return own - joint, joint - units, units - stats.norm.logpdf(z).sum(-1)


def log_joint(z):
    return -jnp.sum(z**2, axis=-1)


def of_parts(distortion, information, correlation, units, **weights):
    parts = losses.RateParts(information, correlation, units)
    return losses.beta_tc_loss(distortion, parts, **weights)


def normalise(mean, centre, variance, **others):
    return losses.normalise_mean(
        mean, losses.MeanStatistics(centre, variance), **others
    )


def delta_kl(raw_mean, raw_scale, delta):
    from vae_jax import gaussian

    return gaussian.kl_standard(*losses.delta_posterior(raw_mean, raw_scale, delta))


AGGREGATE = {
    "arrays": {"z": Z, "mean": MEAN, "logvar": LOGVAR},
    "settings": {"dataset_size": 8.0},
    "fixed": {"weighting": "balanced"},
    "outside": {
        "dataset_size": (2, np.int64(2), np.float32(0.0), np.inf),
        "weighting": ("even", None),
        "z": (np.ones(3), np.ones((0, 2))),
        "mean": (np.ones((3, 1)),),
    },
    "steep": {"logvar": 30.0},
}
IMPORTANCE = {
    "arrays": {"mean": MEAN, "logvar": LOGVAR},
    "fixed": {"keys": KEYS, "log_joint": log_joint, "num_samples": 4},
    "outside": {
        "num_samples": (0, 2.5, True),
        "keys": (KEYS[:2], KEYS[0], 0, np.ones(3)),
        "gradient": ("unbiased",),
        "mean": (np.ones(2),),
        "logvar": (np.ones((3, 1)),),
    },
}
IMPORTANCE["fixed"]["gradient"] = "plain"
RATES = {"kl": KL}
BCE = {
    "outside": {
        "x": (255 * IMAGES, IMAGES - 0.5, IMAGES[:, :2]),
        "batch_ndim": (3, -1, 1.5),
    },
    "fixed": {"batch_ndim": 1},
}

ENTRIES = [
    Entry("losses.aggregate_log_density", reference=aggregate, **AGGREGATE),
    Entry("losses.tc_decomposition", reference=decomposition, **AGGREGATE),
    Entry(
        "losses.batch_norm_mean",
        arrays={"mean": MEAN, "shift": np.array([0.5, -1.0]), "weights": WEIGHTS},
        settings={"scale": 0.5, "epsilon": 0.125},
        reference=batch_norm,
        outside=OF_WEIGHTS
        | {
            "scale": POSITIVE,
            "epsilon": NOT_NEGATIVE,
            "mean": (MEAN[:1], MEAN[0], np.ones((3, 0))),
            "shift": (np.ones(3), 1.0, np.ones((1, 2))),
        },
    ),
    Entry(
        "losses.normalise_mean",
        arrays={
            "mean": MEAN,
            "centre": np.array([1.0, 0.5]),
            "variance": np.array([4.0, 2.0]),
            "shift": np.array([0.5, -1.0]),
        },
        settings={"scale": 0.5, "epsilon": 0.125},
        run=normalise,
        reference=lambda mean, centre, variance, shift, scale, epsilon: (
            scale * (mean - centre) / np.sqrt(variance + epsilon) + shift
        ),
        outside={"scale": POSITIVE, "epsilon": NOT_NEGATIVE, "shift": (np.ones(3),)},
    ),
    Entry(
        "losses.batch_norm_minimum_rate",
        arrays={"shift": np.array([0.5, -1.0])},
        settings={"scale": 0.5},
        reference=lambda shift, scale: np.sum(scale**2 + shift**2) / 2,
        outside={"scale": POSITIVE, "shift": (1.0, np.ones((2, 2)), np.ones(0))},
    ),
    Entry(
        "losses.bce",
        arrays={"logits": LOGITS, "x": IMAGES},
        reference=lambda logits, x, batch_ndim: np.sum(
            np.logaddexp(0, logits) - x * logits, axis=1
        ),
        steep={"logits": 1e4},
        **BCE,
    ),
    Entry(
        "losses.bce_from_probs",
        arrays={"probs": PROBS, "x": IMAGES},
        reference=lambda probs, x, batch_ndim: (
            -np.sum(special.xlogy(x, probs) + special.xlog1py(1 - x, -probs), axis=1)
        ),
        fixed=BCE["fixed"],
        outside=BCE["outside"] | {"probs": (PROBS + 0.3, -PROBS)},
    ),
    Entry(
        "losses.mse",
        arrays={"x_hat": LOGITS, "x": IMAGES},
        fixed={"batch_ndim": 1},
        reference=lambda x_hat, x, batch_ndim: np.square(x - x_hat).sum(axis=1),
        outside={"batch_ndim": (3, -1, 1.5), "x": (IMAGES[:, :1],)},
    ),
    Entry(
        "losses.beta_elbo_loss",
        arrays={"distortion": VALUES, "kl": KL},
        settings={"beta": 1.5},
        run=lambda distortion, kl, beta: losses.beta_elbo_loss(
            losses.ElboTerms(distortion, kl), beta
        ),
        reference=lambda distortion, kl, beta: distortion + beta * kl.sum(axis=1),
        outside={"beta": (*FINITE, lambda step: 1.0, "1", None)},
    ),
    Entry(
        "losses.beta_tc_loss",
        arrays={
            "distortion": VALUES,
            "information": KL[:, 0],
            "correlation": KL[:, 1],
            "units": WEIGHTS,
        },
        settings={"alpha": 0.5, "beta": 6.0, "gamma": 1.5},
        run=of_parts,
        reference=lambda distortion, information, correlation, units, **weights: (
            distortion
            + weights["alpha"] * information
            + weights["beta"] * correlation
            + weights["gamma"] * units
        ),
        outside={"alpha": FINITE, "beta": FINITE, "gamma": FINITE},
    ),
    Entry(
        "losses.capacity",
        arrays=RATES | {"weights": WEIGHTS},
        settings={"target": 1.5, "strength": 10.0},
        fixed={"mean": "batch"},
        reference=lambda kl, weights, target, strength, mean: np.full(
            3, strength * abs(weights @ kl.sum(axis=1) / weights.sum() - target)
        ),
        outside=NO_BATCH
        | OF_WEIGHTS
        | {"target": NOT_NEGATIVE, "strength": NOT_NEGATIVE, "mean": ("none",)},
    ),
    Entry(
        "losses.codebase_weight",
        arrays={"beta": VALUES},
        fixed={"convention": "pytorch_vae", "num_pixels": 12},
        reference=lambda beta, convention, num_pixels: beta / 6,
        outside={"convention": ("keras",), "num_pixels": (0, None, 2.5)},
    ),
    Entry(
        "losses.effective_beta",
        arrays={"weight": VALUES},
        fixed={
            "convention": "flax_toy",
            "num_pixels": 12,
            "latent_dim": 2,
            "reconstruction": None,
        },
        reference=lambda weight, **fixed: weight * 6,
        outside={
            "convention": ("keras",),
            "num_pixels": (0, None, 2.5),
            "latent_dim": (-1, None, 1.5),
            "reconstruction": ("ssim",),
        },
    ),
    Entry(
        "losses.delta_posterior",
        arrays={"raw_mean": -np.abs(MEAN), "raw_scale": LOGVAR},
        settings={"delta": 1.5},
        run=delta_kl,
        reference=lambda raw_mean, raw_scale, delta: np.full(raw_mean.shape, delta),
        outside={"delta": (-0.1, np.inf), "raw_scale": (LOGVAR[:, :1],)},
        steep={"raw_scale": 1e4},
    ),
    Entry(
        "losses.effective_sample_size",
        arrays={"log_weights": LOG_WEIGHTS},
        fixed={"axis": 0},
        reference=lambda log_weights, axis: (
            np.exp(log_weights).sum(axis=0) ** 2 / np.exp(2 * log_weights).sum(axis=0)
        ),
        outside={"axis": (2, -3, 0.5), "log_weights": (np.ones((0, 2)), 1.0)},
        steep={"log_weights": 1e4},
    ),
    Entry(
        "losses.elbo_terms",
        arrays={"log_likelihood": -VALUES, "kl": KL},
        reference=lambda log_likelihood, kl: (-log_likelihood, kl),
        outside={"kl": (KL[:2], KL[:, 0], 1.0)},
    ),
    Entry(
        "losses.free_bits",
        arrays=RATES | {"weights": WEIGHTS},
        settings={"threshold": 1.0},
        fixed={"over": "unit", "mean": "batch", "rule": "max", "groups": None},
        reference=free_bits,
        outside=NO_BATCH
        | OF_WEIGHTS
        | {
            "threshold": NOT_NEGATIVE,
            "over": ("units", None),
            "mean": ("none", 1),
            "rule": ("min",),
            "groups": ([0, 0],),
        },
    ),
    Entry("losses.importance_bound", **IMPORTANCE),
    Entry("losses.log_importance_weights", **IMPORTANCE),
    Entry(
        "losses.imq_kernel",
        arrays={"x": Z, "y": MEAN},
        settings={"prior_variance": 1.5},
        fixed={"scales": (0.5, 2.0)},
        reference=lambda x, y, prior_variance, scales: sum(
            s
            * 4
            * prior_variance
            / (s * 4 * prior_variance + np.square(x[:, None] - y[None]).sum(-1))
            for s in scales
        ),
        outside={
            "prior_variance": POSITIVE,
            "scales": ((0.0, 1.0), (), np.ones((2, 2)), (-1.0,)),
            "y": (np.ones((3, 1)), np.ones(2)),
        },
    ),
    Entry(
        "losses.rbf_kernel",
        arrays={"x": Z, "y": MEAN},
        fixed={"bandwidths": (0.5, 2.0)},
        reference=lambda x, y, bandwidths: sum(
            np.exp(-np.square(x[:, None] - y[None]).sum(-1) / (2 * b**2))
            for b in bandwidths
        ),
        outside={
            "bandwidths": (0.0, -1.0, (), np.ones((2, 2)), np.nan),
            "y": (np.ones((3, 1)), np.ones(2)),
        },
    ),
    Entry(
        "losses.infovae_loss",
        arrays={"distortion": VALUES, "rate": KL[:, 0], "divergence": KL[:, 1]},
        settings={"alpha": 0.5, "lambda_": 10.0},
        reference=lambda distortion, rate, divergence, alpha, lambda_: (
            distortion + (1 - alpha) * rate + (alpha + lambda_ - 1) * divergence
        ),
        outside={"alpha": FINITE, "lambda_": FINITE, "rate": (np.ones(1),)},
    ),
    Entry(
        "losses.iwae_bound",
        arrays={"log_weights": LOG_WEIGHTS},
        fixed={"axis": 0},
        reference=lambda log_weights, axis: np.log(np.exp(log_weights).mean(axis=0)),
        outside={"axis": (2, -3, 0.5), "log_weights": (np.ones((0, 2)), 1.0)},
        steep={"log_weights": 1e4},
    ),
    Entry(
        "losses.iwae_loss",
        arrays={"log_weights": LOG_WEIGHTS},
        fixed={"axis": 1},
        reference=lambda log_weights, axis: -np.log(np.exp(log_weights).mean(axis=1)),
        outside={"axis": (2, -3, 0.5), "log_weights": (np.ones((2, 0)), 1.0)},
        steep={"log_weights": 1e4},
    ),
    Entry(
        "losses.normalised_weights",
        arrays={"log_weights": LOG_WEIGHTS},
        fixed={"axis": 0},
        reference=lambda log_weights, axis: special.softmax(log_weights, axis=0),
        outside={"axis": (2, -3, 0.5), "log_weights": (np.ones((0, 2)), 1.0)},
        steep={"log_weights": 1e4},
    ),
    Entry(
        "losses.loss_beta",
        arrays={"weight": VALUES},
        fixed={
            "error": "mse",
            "reduction": "mean",
            "kl_reduction": "mean",
            "num_values": 12,
            "latent_dim": 2,
            "batch_size": None,
        },
        reference=lambda weight, **fixed: weight * 3,
        outside={
            "error": ("ssim", None),
            "reduction": ("none", None),
            "kl_reduction": ("none", None),
            "num_values": (0, None, 2.5),
            "latent_dim": (-1, None, 1.5),
            "batch_size": (4,),
        },
    ),
    Entry(
        "losses.minimum_rate",
        arrays=RATES,
        settings={"minimum": 3.0, "multiplier": 0.5},
        reference=lambda kl, minimum, multiplier: (
            kl.sum(axis=1) + multiplier * (minimum - kl.sum(axis=1))
        ),
        outside={
            "minimum": NOT_NEGATIVE,
            "multiplier": NOT_NEGATIVE,
            "kl": (1.0, np.ones((0, 2)), np.ones((3, 0))),
        },
    ),
    Entry(
        "losses.minimum_rate_violation",
        arrays=RATES | {"weights": WEIGHTS},
        settings={"minimum": 3.0},
        reference=lambda kl, weights, minimum: np.full(
            3, minimum - weights @ kl.sum(axis=1) / weights.sum()
        ),
        outside=NO_BATCH | OF_WEIGHTS | {"minimum": NOT_NEGATIVE},
    ),
    Entry(
        "losses.mmd",
        arrays={"z": Z, "prior_samples": MEAN, "weights": WEIGHTS},
        fixed={"kernel": lambda x, y: losses.rbf_kernel(x, y, bandwidths=1.0)},
        reference=mmd,
        atol=1e-6,
        outside=OF_WEIGHTS | {"z": (Z[0],), "prior_samples": (MEAN[:1], MEAN[:, :1])},
    ),
    Entry(
        "losses.total_loss",
        arrays={"distortion": VALUES, "penalised_rate": KL[:, 0]},
        settings={"beta": 1.5},
        reference=lambda distortion, penalised_rate, beta: (
            distortion + beta * penalised_rate
        ),
        outside={
            "beta": (*FINITE, lambda step: 1.0, "1", None),
            "penalised_rate": (np.ones(1), 1.0),
        },
    ),
]
