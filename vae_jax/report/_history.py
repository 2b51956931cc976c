"""How members got there: curves of groups over the steps, and the KL of every unit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vae_jax.report._members import Member
from vae_jax.report._values import evenly, rounded

if TYPE_CHECKING:
    import pandas as pd

MOST_STEPS = 60
"""Points of a curve."""

FEWEST_STEPS = 8

CURVE_NUMBERS, UNIT_NUMBERS = 150_000, 100_000
"""Numbers that all curves together, and those of units, have in a page: of about 6 bytes
each, they are 1.5 of its at most 6 MB."""


def curve_names(metrics: "pd.DataFrame") -> list[str]:
    """The columns of a history that hold numbers.

    >>> import pandas as pd
    >>> curve_names(pd.DataFrame({"member": [0], "step": [1], "rate": [1.0]}))
    ['rate']
    """
    return [
        str(name)
        for name in metrics
        if name not in ("member", "step")
        and metrics[name].dtype.kind in "iuf"
        and metrics[name].notna().any()
    ]


def curves(
    metrics: "pd.DataFrame", members: Sequence[Member], groups: Sequence[Sequence[int]]
) -> list[dict[str, Any]]:
    """The mean of every group at every step, and the band of its seeds.

    Args:
        metrics: a row a member and step.
        members: that are shown.
        groups: places of the members of each.

    Returns:
        of each group `{"steps": [...], "rate": {"mean": [...], "low", "high"}, ...}`;
        `low` and `high`, the least and the greatest, of several members.
    """
    names = curve_names(metrics)
    if not names:
        return [{"steps": []} for _ in groups]
    whose = {members[place].number: g for g, own in enumerate(groups) for place in own}
    known = metrics[metrics["member"].isin(list(whose))]
    by = known["member"].map(whose).rename("group"), known["step"]
    found = known.groupby(list(by))[names].agg(["mean", "min", "max"])
    most = CURVE_NUMBERS // (len(groups) * len(names) * 3)
    most = max(FEWEST_STEPS, min(MOST_STEPS, most))
    present = set(found.index.get_level_values(0))
    return [
        _curve(found.loc[[g]].droplevel("group"), names, len(own) > 1, most)
        if g in present
        else {"steps": []}
        for g, own in enumerate(groups)
    ]


def _curve(
    table: "pd.DataFrame", names: Sequence[str], several: bool, most: int
) -> dict[str, Any]:
    """One group: `table` has a row a step."""
    table = table.iloc[evenly(len(table), most)]
    curve: dict[str, Any] = {"steps": [int(step) for step in table.index]}
    kinds = (
        {"mean": "mean", "low": "min", "high": "max"} if several else {"mean": "mean"}
    )
    for name in names:
        own = {kind: table[name][of] for kind, of in kinds.items()}
        if own["mean"].notna().any():
            curve[name] = {kind: [rounded(v) for v in s] for kind, s in own.items()}
    return curve


def final_units(members: Sequence[Member]) -> dict[str, list[Any]]:
    """The KL of every unit in the end, of as many members as fit, by their number."""
    having = [one for one in members if one.units]
    if not having:
        return {}
    most = max(1, UNIT_NUMBERS // max(len(one.units) for one in having))
    kept = [having[i] for i in evenly(len(having), most)]
    return {str(one.number): [rounded(v) for v in one.units] for one in kept}


def unit_column(metrics: "pd.DataFrame") -> str | None:
    """The column of a history that holds a KL for each unit, if a run has recorded one.

    >>> import pandas as pd
    >>> unit_column(pd.DataFrame({"step": [1], "kl_per_unit": [[0.5, 0.1]]}))
    'kl_per_unit'
    """
    for name in metrics:
        if "kl" in str(name) and metrics[name].map(np.ndim).eq(1).any():
            return str(name)
    return None


def unit_histories(
    metrics: "pd.DataFrame", members: Sequence[Member]
) -> dict[str, dict[str, Any]]:
    """The KL of every unit over the steps, of as many members as fit.

    Returns:
        by the member's number, `{"steps": [...], "kl": [a list of units a step]}`.
    """
    column = unit_column(metrics)
    if column is None:
        return {}
    known = metrics[metrics[column].map(np.ndim).eq(1)]
    rows = {n: own for n, own in known.groupby("member") if len(own)}
    having = [one for one in members if one.number in rows]
    if not having:
        return {}
    width = int(known[column].map(len).max())
    steps = min(MOST_STEPS, int(known.groupby("member").size().max()))
    most = max(1, UNIT_NUMBERS // (width * steps))
    found = {}
    for i in evenly(len(having), most):
        own = rows[having[i].number]
        own = own.iloc[evenly(len(own), MOST_STEPS)]
        kl = [[rounded(v) for v in units] for units in own[column]]
        found[str(having[i].number)] = {"steps": own["step"].tolist(), "kl": kl}
    return found
