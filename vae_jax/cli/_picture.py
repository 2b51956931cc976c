"""The picture of a report: of a file's posterior, or of a trained member's."""

from pathlib import Path
from typing import TYPE_CHECKING

import jax
import numpy as np
import pandas as pd

from vae_jax import diagnostics
from vae_jax.cli._parts import tabulate, which_used
from vae_jax.cli._paths import expanded

if TYPE_CHECKING:
    from vae_jax.trained import Member


def draw_member(member: "Member", target: Path) -> None:
    """The report that the member's row is judged by, unit by unit.

    Raises:
        ValueError: its rate is not that of independent units from N(0, 1).
    """
    check_drawn(member)
    report, verdict = member.report()
    assert isinstance(report, diagnostics.CollapseReport)
    means, logvars = posteriors(member)
    key = jax.random.key(member.run.seed)
    parts_of = jax.jit(diagnostics.part_reports, static_argnames="axes")
    reports = parts_of(key, means, logvars, axes=(1,))
    parts = tabulate(reports, which_used(means, logvars), (1,))
    told = {"member": member.number, **member.row}
    known = [f"{n} {told[n]}" for n in ("member", "beta", "seed") if n in told]
    name = (
        f"{member.run.model.chosen_name} on {member.run.data.chosen_name}, "
        f"{', '.join(known)}"
    )
    title = headline(name, verdict.label, len(means), report)
    draw(target, title, "unit", parts, report, means, logvars)


def posteriors(member: "Member") -> tuple[np.ndarray, np.ndarray]:
    """Means and log-variances of the examples that the row was measured on."""
    split = getattr(member.dataset, member.run.eval_split)
    # a member takes examples in the scale of their file
    mean, logvar = member.encode(member.raw(split.images))
    return np.asarray(mean), np.asarray(logvar)


def check_drawn(member: "Member") -> None:
    """Refuse what has no picture of units.

    Raises:
        ValueError: a condition or a prior of its own.
    """
    prior = member.run.prior.chosen_name
    if member.condition is not None or prior != "standard":
        beside = f"prior={prior!r}" if prior != "standard" else "a condition"
        raise ValueError(
            "`--picture` is of a posterior whose units are compared with N(0, 1), each by "
            f"itself; got member {member.number} with {beside}. Leave it out: the report "
            "is printed."
        )


def headline(
    name: str, label: str, count: int, report: diagnostics.CollapseReport
) -> str:
    """Of the picture: whose posterior it is, what it was found to be, and by what."""
    cost = ""
    if report.shuffle_gap is not None:
        cost = f"; the z of another costs {float(report.shuffle_gap):.1f} nats"
    return f"{name}: {label}\n{count} examples{cost}"


def checked_picture(picture: Path) -> Path:
    """Where the picture goes, refused before anything is computed."""
    path = expanded(picture)
    if path.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise ValueError(f"`--picture` must end in .png, .pdf or .svg; got {picture}.")
    if not path.parent.is_dir():
        raise ValueError(
            f"`--picture` must lie in a folder that exists; got {picture}. Make "
            f"{path.parent} first."
        )
    return path


def draw(
    target: Path,
    title: str,
    by: str,
    parts: pd.DataFrame,
    report: diagnostics.CollapseReport,
    means: np.ndarray,
    logvars: np.ndarray,
) -> None:
    """Save the picture of the report."""
    from vae_jax import figures

    flat = means.reshape(len(means), -1)
    kl = np.asarray(report.kl_per_unit)
    units = pd.DataFrame(
        {
            "mean_variance": np.asarray(diagnostics.posterior_mean_variance(flat)),
            "noise_variance": np.exp(logvars.reshape(flat.shape)).mean(axis=0),
            "kl": kl,
        }
    )
    totals = {
        "rate": float(report.rate),
        "information": float(report.mutual_information),
        "marginal KL": float(report.marginal_kl),
        "ceiling": float(report.mutual_information_ceiling),
        "threshold": diagnostics.COLLAPSED_NATS,
        "at_ceiling": report.at_ceiling,
    }
    by_position = None
    if means.ndim > 2 and not (by == "position" and means.ndim == 3):
        by_position = kl.reshape(means.shape[1:]).sum(axis=-1)
        # of videos the picture is the sum over time
        by_position = by_position.sum(axis=0) if by_position.ndim > 2 else by_position
    figure = figures.diagnosis_figure(title, by, parts, units, totals, by_position)
    figure.savefig(target, dpi=120)
