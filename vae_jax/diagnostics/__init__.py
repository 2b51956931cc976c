"""Is the posterior collapsed? Statistics in nats, and a verdict that gives its reasons."""

from vae_jax.diagnostics._information import (
    MarginalKL,
    MutualInformation,
    RateDecomposition,
    RateResidual,
    marginal_kl,
    mutual_information,
    rate_decomposition,
)
from vae_jax.diagnostics._report import CollapseReport, collapse_report
from vae_jax.diagnostics._shuffle import ShuffleGap, derangement, z_shuffle_gap
from vae_jax.diagnostics._units import (
    active_units,
    collapse_curve,
    collapsed_units,
    kl_per_unit,
    posterior_mean_variance,
)
from vae_jax.diagnostics._verdict import Verdict, verdict

__all__ = [
    "CollapseReport",
    "MarginalKL",
    "MutualInformation",
    "RateDecomposition",
    "RateResidual",
    "ShuffleGap",
    "Verdict",
    "active_units",
    "collapse_curve",
    "collapse_report",
    "collapsed_units",
    "derangement",
    "kl_per_unit",
    "marginal_kl",
    "mutual_information",
    "posterior_mean_variance",
    "rate_decomposition",
    "verdict",
    "z_shuffle_gap",
]
