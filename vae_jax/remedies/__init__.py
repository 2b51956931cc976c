"""Remedies against collapse as records of a run, one a file.

A remedy is added by adding a file here: its record says what it changes, and by being
made it can be imported from here, chosen, swept, and found in help and in refusals.
Remedies of your own live in your own files, by the same contract.
"""

import importlib
import pkgutil
from typing import Any

from vae_jax.records import CHOICES
from vae_jax.remedies._asked import asked
from vae_jax.remedies._contract import SWITCHED, Parts, Remedy
from vae_jax.vae import own_params, with_params

for _found in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_found.name}")

__all__ = ["SWITCHED", "Parts", "Remedy", "asked", "own_params", "with_params"]


def _ready() -> dict[str, type[Remedy]]:
    """The remedies of the files beside this one, by the names of their classes."""
    known = [cls for choice in CHOICES.values() for cls in choice.values()]
    return {cls.__name__: cls for cls in known if issubclass(cls, Remedy)}


def __getattr__(name: str) -> Any:
    try:
        return _ready()[name]
    except KeyError:
        raise AttributeError(f"{__name__} has no remedy {name!r}") from None


def __dir__() -> list[str]:
    return sorted([*__all__, *_ready()])
