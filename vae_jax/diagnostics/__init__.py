"""Is the posterior collapsed? Statistics in nats, and a verdict that gives its reasons."""

from vae_jax.diagnostics._cells import condition_cells
from vae_jax.diagnostics._conditional import (
    ConditionalInformation,
    condition_information,
    conditional_information,
)
from vae_jax.diagnostics._conditional_rate import (
    ConditionalDecomposition,
    conditional_decomposition,
    conditional_marginal_kl,
)
from vae_jax.diagnostics._conditional_report import (
    ConditionalReport,
    conditional_report,
)
from vae_jax.diagnostics._correlation import (
    MeanCorrelation,
    aggregate_covariance,
    gaussian_total_correlation,
    mean_correlation,
)
from vae_jax.diagnostics._escape import (
    Curvature,
    EscapeTest,
    escape_test,
    smallest_curvature,
)
from vae_jax.diagnostics._grid_posterior import (
    GRID_AXIS,
    GridPosterior,
    grid_posterior,
)
from vae_jax.diagnostics._histogram import (
    KL_EDGES,
    collapse_curve_of_counts,
    kl_histogram,
)
from vae_jax.diagnostics._inference_gap import (
    Gap,
    InferenceGap,
    inference_gap,
)
from vae_jax.diagnostics._information import (
    MarginalKL,
    MutualInformation,
    RateDecomposition,
    RateResidual,
    marginal_kl,
    mutual_information,
    rate_decomposition,
)
from vae_jax.diagnostics._interpolation import (
    InterpolationSmoothness,
    interpolate,
    interpolation_smoothness,
)
from vae_jax.diagnostics._online import (
    OnlineInfo,
    OnlineState,
    online_init,
    online_update,
)
from vae_jax.diagnostics._parts import part_reports
from vae_jax.diagnostics._probe import (
    LinearProbe,
    linear_probe,
)
from vae_jax.diagnostics._rate_distortion import (
    RateDistortionFrontier,
    RateDistortionPoint,
    rate_distortion_frontier,
    rate_distortion_line,
    rate_distortion_point,
)
from vae_jax.diagnostics._reliance import (
    RelianceGap,
    ZReliance,
    z_reliance,
)
from vae_jax.diagnostics._report import CollapseReport, collapse_report
from vae_jax.diagnostics._shuffle import (
    ShuffleGap,
    derangement,
    shuffle_gap,
    z_shuffle_gap,
)
from vae_jax.diagnostics._shuffle_within import (
    ConditionalShuffleGap,
    conditional_shuffle_gap,
    shuffle_within,
)
from vae_jax.diagnostics._thresholds import (
    ACTIVE_THRESHOLD,
    COLLAPSED_NATS,
    DELTA,
    EPS,
    ONE_BIT,
    SURE_ERRORS,
    USED_SHARE,
)
from vae_jax.diagnostics._total_correlation import (
    DimensionWiseKL,
    MarginalDecomposition,
    TotalCorrelation,
    marginal_decomposition,
    total_correlation,
)
from vae_jax.diagnostics._units import (
    active_units,
    collapse_curve,
    collapsed_units,
    kl_per_unit,
    posterior_mean_variance,
)
from vae_jax.diagnostics._verdict import (
    Verdict,
    diverged,
    verdict,
)

__all__ = [
    "ACTIVE_THRESHOLD",
    "COLLAPSED_NATS",
    "DELTA",
    "EPS",
    "GRID_AXIS",
    "KL_EDGES",
    "ONE_BIT",
    "SURE_ERRORS",
    "USED_SHARE",
    "CollapseReport",
    "ConditionalDecomposition",
    "ConditionalInformation",
    "ConditionalReport",
    "ConditionalShuffleGap",
    "Curvature",
    "DimensionWiseKL",
    "EscapeTest",
    "Gap",
    "GridPosterior",
    "InferenceGap",
    "InterpolationSmoothness",
    "LinearProbe",
    "MarginalDecomposition",
    "MarginalKL",
    "MeanCorrelation",
    "MutualInformation",
    "OnlineInfo",
    "OnlineState",
    "RateDecomposition",
    "RateDistortionFrontier",
    "RateDistortionPoint",
    "RateResidual",
    "RelianceGap",
    "ShuffleGap",
    "TotalCorrelation",
    "Verdict",
    "ZReliance",
    "active_units",
    "aggregate_covariance",
    "collapse_curve",
    "collapse_curve_of_counts",
    "collapse_report",
    "collapsed_units",
    "condition_cells",
    "condition_information",
    "conditional_decomposition",
    "conditional_information",
    "conditional_marginal_kl",
    "conditional_report",
    "conditional_shuffle_gap",
    "derangement",
    "diverged",
    "escape_test",
    "gaussian_total_correlation",
    "grid_posterior",
    "inference_gap",
    "interpolate",
    "interpolation_smoothness",
    "kl_histogram",
    "kl_per_unit",
    "linear_probe",
    "marginal_decomposition",
    "marginal_kl",
    "mean_correlation",
    "mutual_information",
    "online_init",
    "online_update",
    "part_reports",
    "posterior_mean_variance",
    "rate_decomposition",
    "rate_distortion_frontier",
    "rate_distortion_line",
    "rate_distortion_point",
    "shuffle_gap",
    "shuffle_within",
    "smallest_curvature",
    "total_correlation",
    "verdict",
    "z_reliance",
    "z_shuffle_gap",
]
