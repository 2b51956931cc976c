"""All that a page shows of a sweep, as plain values."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from vae_jax.report._about import Pairs, again, origin_pairs, settings_pairs
from vae_jax.report._history import (
    curve_names,
    curves,
    final_units,
    unit_column,
    unit_histories,
)
from vae_jax.report._members import (
    MOST_MEMBERS,
    SEED,
    Member,
    groups_of,
    members_of,
    metric_names,
    varied,
)
from vae_jax.report._sweep import Sweep, page_names
from vae_jax.report._values import NONE, evenly, label_of, ordered, rounded

VERDICTS = (
    "healthy",
    "partially collapsed",
    "collapsed",
    "unreliable",
    "diverged",
    "no verdict",
    "not finished",
)
"""In the order of a legend."""


class Origin(NamedTuple):
    """Where the members of a folder come from.

    Attributes:
        folder: its name; of an absolute one without where it lies.
        pairs: names and texts.
        toml: the file that runs it again, or None.

    >>> Origin("runs/a", [], None).folder
    'runs/a'
    """

    folder: str
    pairs: Pairs
    toml: str | None


class Gathered(NamedTuple):
    """A sweep as plain values.

    Attributes:
        members: that are shown, in order.
        total: members in all.
        verdicts: number of members by verdict, of all.
        statuses: likewise by status.
        varied: names of the settings in which members differ.
        metrics: names of the numbers that some member has.
        settings: the settings that differ, and the others, as text.
        origins: one a folder.
        chart: what the charts are made of, as JSON takes it.
        of_split: which examples the numbers are of; empty where it is not known.

    >>> Gathered._fields[:3]
    ('members', 'total', 'verdicts')
    """

    members: list[Member]
    total: int
    verdicts: dict[str, int]
    statuses: dict[str, int]
    varied: list[str]
    metrics: list[str]
    settings: tuple[Pairs, Pairs]
    origins: list[Origin]
    chart: dict[str, Any]
    of_split: str


def gather(sweep: Sweep) -> Gathered:
    """Plain values of everything that a report of a sweep shows.

    Of more than 2000 members so many evenly spaced ones are shown; all are counted.

    The README shows a report.
    """
    everyone, called = members_of(sweep), page_names(sweep.manifests)
    shown = [everyone[i] for i in evenly(len(everyone), MOST_MEMBERS)]
    names, metrics = varied(shown), metric_names(shown)
    counted = Counter(one.verdict for one in everyone)
    splits = {one.settings.get("eval_split", "") for one in everyone}
    return Gathered(
        shown,
        len(everyone),
        {word: counted[word] for word in _in_order(counted)},
        dict(Counter(one.status for one in everyone)),
        names,
        metrics,
        settings_pairs(everyone),
        [
            Origin(called[name], origin_pairs(sweep, name), again(sweep, name))
            for name in sweep.manifests
        ],
        _chart(sweep, shown, names, metrics),
        splits.pop() if len(splits) == 1 else "",
    )


def _in_order(words: Iterable[str]) -> list[str]:
    """Verdicts as in the legend, then those of somebody's own."""
    found = dict.fromkeys(words)
    return [w for w in VERDICTS if w in found] + [w for w in found if w not in VERDICTS]


def _chart(
    sweep: Sweep,
    members: Sequence[Member],
    names: Sequence[str],
    metrics: Sequence[str],
) -> dict[str, Any]:
    """What charts are made of: columns over members, and curves over groups."""
    groups = groups_of(members, names)
    group_of = {place: g for g, own in enumerate(groups) for place in own}
    texts = {n: [one.settings.get(n, NONE) for one in members] for n in names}
    return {
        "number": [one.number for one in members],
        "verdict": [one.verdict for one in members],
        "group": [group_of[place] for place in range(len(members))],
        "verdicts": _in_order([one.verdict for one in members]),
        "settings": [
            {
                "name": n,
                "is_seed": n == SEED,
                "of": texts[n],
                "values": ordered(texts[n]),
            }
            for n in names
        ],
        "metrics": [
            {
                "name": n,
                "label": label_of(n),
                "of": [rounded(one.metrics.get(n)) for one in members],
            }
            for n in metrics
        ],
        "curves": [
            {"name": n, "label": label_of(n)} for n in curve_names(sweep.metrics)
        ],
        "groups": curves(sweep.metrics, members, groups),
        "units": final_units(members),
        "unit_history": unit_histories(sweep.metrics, members),
        "unit_column": unit_column(sweep.metrics),
    }
