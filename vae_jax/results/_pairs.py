"""Two groups of members compared pair by pair: by seed, and by all settings they share.

Members with the same seed share initial parameters, the order of the data and noise, so
that the difference of a pair has less spread than the groups have.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vae_jax.results._student import t_quantile
from vae_jax.results._tables import HOST_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

SEED = "seed"
SHARE = 0.95
"""Of the intervals."""

_WHO = ("member", "member_id", "folder", "member_in_folder")
_NO_METRIC = ("first_bad_step", "data_digest", *HOST_COLUMNS)

Row = Mapping[str, Any]


class Difference(NamedTuple):
    """How a metric of the second group differs from that of the first.

    Attributes:
        metric: its name.
        first, second: means over the pairs.
        mean: of the differences, second - first.
        low, high: their interval, `mean -+ t s / sqrt(n)`; NaN of a single pair.
        num_pairs: in which both have a value.

    >>> Difference._fields[:3]
    ('metric', 'first', 'second')
    """

    metric: str
    first: float
    second: float
    mean: float
    low: float
    high: float
    num_pairs: int


class Case(NamedTuple):
    """The pairs that agree in every setting but the seed and what is compared.

    Attributes:
        settings: that tell the case from others.
        num_pairs: one a seed.
        differences: a row a metric.
        verdicts: number of pairs by the verdicts of both.

    >>> Case({}, 0, (), {}).settings
    {}
    """

    settings: dict[str, Any]
    num_pairs: int
    differences: tuple[Difference, ...]
    verdicts: dict[tuple[str, str], int]


class Comparison(NamedTuple):
    """Two groups, pair by pair.

    Attributes:
        compared: the settings whose values the groups do not share, with those of both.
        cases: the pairs, by the other settings.
        unpaired: members of either group that have no partner.
        same_data: whether the members of every pair had the same data.
        overall: the pairs of all cases together.

    >>> Comparison({}, (), (0, 0), True).unpaired
    (0, 0)
    """

    compared: dict[str, tuple[list[Any], list[Any]]]
    cases: tuple[Case, ...]
    unpaired: tuple[int, int]
    same_data: bool
    overall: tuple[Difference, ...] = ()


def compare_runs(first: "pd.DataFrame", second: "pd.DataFrame") -> Comparison:
    """Compare two groups of rows of `results.read(...).to_pandas().runs`.

    A setting is compared where no value of it is in both groups; by all others, and by the
    seed, members are paired. The interval is Student's, over the pairs of a case: that of a
    normal difference.

    Raises:
        ValueError: nothing pairs, or a member has several partners; names the settings.

    >>> import pandas as pd
    >>> rows = {"seed": [0, 1], "beta": [1.0, 1.0], "status": "finished"}
    >>> one = pd.DataFrame(rows | {"nll": [3.0, 4.0]})
    >>> other = pd.DataFrame(rows | {"beta": [2.0, 2.0], "nll": [5.0, 6.5]})
    >>> found = compare_runs(one, other)
    >>> found.compared, found.cases[0].differences[0].mean
    ({'beta': ([1.0], [2.0])}, 2.25)
    """
    groups = [[_plain(row) for row in g.to_dict("records")] for g in (first, second)]
    names = _settings(first, second)
    values = {name: tuple(_values(group, name) for group in groups) for name in names}
    compared = {
        name: (one, other)
        for name, (one, other) in values.items()
        if name != SEED and not set(one) & set(other)
    }
    shared = [name for name in names if name not in compared]
    keyed = [_by_key(group, shared, i) for i, group in enumerate(groups)]
    common = [key for key in keyed[0] if key in keyed[1]]
    if not common:
        raise _nothing_pairs(values, shared)
    pairs = [
        (dict(zip(shared, k, strict=True)), keyed[0][k], keyed[1][k]) for k in common
    ]
    metrics = [name for name in _metrics(first) if name in set(_metrics(second))]
    digests = [[row.get("data_digest") for row in pair[1:]] for pair in pairs]
    return Comparison(
        compared,
        tuple(_cases(pairs, metrics)),
        (len(keyed[0]) - len(common), len(keyed[1]) - len(common)),
        all(one == other for one, other in digests),
        _all_differences([(one, other) for _, one, other in pairs], metrics),
    )


def _settings(*frames: "pd.DataFrame") -> list[str]:
    """What stands before the status in either, the seed too."""
    found: dict[str, None] = {}
    for frame in frames:
        columns = [str(name) for name in frame]
        end = columns.index("status") if "status" in columns else len(columns)
        found |= dict.fromkeys(name for name in columns[:end] if name not in _WHO)
    return list(found)


def _metrics(frame: "pd.DataFrame") -> list[str]:
    """Columns of numbers that were measured."""
    columns = [str(name) for name in frame]
    start = columns.index("status") + 1 if "status" in columns else len(columns)
    return [
        name
        for name in columns[start:]
        if frame[name].dtype.kind in "iuf" and name not in _NO_METRIC
    ]


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Values that can be compared: lists as tuples, what is missing as None."""

    def plain(value: Any) -> Any:
        if isinstance(value, list | np.ndarray):
            return tuple(value)
        return None if value is None or value != value else value

    return {name: plain(value) for name, value in row.items()}


def _values(group: Iterable[Row], name: str) -> list[Any]:
    return list(dict.fromkeys(row.get(name) for row in group))


def _by_key(group: Sequence[Row], names: Sequence[str], number: int) -> dict[Any, Row]:
    found: dict[Any, Row] = {}
    for row in group:
        key = tuple(row.get(name) for name in names)
        if key in found:
            other = found[key]
            unlike = [n for n in row if n in _before_status(row) and row[n] != other[n]]
            raise ValueError(
                f"`{'AB'[number]}` must have one member for each partner; it has two with "
                f"{SEED}={row.get(SEED)}, which differ in {_listed(unlike)}. Choose among "
                "them, such as FOLDER:beta=1."
            )
        found[key] = row
    return found


def _before_status(row: Row) -> list[str]:
    names = list(itertools.takewhile(lambda name: name != "status", row))
    return [name for name in names if name not in _WHO]


def _nothing_pairs(
    values: Mapping[str, tuple[list[Any], ...]], shared: Sequence[str]
) -> ValueError:
    unlike = [n for n in shared if set(values[n][0]) != set(values[n][1])]
    shown = "\n  ".join(
        f"{name}: {_listed(values[name][0])} | {_listed(values[name][1])}"
        for name in unlike
    )
    return ValueError(
        "A and B must have members with the same seed and the same settings, but for those "
        f"that are compared; nothing pairs, by these settings (A | B):\n  {shown}\nTrain "
        "the missing ones, or choose groups that share them."
    )


def _listed(values: Sequence[Any], most: int = 6) -> str:
    shown = ", ".join(map(str, values[:most]))
    return shown + (f" and {len(values) - most} more" if len(values) > most else "")


def _cases(
    pairs: Sequence[tuple[dict[str, Any], Row, Row]], metrics: Sequence[str]
) -> Iterable[Case]:
    keys = [{n: v for n, v in key.items() if n != SEED} for key, *_ in pairs]
    varied = [n for n in keys[0] if len({key[n] for key in keys}) > 1]
    cases: dict[Any, list[tuple[Row, Row]]] = {}
    for key, (_, one, other) in zip(keys, pairs, strict=True):
        cases.setdefault(tuple(key[n] for n in varied), []).append((one, other))
    for values, members in cases.items():
        verdicts: dict[tuple[str, str], int] = {}
        for pair in members:
            both = tuple(str(row.get("verdict")) for row in pair)
            if "verdict" in pair[0]:
                verdicts[both[0], both[1]] = verdicts.get((both[0], both[1]), 0) + 1
        yield Case(
            dict(zip(varied, values, strict=True)),
            len(members),
            _all_differences(members, metrics),
            verdicts,
        )


def _all_differences(
    pairs: Sequence[tuple[Row, Row]], metrics: Sequence[str]
) -> tuple[Difference, ...]:
    """Of every metric that some pair has."""
    found = (difference(metric, pairs) for metric in metrics)
    return tuple(one for one in found if one.num_pairs)


def difference(metric: str, pairs: Sequence[tuple[Row, Row]]) -> Difference:
    """The mean difference of a metric, with its interval.

    >>> found = difference("x", [({"x": 0.0}, {"x": 1.0}), ({"x": 0.0}, {"x": 3.0})])
    >>> found.mean, found.num_pairs, round(found.high, 1)
    (2.0, 2, 14.7)
    """
    both = [(one.get(metric), other.get(metric)) for one, other in pairs]
    numbers = np.array([pair for pair in both if None not in pair], np.float64)
    if not len(numbers):
        nan = float("nan")
        return Difference(metric, nan, nan, nan, nan, nan, 0)
    gaps = numbers[:, 1] - numbers[:, 0]
    mean, num = float(gaps.mean()), len(gaps)
    half = float("nan")
    if num > 1:
        half = t_quantile(SHARE, num - 1) * float(gaps.std(ddof=1)) / num**0.5
    one, other = (float(column.mean()) for column in numbers.T)
    return Difference(metric, one, other, mean, mean - half, mean + half, num)
