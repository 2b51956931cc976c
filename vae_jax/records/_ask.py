"""What a record makes is of the kind that its choice promises."""

import inspect
from collections.abc import Callable
from typing import Any

from vae_jax.records._attempt import attempt
from vae_jax.records._values import shown


def ask(
    method: Callable[..., Any],
    kind: Any,
    *args: Any,
    may_be_none: bool = False,
    hint: str = "",
) -> Any:
    """What a record's method returns, refused where it is of another kind.

    Args:
        method: of a record, bound.
        kind: of what it must return, a class or `Callable`.
        *args: that it is called with.
        may_be_none: whether None is as good.
        hint: a sentence more about what it must return.

    Raises:
        ValueError: it is of another kind, or one of the user's own raises; names the
            choice and the method.

    >>> from vae_jax.schedules import Constant
    >>> ask(Constant(2.0).advice, str, 10)
    ' Shorten it, or train longer.'
    """
    part: Any = method.__self__  # type: ignore[attr-defined]
    what = name_of(method)
    if type(part).path:  # a class of the user's; functions say for themselves
        called = called_with(method)
        made = attempt(lambda: method(*args), what, called, signature_fix(called))
    else:
        made = method(*args)
    if isinstance(made, kind) or (made is None and may_be_none):
        return made
    raise ValueError(f"{what} must return {described(kind)}; got {shown(made)}.{hint}")


def name_of(method: Callable[..., Any]) -> str:
    """A record's method in a message, by its choice.

    >>> from vae_jax.schedules import Constant
    >>> name_of(Constant(2.0).make)
    '`schedule` constant: its make'
    """
    part: Any = method.__self__  # type: ignore[attr-defined]
    return f"`{part.choice}` {part.chosen_name}: its {method.__name__}"


def called_with(method: Callable[..., Any]) -> str:
    """The arguments of a bound method as its choice says, not as the user wrote it.

    >>> from vae_jax.schedules import Constant
    >>> called_with(Constant(2.0).make)
    '(num_steps)'
    """
    kind, name = type(method.__self__), method.__name__  # type: ignore[attr-defined]
    first = next(c for c in reversed(kind.__mro__) if name in vars(c))
    _, *names = inspect.signature(getattr(first, name)).parameters
    return f"({', '.join(names)})"


def signature_fix(called: str) -> Callable[[Exception], str]:
    """What to do about a function that does not take these arguments.

    >>> signature_fix("(kl, hyper)")(TypeError("takes 1 positional argument"))
    'Let it take (kl, hyper).'
    """
    words = "Let it take no arguments." if called == "()" else f"Let it take {called}."

    def fix(error: Exception) -> str:
        wrong = isinstance(error, TypeError) and "positional argument" in str(error)
        return words if wrong else ""

    return fix


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
