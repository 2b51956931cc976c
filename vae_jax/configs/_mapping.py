"""A run as plain values, and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from vae_jax.configs._run import RunConfig
from vae_jax.configs._types import did_you_mean, shown


def from_mapping(values: Mapping[str, Any]) -> RunConfig:
    """A config from plain values, as TOML or JSON hold them.

    Raises:
        ValueError: an unknown field, with the nearest known name.

    >>> from_mapping({"hidden": [64], "beta": 2}).hidden
    (64,)
    """
    known = [field.name for field in fields(RunConfig)]
    for name in values:
        if name not in known:
            raise ValueError(
                f"`{name}` is not a field of a run; got {name} = {shown(values[name])}."
                f"{did_you_mean(name, known)} "
                f"Fields: {', '.join(known)}."
            )
    plain = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    if plain.get("window") == "full":
        plain["window"] = None
    return RunConfig(**plain)  # type: ignore[arg-type]  # checked on construction


def to_mapping(config: RunConfig) -> dict[str, Any]:
    """A config as plain values; the inverse of `from_mapping`.

    >>> from_mapping(to_mapping(RunConfig())) == RunConfig()
    True
    """
    return {
        k: list(v) if isinstance(v, tuple) else v for k, v in asdict(config).items()
    }
