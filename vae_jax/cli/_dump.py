"""`vae-jax diagnose FILE`: the report of a posterior that any framework has written."""

import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import diagnostics, dumps
from vae_jax.cli._loss import Loss, describe_beta
from vae_jax.cli._parts import Uses, print_parts, tabulate, which_used
from vae_jax.cli._picture import checked_picture, draw, headline

MOST_EXAMPLES = 5000
"""Compared with each other: their logarithm, 8.5 nats, is what they can show."""

MOST_WORK = 10**10
"""Pairs of examples times units: about half a minute on two cores."""

BESIDE = ("labels",)
"""What `vae-jax use FOLDER encode` writes beside a posterior; no report has a use of it."""

LETTERS = {"unit": "twhcd", "channel": "cd", "position": "thw"}
"""The axes that tell parts apart."""


def diagnose_dump(
    path: Path,
    named: dict[str, str | None],
    by: str | None,
    examples: int | None,
    seed: int | None,
    picture: Path | None,
    loss: Loss,
) -> None:
    """Print the report of a file, and draw it where a picture is asked for."""
    target = None if picture is None else checked_picture(picture)
    dump = dumps.read_dump(path, **named)
    units = math.prod(dump.means.shape[1:])
    said = describe_beta(loss, units)
    by = as_parts(by, dump.layout)
    chosen = choose_examples(len(dump.means), units, examples)
    means, logvars = dump.means[chosen], dump.logvars[chosen]
    keys = jax.random.split(jax.random.key(seed or 0))
    report = jax.jit(diagnostics.collapse_report)(keys[0], means, logvars)
    report = with_gap(report, dump)
    letters = dump.layout.named
    axes = tuple(i for i, c in enumerate(letters) if c in LETTERS[by])
    parts_of = jax.jit(diagnostics.part_reports, static_argnames="axes")
    uses = which_used(means, logvars)
    parts = tabulate(parts_of(keys[1], means, logvars, axes=axes), uses, axes)
    verdict = diagnostics.verdict(report)
    print_head(path, dump, len(chosen), assumed=named.get("layout") is None)
    print(f"\nverdict: {verdict.label}")
    for reason in verdict.reasons:
        print(f"  - {reason}")
    if report.shuffle_gap is None:
        print(
            "  - Whether the decoder uses z is not known: `log_likelihood` and "
            "`log_likelihood_shuffled` of the file would show it."
        )
    print_numbers(report, dump, uses)
    if said:
        print(f"\n{said}")
    print_parts(parts, by, float(report.mutual_information))
    if target is not None:
        title = headline(path.name, verdict.label, len(chosen), report)
        draw(target, title, by, parts, report, means, logvars)
        print(f"\nPicture: {target}")


def as_parts(by: str | None, layout: dumps.Layout) -> str:
    """What a part is: a unit of a plain latent, otherwise a channel unless it is said."""
    if by in ("channel", "position") and not layout.positions:
        raise ValueError(
            f"`--by` must be 'unit' for a latent without positions; got {by!r}. Say "
            "--layout if its axes are others."
        )
    return by or ("channel" if layout.positions else "unit")


def choose_examples(count: int, units: int, asked: int | None) -> np.ndarray:
    """Which examples are compared, evenly over the file, since files are often sorted.

    >>> choose_examples(10, 2, 5).tolist()
    [0, 2, 4, 6, 8]
    """
    if asked is not None and not 2 <= asked <= count:
        raise ValueError(
            f"`--examples` must be from 2 to the {count} that there are; got {asked}."
        )
    affordable = max(2, math.isqrt(MOST_WORK // units))
    size = asked or min(count, MOST_EXAMPLES, affordable)
    return np.arange(size) * count // size


def with_gap(
    report: diagnostics.CollapseReport, dump: dumps.Dump
) -> diagnostics.CollapseReport:
    """The report with what the log-likelihoods say, over all examples."""
    if dump.log_likelihood is None or dump.shuffled is None:
        return report
    gap = diagnostics.shuffle_gap(
        dump.log_likelihood.astype(np.float32),
        dump.shuffled.astype(np.float32),
        dump.partner,
    )
    return report._replace(shuffle_gap=gap.value, shuffle_gap_error=gap.standard_error)


def print_head(path: Path, dump: dumps.Dump, chosen: int, assumed: bool) -> None:
    """What was read, and what to doubt of it."""
    count, *places, channels = dump.means.shape
    units = f"{channels} units"
    if places:
        units = f"{' x '.join(map(str, places))} positions with {channels} channels"
    layout = f"layout {dump.layout.given}{', assumed' if assumed else ''}"
    print(f"{path}: {count} examples of {units} ({layout}); {dump.sources}.")
    if chosen < count:
        print(
            f"Compared with each other: {chosen} examples, evenly over the file; "
            "--examples says how many."
        )
    unread = [f"`{name}`" for name in dump.unused if name not in BESIDE]
    if unread:
        print(f"Not read: {', '.join(unread)}.")
    for remark in dump.remarks:
        print(remark)


def print_numbers(
    report: diagnostics.CollapseReport, dump: dumps.Dump, uses: Uses
) -> None:
    """The numbers of the whole."""
    rows = [
        ("rate", report.rate, None),
        ("information", report.mutual_information, report.mutual_information_error),
        ("  ceiling, log N", report.mutual_information_ceiling, None),
        ("marginal KL", report.marginal_kl, report.marginal_kl_error),
    ]
    if report.shuffle_gap is not None:
        rows.append(("cost of another z", report.shuffle_gap, report.shuffle_gap_error))
    if dump.log_likelihood is not None:
        rows.append(("distortion", jnp.asarray(-dump.log_likelihood.mean()), None))
    bounds = bounds_of(report)
    print("\nNats per example:")
    for name, value, error in rows:
        # adding zero turns -0.000 into 0.000
        beside = "" if error is None else f"  (standard error {float(error):.4f})"
        beside += bounds.get(name, "")
        print(f"  {name:<18}{round(float(value), 4) + 0.0:>12.4f}{beside}")
    latent, active = len(np.asarray(report.kl_per_unit)), int(report.active_units)
    collapsed, used = int(report.collapsed_units), int(uses.used.sum())
    print(f"Units: {latent}; active {active}, collapsed {collapsed}, in use {used}.")
    if used != min(active, latent - collapsed):  # by less than 1 % of the examples
        print("Some active units are collapsed: they vary on few of the examples.")


def bounds_of(report: diagnostics.CollapseReport) -> dict[str, str]:
    """What numbers are where the information is at its ceiling, by their names."""
    if not report.at_ceiling:
        return {}
    return {"information": "  at least", "marginal KL": "  at most"}
