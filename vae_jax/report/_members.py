"""Members as they are shown: settings as text, a verdict with reasons, and numbers."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from vae_jax.report._sweep import Sweep, Waiting, page_names
from vae_jax.report._values import NONE, is_missing, is_number, text_of
from vae_jax.results import HOST_COLUMNS

SEED = "seed"
NO_SETTING = ("member", "member_id", "member_in_folder")
NO_METRIC = ("first_bad_step", "stopped_at", "data_digest", *HOST_COLUMNS)
NOT_FINISHED = "not finished"
"""In the place of a verdict."""

MOST_MEMBERS = 2000
"""Members that a page shows one by one: a row of the table takes some 700 bytes, a page
has at most 6 MB. Of more, so many evenly spaced ones."""


class Member(NamedTuple):
    """One member.

    Attributes:
        number: in the table.
        settings: by name, as text.
        status: finished, diverged, stopped, running, interrupted or not begun.
        verdict: a label, or what stands for it where there is none.
        reasons: sentences.
        metrics: numbers by name; missing ones are None.
        units: the KL of each unit in the end, in nats.

    >>> Member(0, {}, "finished", "healthy", (), {}, ()).verdict
    'healthy'
    """

    number: int
    settings: dict[str, str]
    status: str
    verdict: str
    reasons: tuple[str, ...]
    metrics: dict[str, float | None]
    units: tuple[float, ...]


def members_of(sweep: Sweep) -> list[Member]:
    """All members of a sweep, in the order of their numbers."""
    called, several = page_names(sweep.manifests), len(sweep.manifests) > 1
    rows = (
        row | {"folder": called[row["folder"]]} if several else row
        for row in sweep.rows
    )
    waiting = (one._replace(folder=called[one.folder]) for one in sweep.waiting)
    found = [_ended(row) for row in rows]
    found += [_unended(one, several) for one in waiting]
    return sorted(found, key=lambda one: one.number)


def _ended(row: Mapping[str, Any]) -> Member:
    names = list(row)
    end = names.index("status")
    settings = [name for name in names[:end] if name not in NO_SETTING]
    numbers = {
        name: row[name]
        for name in names[end + 1 :]
        if name not in NO_METRIC and (row[name] is None or is_number(row[name]))
    }
    return Member(
        int(row["member"]),
        {name: text_of(row[name]) for name in settings},
        str(row["status"]),
        _verdict(row),
        _reasons(row),
        _with_elbo(numbers),
        _numbers(row.get("kl_per_unit")),
    )


def _verdict(row: Mapping[str, Any]) -> str:
    """The label of a row; a program of one's own may have none."""
    said = row.get("verdict")
    if row["status"] == "diverged":
        return "diverged"
    return said if isinstance(said, str) and said else "no verdict"


def _reasons(row: Mapping[str, Any]) -> tuple[str, ...]:
    said = tuple(map(str, row.get("reasons") or ()))
    if (
        row["status"] == "diverged"
        and not said
        and not is_missing(row["first_bad_step"])
    ):
        said = (f"A number was not finite at step {row['first_bad_step']}.",)
    if row["status"] == "stopped":
        why = f"Stopped at step {row['stopped_at']:g}: {row['stopped_because']}."
        said = (why, *said)
    return said


def _with_elbo(numbers: dict[str, Any]) -> dict[str, float | None]:
    """The numbers, and `elbo = -(distortion + rate)` where both are there."""
    parts = [numbers.get(name) for name in ("distortion", "rate")]
    if not set(numbers) >= {"distortion", "rate"}:
        return numbers
    lost = any(is_missing(part) for part in parts)
    return {
        "elbo": None if lost else -sum(p for p in parts if p is not None),
        **numbers,
    }


def _numbers(cell: Any) -> tuple[float, ...]:
    """A list of numbers without gaps; else nothing."""
    if not isinstance(cell, list) or not all(map(is_number, cell)):
        return ()
    return tuple(map(float, cell))


def _unended(one: Waiting, several: bool) -> Member:
    settings = {name: text_of(value) for name, value in one.settings.items()}
    if several:
        settings = {"folder": one.folder, **settings}
    return Member(one.number, settings, one.state, NOT_FINISHED, (_why(one),), {}, ())


def _why(one: Waiting) -> str:
    """Why there are no numbers of a member, and what to do."""
    of = f" of {one.total}" if one.total else ""
    if one.state == "running":
        return f"A process has it in hand; step {one.step}{of} is on disk."
    go_on = f"To go on: vae-jax sweep resume {one.folder}"
    if one.state == "interrupted":
        return (
            "The process that ran it failed or was stopped: no process has it in hand, "
            f"and step {one.step}{of} is saved. {go_on}"
        )
    return (
        "It has not begun, or the process that ran it failed before anything was "
        f"saved. {go_on}"
    )


def differing(members: Sequence[Member]) -> list[str]:
    """The settings in which members differ, in their order.

    >>> members = [Member(0, {"beta": b, "model": "mlp"}, "", "", (), {}, ()) for b in "12"]
    >>> differing(members)
    ['beta']
    """
    names = dict.fromkeys(name for one in members for name in one.settings)
    return [name for name in names if len(values_of(members, name)) > 1]


def varied(members: Sequence[Member]) -> list[str]:
    """The settings that tell members apart.

    Left out is what only comes with the value of another: a setting that has one value
    where there is one, and is there for some values of another setting alone.

    >>> told = [{"model": "mlp"}, {"model": "lstm", "embedding": "8"}]
    >>> varied([Member(0, settings, "", "", (), {}, ()) for settings in told])
    ['model']
    """
    names = differing(members)
    told = {n: tuple(one.settings.get(n, NONE) for one in members) for n in names}
    own = [n for n in names if len(set(told[n]) - {NONE}) > 1]
    return [
        name
        for name in names
        if name in own or not any(_comes_with(told[name], told[one]) for one in own)
    ]


def _comes_with(told: Sequence[str], other: Sequence[str]) -> bool:
    """Whether the values of another setting say those of this one."""
    return len(set(zip(told, other, strict=True))) == len(set(other))


def values_of(members: Sequence[Member], name: str) -> set[str]:
    """The values of a setting, "none" where a member has no such setting."""
    return {one.settings.get(name, NONE) for one in members}


def metric_names(members: Sequence[Member]) -> list[str]:
    """The numbers of which some member has one, in their order.

    >>> one = Member(0, {}, "", "", (), {"rate": 1.0, "nll": None}, ())
    >>> metric_names([one])
    ['rate']
    """
    names = dict.fromkeys(name for one in members for name in one.metrics)
    return [
        name
        for name in names
        if any(not is_missing(one.metrics.get(name)) for one in members)
    ]


def groups_of(members: Sequence[Member], names: Sequence[str]) -> list[list[int]]:
    """Places of the members that agree in every setting but the seed.

    Args:
        members: all of them.
        names: of the settings in which they differ.
    """
    apart = [name for name in names if name != SEED]
    found: dict[tuple[str, ...], list[int]] = {}
    for place, one in enumerate(members):
        key = tuple(one.settings.get(name, NONE) for name in apart)
        found.setdefault(key, []).append(place)
    return list(found.values())
