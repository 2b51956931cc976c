"""What `vae_jax.priors` promises; references in numpy and float64.

A prior is built and asked for what it knows of a code and of a posterior.
"""

import jax
import jax.numpy as jnp
import numpy as np
from entries import Entry
from scipy import stats

from vae_jax import priors
from vae_jax.vae import DiagGaussian

Z = np.array([[0.5, -1.0], [2.0, 0.25], [-3.0, 1.0]])
MEAN = np.array([[1.0, 0.0], [-2.0, 0.5], [0.0, 1.0]])
LOGVAR = np.array([[0.5, -1.0], [0.0, 1.0], [-2.0, 0.25]])
COMPONENTS = np.array([[1.0, -1.0], [0.5, 2.0]])
KEY = jax.random.key(0)
KEYS = (0, None, Z, jax.random.split(KEY, 2))
SIZE = (0, -1, 2.5, True)
CODES = {"z": (Z[:, :1], 1.0)}


def everything(prior, params, z, mean, logvar, key):
    """Its log-density, its KL where there is one, and a sample of it."""
    kl = () if prior.kl is None else (prior.kl(params, mean, logvar),)
    return (prior.log_prob(params, z), *kl, prior.sample(key, params, (3,)))


def standard(latent_dim, **given):
    return everything(priors.standard(latent_dim), {}, **given)


def diagonal(latent_dim, own_mean, own_logvar, **given):
    params = {"mean": own_mean, "logvar": own_logvar}
    return everything(priors.diagonal(latent_dim), params, **given)


def autoregressive(latent_dim, num_steps, alpha, **given):
    prior = priors.autoregressive(latent_dim, num_steps, alpha)
    return everything(prior, {}, **given)


def mixture(latent_dim, num_components, spread, means, logvars, logits, z, key):
    prior = priors.mixture(latent_dim, num_components, spread)
    params = {"means": means, "logvars": logvars, "logits": logits}
    drawn = prior.sample(key, params, (3,))
    return prior.log_prob(params, z), drawn, prior.init(key)


def vampprior(start, noise, bounded, z, key):
    def encode(model, x):
        return DiagGaussian(x, jnp.zeros_like(x))

    prior = priors.vampprior(encode, start, noise=noise, bounded=bounded)
    params = {**prior.init(key), "model": {}}
    return prior.log_prob(params, z), prior.sample(key, params, (3,))


def committed(alpha, num_steps):
    return ((num_steps - 2) * np.log(1 + alpha**2) - np.log(1 - alpha**2)) / 2


def density(z, mean, logvar):
    return stats.norm.logpdf(z, mean, np.exp(logvar / 2)).sum(axis=-1)


LAW = {"z": Z, "mean": MEAN, "logvar": LOGVAR}
FIXED = {"latent_dim": 2, "key": KEY}
BAD = CODES | {"latent_dim": SIZE, "key": KEYS, "logvar": (LOGVAR[:, :1],)}

ENTRIES = [
    Entry(
        "priors.standard",
        arrays=LAW,
        run=standard,
        fixed=FIXED,
        outside=BAD,
        steep={"logvar": 30.0},
    ),
    Entry(
        "priors.diagonal",
        arrays=LAW
        | {"own_mean": np.array([0.5, -1.0]), "own_logvar": np.array([1.0, -0.5])},
        run=diagonal,
        fixed=FIXED,
        outside=BAD,
        steep={"logvar": 30.0, "own_logvar": 30.0},
    ),
    Entry(
        "priors.autoregressive",
        arrays=LAW,
        settings={"alpha": 0.25},
        run=autoregressive,
        fixed=FIXED | {"num_steps": 2},
        outside=BAD | {"num_steps": (*SIZE, 3), "alpha": (1.0, -1.5, np.inf)},
        ndim={"alpha": 1},
        steep={"logvar": 30.0},
    ),
    Entry(
        "priors.committed_rate",
        arrays={"alpha": np.array([0.25, -0.4])},
        fixed={"num_steps": 5},
        reference=committed,
        outside={
            "num_steps": SIZE,
            "alpha": (1.0, np.array([0.5, -1.5]), np.nan),
        },
        refuses={},
    ),
    Entry(
        "priors.mixture",
        arrays={
            "z": Z,
            "means": COMPONENTS,
            "logvars": np.zeros((2, 2)),
            "logits": np.array([0.5, 1.0]),
        },
        settings={"spread": 0.5},
        run=mixture,
        fixed=FIXED | {"num_components": 2},
        outside=CODES
        | {
            "latent_dim": SIZE,
            "num_components": SIZE,
            "key": KEYS,
            "spread": (-1.0, np.inf),
        },
        steep={"logits": 1e4, "logvars": 30.0},
    ),
    Entry(
        "priors.sampled_kl",
        arrays=LAW,
        run=lambda z, mean, logvar: priors.sampled_kl(
            priors.standard(2), {}, z, mean, logvar
        ),
        reference=lambda z, mean, logvar: (
            density(z, mean, logvar) - density(z, 0.0, 0.0)
        ),
        atol=1e-6,
        outside={"logvar": (LOGVAR[:, :1],)},
        steep={"logvar": 30.0},
    ),
    Entry(
        "priors.vampprior",
        arrays={"start": np.array([[0.25, 1.0], [0.0, 0.5]]), "z": Z},
        settings={"noise": 0.5},
        run=vampprior,
        fixed={"bounded": True, "key": KEY},
        outside={
            "start": (np.full((2, 2), 1.5), np.full((2, 2), np.nan), np.ones((0, 2))),
            "noise": (-1.0, np.inf),
            "key": KEYS,
        },
    ),
]
