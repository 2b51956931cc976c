"""What a record makes is of the kind that its choice promises."""

from collections.abc import Callable
from typing import Any

from vae_jax.records._values import shown


def ask(method: Callable[..., Any], kind: Any, *args: Any) -> Any:
    """What a record's method returns, refused where it is of another kind.

    Args:
        method: of a record, bound.
        kind: of what it must return, a class or `Callable`.
        *args: that it is called with.

    Raises:
        ValueError: it is of another kind; names the choice and the method.

    >>> from vae_jax.schedules import Constant
    >>> ask(Constant(2.0).advice, str, 10)
    ' Shorten it, or train longer.'
    """
    made = method(*args)
    if isinstance(made, kind):
        return made
    part: Any = method.__self__  # type: ignore[attr-defined]
    raise ValueError(
        f"`{part.choice}` {part.chosen_name}: its {method.__name__} must return "
        f"{described(kind)}; got {shown(made)}."
    )


def described(kind: Any) -> str:
    """A kind in words, with where it is found.

    >>> from vae_jax.data import Dataset
    >>> described(Callable), described(Dataset)
    ('a function', 'a vae_jax.data.Dataset')
    """
    if kind is Callable:
        return "a function"
    rooms = [part for part in kind.__module__.split(".") if not part.startswith("_")]
    return f"a {'.'.join(rooms)}.{kind.__name__}"
