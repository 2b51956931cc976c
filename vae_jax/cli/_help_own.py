"""Help about a function of the user's: what it is called with, and what reaches it."""

import inspect
import textwrap
from typing import Any

from vae_jax.cli._help import WIDTH, described, summary
from vae_jax.configs import OF_FUNCTIONS
from vae_jax.own import user_object


def function_pages(path: str) -> list[str]:
    """What a function of the user's is called with, for each choice that it may make.

    The choices are those whose arguments it names; else all that it can be called for.

    >>> function_pages("vae_jax.records:Record")
    []
    """
    found = user_object(path, "settings")
    if isinstance(found, type) or not callable(found):
        return []
    own = list(inspect.signature(found).parameters)
    named = {c: r for c, r in OF_FUNCTIONS.items() if [*_called(r)] == own}
    same = {c: r for c, r in OF_FUNCTIONS.items() if len(_called(r)) == len(own)}
    return [_function_page(c, path, r) for c, r in (named or same).items()]


def _called(cls: Any) -> tuple[str, ...]:
    arguments: tuple[str, ...] = cls.arguments
    return arguments


def _function_page(choice: str, path: str, cls: Any) -> str:
    """One choice's function: its arguments, and the settings that reach it."""
    text = f"{choice}={path}: {summary(cls)}"
    lines = textwrap.wrap(text, WIDTH)
    held = list(cls.held()) if choice == "model" else []
    known = [name for name in cls.settings() if name != choice]
    if held:
        lines += ["`config` holds, beside `likelihood` and `max_value`:"]
        lines += [line for n in known if n in held for line in described(cls, n)]
        lines += ["`knobs` of encode and decode hold:"]
    lines += [line for n in known if n not in held for line in described(cls, n)]
    return "\n".join(lines)
