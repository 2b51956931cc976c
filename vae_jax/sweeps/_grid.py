"""A sweep as a TOML file: a base, and grids of lists and ranges over it."""

import itertools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vae_jax.configs import RunConfig, did_you_mean, from_mapping

SECTIONS = ("base", "grid")
RANGE_KEYS = {"start", "stop", "step", "num", "scale"}


def read_spec(path: str | Path) -> list[RunConfig]:
    """The runs of a TOML file; see `expand`.

    Raises:
        ValueError: the file is missing, is not TOML, or `expand` refuses it.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"`spec` must be a TOML file; {path} does not exist.")
    try:
        spec = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not valid TOML: {error}") from error
    return expand(spec)


def expand(spec: Mapping[str, Any]) -> list[RunConfig]:
    """The runs of a spec: every combination within a `grid`, one `grid` after another.

    `base` holds the fields that all share. In a grid, a list is an axis, and so is a
    range: `{start, stop, step}` (without stop, as Python's) or `{start, stop, num, scale}`
    with scale `linear` or `log` (with stop). The last axis varies fastest, so put `seed`
    last. `hidden` is a list itself: an axis of it is a list of lists.

    Raises:
        ValueError: an unknown section, field or range; names it and what is allowed.

    >>> runs = expand({"base": {"num_steps": 100}, "grid": [{"beta": [1, 2]}]})
    >>> [run.beta for run in runs]
    [1, 2]
    >>> [r.seed for r in expand({"grid": [{"seed": {"start": 0, "stop": 3}}]})]
    [0, 1, 2]
    """
    for name in spec:
        if name not in SECTIONS:
            raise ValueError(
                f"`{name}` is not a section of a sweep; sections are [base] and "
                f"[[grid]].{did_you_mean(name, SECTIONS)}"
            )
    base = dict(spec.get("base", {}))
    grids = spec.get("grid", [{}])
    grids = [grids] if isinstance(grids, Mapping) else list(grids)
    runs = [run for grid in grids for run in _product(base, grid)]
    if not runs:
        raise ValueError("the sweep is empty: an axis of its grid has no values.")
    return list(dict.fromkeys(runs))


def _product(base: Mapping[str, Any], grid: Mapping[str, Any]) -> list[RunConfig]:
    axes = {name: _axis(name, value) for name, value in grid.items()}
    return [
        from_mapping({**base, **dict(zip(axes, values, strict=True))})
        for values in itertools.product(*axes.values())
    ]


def _axis(name: str, value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return _range(name, value)
    if name == "hidden" and isinstance(value, list):
        return value if all(isinstance(v, list) for v in value) else [value]
    return value if isinstance(value, list) else [value]


def _range(name: str, value: Mapping[str, Any]) -> list[Any]:
    unknown = set(value) - RANGE_KEYS
    if unknown or not {"start", "stop"} <= set(value):
        raise ValueError(
            f"`{name}` must be a list or a range with start, stop and step, or start, "
            f"stop, num and scale; got {dict(value)}."
        )
    start, stop = value["start"], value["stop"]
    if "num" not in value:
        axis = np.arange(start, stop, value.get("step", 1))
    elif value.get("scale", "linear") == "log":
        axis = np.geomspace(start, stop, value["num"])
    else:
        axis = np.linspace(start, stop, value["num"])
    return list(axis.tolist())
