"""What `vae_jax.gaussian` promises; references in numpy and float64."""

import jax
import numpy as np
from entries import Entry
from scipy import stats

MEAN = np.array([[1.0, -2.5], [0.25, 3.0]])
LOGVAR = np.array([[0.25, -1.0], [-0.104, 2.0]])
OTHER = {"mean_p": MEAN[::-1] + 0.5, "logvar_p": 0.5 - LOGVAR}
PARTIAL = {"logvar": (LOGVAR[:, :1], LOGVAR[0], 0.0)}


def kl(mean_q, logvar_q, mean_p, logvar_p):
    wide = (np.longdouble(value) for value in (mean_q, logvar_q, mean_p, logvar_p))
    mean_q, logvar_q, mean_p, logvar_p = wide
    apart = logvar_q - logvar_p
    return ((mean_q - mean_p) ** 2 / np.exp(logvar_p) + np.expm1(apart) - apart) / 2


ENTRIES = [
    Entry(
        "gaussian.entropy",
        arrays={"logvar": LOGVAR},
        reference=lambda logvar: stats.norm(0, np.exp(logvar / 2)).entropy(),
        steep={"logvar": 30.0},
    ),
    Entry(
        "gaussian.kl_between",
        arrays={"mean_q": MEAN, "logvar_q": LOGVAR, **OTHER},
        reference=kl,
        outside={
            "logvar_q": (LOGVAR[:, :1],),
            "mean_p": (MEAN[:1],),
            "logvar_p": (0.0,),
        },
        steep={"logvar_q": 30.0, "logvar_p": 30.0},
    ),
    Entry(
        "gaussian.kl_standard",
        arrays={"mean": MEAN, "logvar": LOGVAR},
        reference=lambda mean, logvar: kl(mean, logvar, 0.0, 0.0),
        outside=PARTIAL,
        steep={"logvar": 30.0},
    ),
    Entry(
        "gaussian.log_prob",
        arrays={"z": MEAN + 0.75, "mean": MEAN, "logvar": LOGVAR},
        reference=lambda z, mean, logvar: stats.norm.logpdf(
            z, mean, np.exp(logvar / 2)
        ),
        outside=PARTIAL | {"z": (MEAN[:1],)},
        steep={"logvar": 30.0},
    ),
    Entry(
        "gaussian.reparameterize",
        arrays={"mean": MEAN, "logvar": LOGVAR},
        fixed={"key": jax.random.key(0)},
        reference=lambda key, mean, logvar: (
            mean
            + np.exp(logvar / 2) * np.float64(jax.random.normal(key, mean.shape, "f"))
        ),
        outside=PARTIAL
        | {"key": (0, None, MEAN, jax.random.split(jax.random.key(0), 2))},
        steep={"logvar": 30.0},
    ),
]
