"""A run as plain values, and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from vae_jax.configs._run import RunConfig
from vae_jax.configs._types import (
    alternatives,
    as_annotated,
    check_float32,
    check_type,
    did_you_mean,
    shown,
)

ANNOTATIONS: dict[str, Any] = {field.name: field.type for field in fields(RunConfig)}


def from_mapping(values: Mapping[str, Any]) -> RunConfig:
    """A config from plain values, as TOML or JSON hold them.

    Raises:
        ValueError: an unknown field, with the nearest known name.

    >>> from_mapping({"hidden": [64], "beta": 2}).hidden
    (64,)
    """
    for name, value in values.items():
        field_kinds(name, value)
    plain = {name: _plain(name, value) for name, value in values.items()}
    return RunConfig(**plain)  # checked on construction


def check_value(name: str, value: Any) -> None:
    """Refuse an unknown field, or a plain value that is not of its type.

    Ranges, and what fields allow together, are checked where the run is made.

    Raises:
        ValueError: names the field, its value and what is allowed.

    >>> check_value("hidden", [64, 32])
    """
    field_kinds(name, value)
    value = _plain(name, value)
    check_type(name, value, ANNOTATIONS[name])
    check_float32(name, as_annotated(value, ANNOTATIONS[name]))


def field_kinds(name: str, value: Any = None) -> tuple[Any, ...]:
    """The types that a field may have; words that it may be are types as well.

    Raises:
        ValueError: an unknown field, with its value and the nearest known name.

    >>> field_kinds("beta"), field_kinds("window")
    ((<class 'float'>,), (<class 'int'>, <class 'NoneType'>))
    """
    if name not in ANNOTATIONS:
        raise ValueError(
            f"`{name}` is not a field of a run; got {name} = {shown(value)}."
            f"{did_you_mean(name, ANNOTATIONS)} Fields: {', '.join(ANNOTATIONS)}."
        )
    return alternatives(ANNOTATIONS[name])


def _plain(name: str, value: Any) -> Any:
    if name == "window" and isinstance(value, str) and value == "full":
        return None
    return tuple(value) if isinstance(value, list) else value


def to_mapping(config: RunConfig) -> dict[str, Any]:
    """A config as plain values; the inverse of `from_mapping`.

    >>> from_mapping(to_mapping(RunConfig())) == RunConfig()
    True
    """
    return {
        k: list(v) if isinstance(v, tuple) else v for k, v in asdict(config).items()
    }
