"""What a model's function of the user's is called with, which knows what was read of it."""

from collections.abc import Iterator
from typing import Any

from vae_jax.records import did_you_mean
from vae_jax.vae import Knobs


class ModelConfig:
    """Settings as attributes; one that was asked for, at whatever time, has been read.

    Raises:
        AttributeError: an attribute that there is not; names those that there are.

    >>> config = ModelConfig({"hidden": (8,), "skip": False})
    >>> config.hidden, unread(config)
    ((8,), ['skip'])
    """

    def __init__(self, values: dict[str, Any]) -> None:
        """Of these settings."""
        self._values, self._read = values, set[str]()

    def __getattr__(self, name: str) -> Any:
        """A setting, noted as read."""
        if name[:1] == "_":
            raise AttributeError(name)
        if name in self._values:
            self._read.add(name)
            return self._values[name]
        raise AttributeError(why_not(name, list(self._values)))

    def __dir__(self) -> Iterator[str]:
        """The names of the settings."""
        return iter(self._values)

    def __repr__(self) -> str:
        """The settings; whoever prints them has not read them."""
        words = (f"{name}={value!r}" for name, value in self._values.items())
        return f"config({', '.join(words)})"


def unread(config: ModelConfig) -> list[str]:
    """Settings that nobody has asked for.

    >>> unread(ModelConfig({"skip": False}))
    ['skip']
    """
    return [name for name in config._values if name not in config._read]


def why_not(name: str, known: list[str]) -> str:
    """Why `config` has no such attribute, with the fix.

    >>> why_not("dropout", ["hidden"])[:40]
    '`config` has no `dropout`; it has hidden'
    """
    has = f"`config` has no `{name}`; it has {', '.join(known)}."
    if name in Knobs._fields:
        return f"{has} It comes to encode and decode, as `knobs.{name}`."
    return f"{has}{did_you_mean(name, known)} {', '.join(Knobs._fields)} are `knobs`."
