# mypy: disable-error-code="attr-defined,name-defined,no-untyped-call"
# pyarrow is compiled and untyped
"""Several run folders as one table, each member in it once."""

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def read_several(
    folders: Sequence[str | os.PathLike[str]],
    read: Callable[[Any], Any],
    joined: Callable[..., pa.Table],
) -> Any:
    """What `read` gives of each, in one: see `results.read`."""
    names = [os.path.normpath(os.fspath(folder)) for folder in folders]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            "`out` must be a run folder, or a list of at least one, each another; got "
            f"{names}."
        )
    found = {name: read(name) for name in names}
    seen: dict[str, str] = {}
    tables, missing, offset = [], [], 0
    for name, one in found.items():
        runs, metrics = _without(one, _twice(name, one, seen))
        tables.append((_placed(runs, name, offset), _shifted(metrics, offset)))
        missing += [offset + number for number in one.missing]
        offset += _size(one)
    kinds = zip(*tables, strict=True)
    runs, metrics = (
        joined(each, keys)
        for each, keys in zip(kinds, (["member"], ["member", "step"]), strict=True)
    )
    manifests = {name: one.manifest for name, one in found.items()}
    first = next(iter(found.values()))
    return type(first)({"folders": manifests}, runs, metrics, tuple(missing))


def _size(one: Any) -> int:
    """Members of a folder, those included that have not ended."""
    known = one.manifest.get("members")
    numbers = one.runs["member"].to_pylist()
    return len(known) if known is not None else max(numbers, default=-1) + 1


def _twice(name: str, one: Any, seen: dict[str, str]) -> set[int]:
    """Numbers of the members that an earlier folder holds too."""
    if (
        one.manifest.get("members") is None
    ):  # of the first format: a number is no identity
        return set()
    rows = one.runs.select(["member", "member_id"]).to_pylist() if len(one.runs) else []
    twice = {row["member"] for row in rows if row["member_id"] in seen}
    if twice:
        whose = {seen[row["member_id"]] for row in rows if row["member"] in twice}
        warnings.warn(
            f"{len(twice)} members of {name} are in {' and '.join(sorted(whose))} too: "
            "each is read once, from there",
            stacklevel=4,
        )
    for row in rows:
        seen.setdefault(row["member_id"], name)
    return twice


def _without(one: Any, members: set[int]) -> tuple[pa.Table, pa.Table]:
    """Both tables without some members."""
    gone = pa.array(sorted(members), pa.int64())

    def kept(table: pa.Table) -> pa.Table:
        return table.filter(pc.invert(pc.is_in(table["member"], value_set=gone)))

    return kept(one.runs), kept(one.metrics)


def _shifted(table: pa.Table, offset: int) -> pa.Table:
    numbers = pc.add(table["member"], offset)
    return table.set_column(table.column_names.index("member"), "member", numbers)


def _placed(runs: pa.Table, name: str, offset: int) -> pa.Table:
    """The rows with the folder that each is of, and its number there."""
    own = runs["member"]
    placed = _shifted(runs, offset)
    at = placed.column_names.index("member") + 1
    placed = placed.add_column(at, "folder", pa.array([name] * len(runs), pa.string()))
    return placed.add_column(at + 1, "member_in_folder", own)
