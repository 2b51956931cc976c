"""Values of the annotated type, and words that were meant."""

import difflib
from typing import Any, get_args


def check_type(name: str, value: Any, annotation: Any) -> None:
    """Refuse a value that is not of the annotated type; an int is a float.

    Raises:
        ValueError: names the field, its value and what is allowed.

    >>> check_type("beta", 2, float)
    """
    options = get_args(annotation) or (annotation,)
    literals = [option for option in options if isinstance(option, str)]
    if literals:
        if value not in literals:
            raise ValueError(
                f"`{name}` must be one of {', '.join(literals)}; got {value!r}."
                f"{did_you_mean(value, literals)}"
            )
        return
    if not any(_is_a(value, option) for option in _alternatives(annotation)):
        expected = getattr(annotation, "__name__", str(annotation))
        raise ValueError(f"`{name}` must be of type {expected}; got {value!r}.")


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if getattr(annotation, "__origin__", None) is tuple:
        return (annotation,)
    return get_args(annotation) or (annotation,)


def _is_a(value: Any, kind: Any) -> bool:
    if getattr(kind, "__origin__", None) is tuple:
        return isinstance(value, tuple) and all(_is_a(v, int) for v in value)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def did_you_mean(word: Any, known: Any) -> str:
    """A suggestion for a misspelt word, or nothing.

    >>> did_you_mean("betta", ["beta", "seed"])
    ' Did you mean `beta`?'
    """
    close = difflib.get_close_matches(str(word), list(known), n=1)
    return f" Did you mean `{close[0]}`?" if close else ""
