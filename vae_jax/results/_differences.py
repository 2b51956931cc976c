"""Two specifications, told apart in lines that a person can read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SHOWN_VALUES = 6
"""Values of a field that are listed; of more there is the number."""

SHOWN_DIGITS = 16
"""Of a SHA-256, in a message."""

TRAINING = "data train"
"""The digest of the examples to train on."""

_ABSENT = object()


def differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """One line for each place where two JSON values differ.

    >>> list(differences({"a": 1, "b": [1, 2]}, {"a": 1, "b": [1, 3]}))
    ['b[1]: 2 -> 3']
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            inner = f"{path}.{key}" if path else key
            yield from differences(old.get(key, _ABSENT), new.get(key, _ABSENT), inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from differences(a, b, f"{path}[{i}]")
    elif (a := shown(old)) != (b := shown(new)):
        yield f"{path}: {a} -> {b}"


def member_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What tells two lists of members apart: each field once, data and sources, numbers.

    Both hold `configs`, a list of mappings, and may hold `inputs`, what the members were
    made of beside their settings.

    >>> old, new = ([{"beta": b, "seed": 0} for b in bs] for bs in ([1, 2], [1, 4]))
    >>> list(member_differences({"configs": old}, {"configs": new}))
    ['beta: 1, 2 -> 1, 4']
    """
    before, after = old["configs"], new["configs"]
    lines = list(_field_differences(before, after))
    inputs = old.get("inputs", []), new.get("inputs", [])
    if not lines:  # of other settings other data are to be expected
        yield from _in_words(*map(_digests, inputs))
    yield from _input_differences(*inputs)
    yield from lines
    if len(before) != len(after):
        yield f"number of members: {len(before)} -> {len(after)}"
    if not lines:
        missing = [config for config in before if config not in after]
        if missing:
            varied = {name for name in missing[0] if _values(before, name)[1:]}
            one = {name: missing[0][name] for name in sorted(varied)}
            yield f"{len(missing)} stored members are not given, one of them {shown(one)}"


def _field_differences(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    names = dict.fromkeys(name for config in [*before, *after] for name in config)
    for name in names:
        old, new = _values(before, name), _values(after, name)
        if set(old) != set(new):
            yield f"{name}: {_listed(old)} -> {_listed(new)}"


def _values(configs: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    """The values of a field, each once, in the order in which they come."""
    return list(dict.fromkeys(shown(config.get(name, _ABSENT)) for config in configs))


def _listed(values: Sequence[str]) -> str:
    if len(values) <= SHOWN_VALUES:
        return ", ".join(values)
    return f"{', '.join(values[:SHOWN_VALUES])} and {len(values) - SHOWN_VALUES} more"


def _input_differences(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """Digests of data and of sources, by their name."""
    old, new = _digests(before), _digests(after)
    for name in dict.fromkeys([*old, *new]):
        a, b = old.get(name, []), new.get(name, [])
        if set(a) != set(b):
            yield f"{name}: {_listed(a) or '(absent)'} -> {_listed(b) or '(absent)'}"


def _in_words(
    old: Mapping[str, list[str]], new: Mapping[str, list[str]]
) -> Iterator[str]:
    """What has changed of files that both name, for a person who reads no digests."""
    changed = [name for name in old if name in new and set(old[name]) != set(new[name])]
    if TRAINING in changed:
        yield "the training data have changed since"
    elif any(name.startswith("data ") for name in changed):
        yield "the data have changed since"
    for name in changed:
        if name.startswith("sources "):
            yield f"{_file(name.removeprefix('sources '))} has changed since"


def _file(path: str) -> str:
    """The file that a path names, `package.module:name`.

    >>> _file("package.module:Name")
    'package/module.py (package.module:Name), or a file of yours that it imports,'
    >>> _file("make_job")
    'make_job'
    """
    module, colon, _ = path.partition(":")
    if not colon:
        return path
    file = module.replace(".", "/") + ".py"
    return f"{file} ({path}), or a file of yours that it imports,"


def _digests(inputs: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in inputs:
        for kind, named in one.items():
            for name, digest in named.items():
                values = found.setdefault(f"{kind} {name}", [])
                if (short := digest[:SHOWN_DIGITS]) not in values:
                    values.append(short)
    return found


def shown(value: Any) -> str:
    """A value as JSON, or that there is none."""
    return "(absent)" if value is _ABSENT else json.dumps(value, sort_keys=True)
