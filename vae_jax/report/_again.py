"""The settings of a sweep as the TOML file that `vae-jax sweep` takes."""

import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

SEED = "seed"
_BARE = re.compile(r"[A-Za-z0-9_-]+")

Config = Mapping[str, Any]


def spec_toml(configs: Sequence[Config]) -> str:
    """A file of which `sweeps.read_spec` makes these runs.

    What all share is `[base]`. The rest is one `[[grid]]` if the runs are every
    combination of some values, else one for all that differ in the seed alone.

    Args:
        configs: settings of every run; what is None is left out, and has its default.

    >>> print(spec_toml([{"beta": b, "model": "mlp"} for b in (1.0, 2.0)]))
    [base]
    model = "mlp"
    <BLANKLINE>
    [[grid]]
    beta = [1.0, 2.0]
    <BLANKLINE>
    """
    given = [{n: v for n, v in one.items() if v is not None} for one in configs]
    shared = _shared(given)
    rest = [{n: v for n, v in one.items() if n not in shared} for one in given]
    lines = ["[base]", *_assigned(shared)] if shared else []
    grids = _product(rest) or _by_seed(rest)
    for grid in grids:
        # a grid of one run needs a field
        fields = grid or {SEED: [shared.get(SEED, 0)]}
        lines += ["", "[[grid]]", *_assigned(fields)] if grid or len(grids) > 1 else []
    return "\n".join(lines).lstrip("\n") + "\n"


def _shared(configs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    first, *others = configs
    return {
        name: value
        for name, value in first.items()
        if all(name in one and _same(one[name], value) for one in others)
    }


def _same(one: Any, other: Any) -> bool:
    return _toml(one) == _toml(other)


def _product(rest: Sequence[dict[str, Any]]) -> list[dict[str, list[Any]]]:
    """One grid, if every combination of the values is there once; else nothing."""
    names = list(rest[0])
    if any(set(one) != set(names) for one in rest):
        return []
    axes: dict[str, list[Any]] = {name: _values(rest, name) for name in names}
    if math.prod(map(len, axes.values())) != len(rest):
        return []
    # seeds vary fastest, as in the files that are written by hand
    axes = dict(sorted(axes.items(), key=lambda item: item[0] == SEED))
    wanted = {
        _key(dict(zip(axes, v, strict=True))) for v in itertools.product(*axes.values())
    }
    return [axes] if wanted == {_key(one) for one in rest} else []


def _by_seed(rest: Sequence[dict[str, Any]]) -> list[dict[str, list[Any]]]:
    """A grid for the runs that differ in the seed alone."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in rest:
        key = _key({n: v for n, v in one.items() if n != SEED})
        found.setdefault(key, []).append(one)
    return [
        {name: _values(own, name) for name in sorted(own[0], key=lambda n: n == SEED)}
        for own in found.values()
    ]


def _values(configs: Sequence[dict[str, Any]], name: str) -> list[Any]:
    return list({_toml(one[name]): one[name] for one in configs}.values())


def _key(one: Config) -> str:
    return "\n".join(_assigned(dict(sorted(one.items()))))


def _assigned(values: Config) -> list[str]:
    return [f"{_name(name)} = {_toml(value)}" for name, value in values.items()]


def _name(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(value: str) -> str:
    # JSON's escapes are TOML's, but for one character that JSON leaves as it is
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml(value: Any) -> str:
    r"""A value of a manifest as TOML.

    >>> _toml([True, 1e-05, "a\"b", [64]])
    '[true, 1e-05, "a\\"b", [64]]'
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(_assigned(value)) + "}"
    return repr(value)
