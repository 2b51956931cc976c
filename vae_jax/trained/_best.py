"""The best member of a group by a metric."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from vae_jax.records import did_you_mean

LOWEST = {
    "nll": True,
    "distortion": True,
    "perplexity": True,
    "mutual_information": False,
    "active_units": False,
}
"""Metrics of which everybody wants the lowest, or the highest."""

SHOWN = 10


def best_row(
    rows: Sequence[Mapping[str, Any]],
    metric: str,
    lowest: bool | None,
    where: Mapping[str, Any],
) -> int:
    """The number of the best finished member; of equals the first.

    Args:
        rows: of the members that have ended, with their settings before `status`.
        metric: by which.
        lowest: whether the lowest is the best; None where the metric says so itself.
        where: values of settings that the member must have.

    Raises:
        ValueError: an unknown metric or setting, no way to tell which is better, or no
            finished member.

    >>> rows = [
    ...     {"member": m, "beta": 1.0, "status": "finished", "nll": nll}
    ...     for m, nll in enumerate([3.0, 2.0, 2.0])
    ... ]
    >>> best_row(rows, "nll", None, {"beta": 1.0})
    1
    """
    if not rows:
        raise ValueError("`best` needs a member that has ended; none of them has yet.")
    settings, metrics = _columns(rows)
    if metric not in metrics:
        raise ValueError(
            f"`metric` must be one of {', '.join(metrics)}; got {metric!r}."
            f"{did_you_mean(metric, metrics)}"
        )
    if lowest is None and metric not in LOWEST:
        raise ValueError(
            f"`lowest` must be True or False for {metric!r}, of which neither is always "
            "better; got None. (On the command line: --prefer lowest or highest.) It is "
            f"known of {', '.join(LOWEST)}."
        )
    group = [row for row in rows if _is_in(row, where, settings)]
    ended = [row for row in group if row["status"] == "finished"]
    known = [row for row in ended if _is_number(row, metric)]
    if not known:
        raise ValueError(_why_none(rows, group, metric, where))
    sign = 1 if (LOWEST[metric] if lowest is None else lowest) else -1
    return int(min(known, key=lambda row: sign * row[metric])["member"])


def _columns(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """The settings, and the numbers that were measured."""
    names = list(rows[0])
    place = names.index("status")
    settings = [name for name in names[:place] if name not in ("member", "member_id")]
    measured = [
        name
        for name in names[place + 1 :]
        if any(_is_number(row, name) for row in rows) and name not in NO_METRICS
    ]
    return settings, measured


NO_METRICS = ("first_bad_step", "wall_seconds", "num_devices", "threads", "width")
"""Numbers of a row that say how it was run, and not what came out."""


def _is_number(row: Mapping[str, Any], name: str) -> bool:
    value = row.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return math.isfinite(value)


def _is_in(
    row: Mapping[str, Any], where: Mapping[str, Any], settings: Sequence[str]
) -> bool:
    for name, value in where.items():
        if name not in settings:
            raise ValueError(
                f"`where` must name settings of the runs; got {name!r}."
                f"{did_you_mean(name, settings)}"
            )
        if row[name] != (list(value) if isinstance(value, tuple) else value):
            return False
    return True


def _why_none(
    rows: Sequence[Mapping[str, Any]],
    group: Sequence[Mapping[str, Any]],
    metric: str,
    where: Mapping[str, Any],
) -> str:
    if not group:
        there = {
            name: list(dict.fromkeys(repr(r[name]) for r in rows)) for name in where
        }
        known = "; ".join(
            f"{name} is {', '.join(values[:SHOWN])}" for name, values in there.items()
        )
        return (
            f"`where` must describe a member that has ended; got {dict(where)}, and there "
            f"{known}."
        )
    told = [
        f"{number} of them {status}"
        for status in ("diverged", "stopped")
        if (number := sum(row["status"] == status for row in group))
        or status == "diverged"
    ]
    return (
        f"`best` needs a finished member with a finite {metric!r}; got {len(group)} of "
        f"the group that have ended, {' and '.join(told)}, which are never the best."
    )
