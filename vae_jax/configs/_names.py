"""The names of all settings, what types they may have, and whose they are."""

import functools
from dataclasses import Field
from typing import Any, NamedTuple

from vae_jax.configs._epochs import check_epochs, epochs_name
from vae_jax.configs._own import OF_FUNCTIONS, own_record
from vae_jax.configs._run import Run
from vae_jax.records import (
    CHOICES,
    OWN,
    SPEC,
    Record,
    alternatives,
    check_float32,
    check_type,
    did_you_mean,
    shown,
)
from vae_jax.remedies import SWITCHED
from vae_jax.userdata import form_of

PARTS = {
    "dataset": ("data", "digits"),
    "model": ("model", "mlp"),
    "likelihood": ("likelihood", "bernoulli"),
    "prior": ("prior", "standard"),
    "schedule": ("beta", "constant"),
    "optimizer": ("optimizer", "adam"),
}
"""Choices that every run makes: the part of the run, and the name where none is given."""

NOTHING = {
    "condition": "none",
    "posterior": "free",
    "feedback": "none",
    "regulariser": "none",
    "inference": "joint",
}
"""Choices of remedies, and the name of none."""

UNSAID = ("condition",)
"""Of them those that a run without one has no word for, so that it is known by the same
settings as before there was such a choice."""

ALL_CHOICES = (*PARTS, *NOTHING, SWITCHED)


_IN_EPOCHS = {int: float, tuple[int, ...]: tuple[float, ...]}
"""The types of times in epochs by those in steps."""


def check_value(name: str, value: Any) -> None:
    """Refuse an unknown setting, or a plain value that is not of its type.

    Ranges, and what settings allow together, are checked where the run is made.

    Raises:
        ValueError: names the setting, its value and what is allowed.

    >>> check_value("hidden", [64, 32])
    """
    field_kinds(name, value)
    plain = plain_value(name, value)
    if plain is None or name in ALL_CHOICES:
        return
    if name in times():
        check_epochs(name, plain)
        return
    errors = []
    for field in fields_named(name):
        try:
            check_type(name, plain, field.type)
            if isinstance(plain, float):
                check_float32(name, plain)
        except ValueError as error:
            errors.append(error)
    if errors and len(errors) == len(fields_named(name)):
        raise errors[0]


def find_own(choice: str, value: Any) -> None:
    """Import the records that a choice names by paths, so that their settings are known.

    Raises:
        ValueError: see `own_record`.

    >>> find_own("schedule", ["linear", "cosine"])
    """
    if choice not in ALL_CHOICES:
        return
    for one in value if isinstance(value, list) else [value]:
        for path in paths(one):
            own_record(choice, path)


def paths(value: Any) -> list[str]:
    """The paths of a choice; names of ready ones are none.

    >>> paths("a:B, c:D"), paths("linear")
    (['a:B', 'c:D'], [])
    """
    if not isinstance(value, str) or form_of(value) is not None:
        return []
    words = value.split(",")
    return [word.strip() for word in words if ":" in word]


def field_kinds(name: str, value: Any = None) -> tuple[Any, ...]:
    """The types that a setting may have; words that it may be are types as well.

    Raises:
        ValueError: an unknown setting, with its value and the nearest known name.

    >>> field_kinds("beta"), field_kinds("window")
    ((<class 'float'>,), (<class 'int'>, <class 'NoneType'>))
    """
    if name in ALL_CHOICES:
        return (str,)
    of = times().get(name, name)
    kinds = [kind for f in fields_named(of) for kind in alternatives(f.type)]
    if name != of:
        kinds = [_IN_EPOCHS[kind] for kind in kinds if kind in _IN_EPOCHS]
    if not kinds:
        known = names()
        hint = did_you_mean(name, known) or f" Fields: {', '.join(known)}."
        raise ValueError(
            f"`{name}` is not a field of a run; got {name} = {shown(value)}.{hint}"
        )
    return tuple(dict.fromkeys(kinds))


def names() -> list[str]:
    """Every setting that some run has.

    >>> "beta" in names(), "free_bits" in names()
    (True, True)
    """
    return list(_index(_all_records()).names)


def times() -> dict[str, str]:
    """The names in steps of all times that may be given in epochs, by their names there.

    >>> times()["warmup_epochs"]
    'warmup_steps'
    """
    return _index(_all_records()).times


def fields_named(name: str) -> list[Field[Any]]:
    """The fields of all records that have this name."""
    return [
        cls.settings()[name] for cls in _index(_all_records()).records.get(name, [])
    ]


def owners(name: str) -> list[type[Record]]:
    """The records that have a setting.

    >>> [cls.name for cls in owners("num_cycles")]
    ['cyclical']
    """
    found = _index(_all_records()).records.get(name, [])
    ready = [
        cls for cls in found if CHOICES.get(str(cls.choice), {}).get(cls.name) is cls
    ]
    return ready or found


class Index(NamedTuple):
    """All settings: their names, whose they are, and the times among them.

    >>> Index({}, [], {}).times
    {}
    """

    records: dict[str, list[type[Record]]]
    names: list[str]
    times: dict[str, str]


def _all_records() -> tuple[type[Any], ...]:
    ready = [cls for known in CHOICES.values() for cls in known.values()]
    return (*ready, *OF_FUNCTIONS.values(), Run, *OWN.values())


@functools.lru_cache(maxsize=8)  # anew where a record is made
def _index(every: tuple[type[Record], ...]) -> Index:
    records: dict[str, list[type[Record]]] = {}
    times: dict[str, str] = {}
    for cls in every:
        for name, field in cls.settings().items():
            records.setdefault(name, []).append(cls)
            if field.metadata[SPEC].in_epochs:
                times[epochs_name(name)] = name
    known = dict.fromkeys([*ALL_CHOICES, *records, *times])
    return Index(records, list(known), times)


def plain_value(name: str, value: Any) -> Any:
    """A value of TOML or JSON as records take it: tuples, and None for the word none.

    >>> plain_value("hidden", [8]), plain_value("clip_norm", "none")
    ((8,), None)
    """
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, str) and name not in ALL_CHOICES:
        word = "none" if name == "window" and value == "full" else value
        if word == "none" and type(None) in field_kinds(name):
            literal = [kind for kind in field_kinds(name) if kind == "none"]
            return value if literal else None
    return value
