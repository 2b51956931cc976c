"""A sweep as a TOML file: a base, and grids of lists and ranges over it."""

import itertools
import math
import tomllib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vae_jax.configs import (
    Run,
    check_value,
    did_you_mean,
    field_kinds,
    find_own,
    from_mapping,
    shown,
)
from vae_jax.sweeps.spec._axes import Axis, axis, is_list

SECTIONS = ("base", "grid")
MOST_MEMBERS = 100_000
LARGEST_FILE = 10_000_000
"""Bytes; what is longer is no specification."""


def read_spec(path: str | Path) -> list[Run]:
    """The runs of a TOML file; see `expand`. `~` is the home.

    Raises:
        ValueError: the file is missing, a folder or unreadable, is not TOML in UTF-8, or
            `expand` refuses it.
    """
    path = Path(path).expanduser()
    content = _read(path)
    try:
        spec = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be TOML in UTF-8: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid TOML: {error}") from error
    return expand(spec)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise _no_spec(f"{path} does not exist.") from error
    except IsADirectoryError as error:
        raise _no_spec(f"{path} is a folder.") from error
    except PermissionError as error:
        raise _no_spec(f"{path} may not be read by you.") from error
    except (OSError, ValueError) as error:
        raise _no_spec(f"{str(path)!r} cannot be read: {error}.") from error
    if len(content) > LARGEST_FILE:
        raise _no_spec(f"{path} is longer than {LARGEST_FILE} bytes.")
    return content


def _no_spec(got: str) -> ValueError:
    return ValueError(f"`spec` must be a TOML file; {got}")


def expand(spec: Mapping[str, Any]) -> list[Run]:
    """The runs of a spec: every combination within a `grid`, one `grid` after another.

    `base` holds the fields that all share. In a grid, a list is an axis, and so is a
    range: `{start, stop, step}` (without stop, as Python's) or `{start, stop, num, scale}`
    with scale `linear` or `log` (with stop). The last axis varies fastest, so put `seed`
    last. `hidden` is a list itself: an axis of it is a list of lists. Steps are of the
    decimals that are written: from 0.1 to 0.4 by 0.1 are three values. Runs that two grids
    share are run once, with a warning.

    Raises:
        ValueError: an unknown section, field or range; names it and what is allowed. An
            axis or a grid without values; more than 100 000 runs.

    >>> runs = expand({"base": {"num_steps": 100}, "grid": [{"beta": [1, 2]}]})
    >>> [run.beta.beta for run in runs]
    [1.0, 2.0]
    >>> [r.seed for r in expand({"grid": [{"seed": {"start": 0, "stop": 3}}]})]
    [0, 1, 2]
    """
    base, grids = _sections(spec)
    axes = [{name: axis(name, v) for name, v in grid.items()} for grid in grids]
    _check_number_of_runs(axes)
    for each in axes:
        _check_values(base, each)
    runs = [run for each in axes for run in _product(base, each)]
    once = list(dict.fromkeys(runs))
    if len(once) < len(runs):
        warnings.warn(
            f"the grids share {len(runs) - len(once)} of {len(runs)} runs: each is run "
            "once",
            stacklevel=2,
        )
    return once


def _sections(spec: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if not isinstance(spec, Mapping) or not spec:
        raise ValueError(
            "a sweep must have a section, [base] or [[grid]], that says what to run; got "
            f"{shown(spec)}."
        )
    for name in spec:
        if name not in SECTIONS:
            raise ValueError(
                f"`{name}` is not a section of a sweep; sections are [base] and "
                f"[[grid]].{did_you_mean(name, SECTIONS)} {_where_it_belongs(name)}"
            )
    base, grids = spec.get("base", {}), spec.get("grid", [{}])
    grids = [grids] if isinstance(grids, Mapping) else grids
    if not isinstance(base, Mapping):
        raise ValueError(f"`base` must be one table, [base]; got {shown(base)}.")
    if not isinstance(grids, list) or not all(isinstance(g, Mapping) for g in grids):
        raise ValueError(f"`grid` must be tables, [[grid]]; got {shown(grids)}.")
    if not grids or (len(grids) > 1 and not all(grids)):
        raise ValueError(
            "`grid` must have a field in every [[grid]]; got one without. To run [base] "
            "itself beside others, name one of its fields there, such as seed = 0."
        )
    for section in (base, *grids):  # settings of one's own records are known by then
        for name, value in section.items():
            find_own(name, value)
    for name, value in base.items():
        field_kinds(name, value)
        if isinstance(value, Mapping) or (
            isinstance(value, list) and not is_list(name)
        ):
            raise ValueError(
                f"`{name}` must be one value in [base]; got {shown(value)}. Lists and "
                "ranges belong in [[grid]]."
            )
    for grid in grids:
        for name, value in grid.items():
            field_kinds(name, value)
    return dict(base), [dict(grid) for grid in grids]


def _where_it_belongs(name: str) -> str:
    try:
        field_kinds(name)
    except ValueError:
        return "Fields of a run stand in one of them."
    return f"`{name}` is a field of a run: it belongs in [base] or in [[grid]]."


def _check_number_of_runs(grids: list[dict[str, Axis]]) -> None:
    total = sum(math.prod(axis.size for axis in grid.values()) for grid in grids)
    if total > MOST_MEMBERS:
        sizes = "; ".join(
            " x ".join(f"{axis.size} {name}" for name, axis in grid.items())
            for grid in grids[:3]
        )
        raise ValueError(
            f"`grid` must make at most {MOST_MEMBERS} runs; got {shown(total)} ({sizes})."
        )


def _check_values(base: dict[str, Any], grid: dict[str, Axis]) -> None:
    """Each value by itself, so that a wrong one is found before all are combined."""
    values = ((name, value) for name, axis in grid.items() for value in axis.values())
    for name, value in itertools.chain(base.items(), values):
        check_value(name, value)


def _product(base: Mapping[str, Any], grid: Mapping[str, Axis]) -> list[Run]:
    columns = [axis.values() for axis in grid.values()]
    return [
        from_mapping({**base, **dict(zip(grid, values, strict=True))})
        for values in itertools.product(*columns)
    ]
