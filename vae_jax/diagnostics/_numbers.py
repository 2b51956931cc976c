"""A report in Python numbers, as the rules of the verdict read them."""

from typing import NamedTuple

import numpy as np

from vae_jax.diagnostics._conditional_report import ConditionalReport
from vae_jax.diagnostics._report import CollapseReport


class Condition(NamedTuple):
    """What a report of a conditional VAE has beside the numbers of any VAE.

    Attributes:
        repeated: I(z; c), in nats.
        repeated_error: its standard error.
        number: of different conditions.
        alone: examples alone in theirs, which were left out.
    """

    repeated: float
    repeated_error: float
    number: int
    alone: int


class Numbers(NamedTuple):
    """A report in Python numbers; units in use are active and not collapsed.

    Where there is a condition, information, marginal KL and gap are those beside it.
    """

    rate: float
    latent: int
    active: int
    collapsed: int
    used: int
    information: float
    information_error: float
    ceiling: float
    marginal: float
    residual: float
    residual_error: float
    gap: float | None
    gap_error: float
    condition: Condition | None = None

    @property
    def beside(self) -> str:
        """What "about x" has to be followed by."""
        return "" if self.condition is None else " beside the condition"

    @property
    def within(self) -> str:
        """Where units vary and z is shuffled."""
        return "" if self.condition is None else " within a condition"

    @property
    def other(self) -> str:
        """Whose z is taken in a shuffle."""
        return "another example" + (
            "" if self.condition is None else " of the same condition"
        )


def not_finite(report: CollapseReport | ConditionalReport) -> list[str]:
    """Names of the fields with a NaN or an infinity."""
    return [
        name
        for name, value in report._asdict().items()
        if value is not None and not np.isfinite(np.asarray(value)).all()
    ]


def as_numbers(report: CollapseReport | ConditionalReport) -> Numbers:
    """Plain numbers, refused where a field holds several."""
    for name, value in report._asdict().items():
        expected = 1 if name == "kl_per_unit" else 0
        if value is not None and np.ndim(value) != expected:
            raise ValueError(
                f"`{name}` must have {expected} dimensions; got shape {np.shape(value)}. "
                "Judge the reports of a batch one by one."
            )
    condition = None
    if isinstance(report, ConditionalReport):
        condition = Condition(
            float(report.condition_information),
            float(report.condition_information_error),
            int(report.num_conditions),
            int(report.alone),
        )
        report = as_plain(report)
    latent = len(np.asarray(report.kl_per_unit))
    active, collapsed = int(report.active_units), int(report.collapsed_units)
    gap, gap_error = report.shuffle_gap, report.shuffle_gap_error
    return Numbers(
        rate=float(report.rate),
        latent=latent,
        active=active,
        collapsed=collapsed,
        used=min(active, latent - collapsed),
        information=float(report.mutual_information),
        information_error=float(report.mutual_information_error),
        ceiling=float(report.mutual_information_ceiling),
        marginal=float(report.marginal_kl),
        residual=float(report.rate_residual),
        residual_error=float(report.rate_residual_error),
        gap=None if gap is None else float(gap),
        gap_error=0.0 if gap_error is None else float(gap_error),
        condition=condition,
    )


def as_plain(report: ConditionalReport) -> CollapseReport:
    """The numbers beside the condition in the places that they have in any report."""
    return CollapseReport(
        rate=report.rate,
        kl_per_unit=report.kl_per_unit,
        active_units=report.active_units,
        collapsed_units=report.collapsed_units,
        mutual_information=report.conditional_information,
        mutual_information_error=report.conditional_information_error,
        mutual_information_ceiling=report.conditional_information_ceiling,
        marginal_kl=report.conditional_marginal_kl,
        marginal_kl_error=report.conditional_marginal_kl_error,
        rate_residual=report.rate_residual,
        rate_residual_error=report.rate_residual_error,
        shuffle_gap=report.shuffle_within_gap,
        shuffle_gap_error=report.shuffle_within_gap_error,
    )
