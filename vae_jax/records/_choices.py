"""What can be chosen: every record by its choice and its name there."""

from typing import Any

from vae_jax.records._values import did_you_mean, shown

CHOICES: dict[str, dict[str, type[Any]]] = {}
"""Records by choice and name, entered where they are made."""

OWN: dict[tuple[str, str], type[Any]] = {}
"""Records of users' modules, by module and name: they are chosen by their path alone."""

PACKAGE = __name__.partition(".")[0]


def enter(cls: type[Any]) -> None:
    """Make a record one of its choice.

    Raises:
        ValueError: another record has the name.
    """
    if cls.__module__.partition(".")[0] != PACKAGE:
        OWN[cls.__module__, cls.__qualname__] = cls
        cls.path = f"{cls.__module__}:{cls.__qualname__}"
        return
    known = CHOICES.setdefault(cls.choice, {})
    other = known.get(cls.name)
    if other is not None and (other.__module__, other.__qualname__) != (
        cls.__module__,
        cls.__qualname__,
    ):
        raise ValueError(
            f"{cls.choice}={cls.name!r} is {other.__module__}.{other.__qualname__} "
            f"already; got {cls.__module__}.{cls.__qualname__}. Give it another name."
        )
    known[cls.name] = cls


def chosen(choice: str, name: Any, none: str | None = None) -> type[Any]:
    """The record of a name; `none` is what no record has, where that may be said.

    Raises:
        ValueError: there is none; names those that there are, and the nearest.

    >>> chosen("nothing", "x")
    Traceback (most recent call last):
    ValueError: `nothing` must be one of ...
    """
    known = CHOICES.get(choice, {})
    if not isinstance(name, str) or name not in known:
        words = [*filter(None, (none, *known))]
        raise ValueError(
            f"`{choice}` must be one of {', '.join(words)}, or your own, "
            f"`package.module:name`; got {shown(name)}.{did_you_mean(name, words)}"
        )
    return known[name]
