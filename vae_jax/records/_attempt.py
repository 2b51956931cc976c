"""One call of the user's code, and in one message what it raises and where."""

import linecache
import re
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]
INSTALLED = {"site-packages", "dist-packages"}
STANDARD = [Path(sysconfig.get_paths()[name]) for name in ("stdlib", "platstdlib")]
MOST = 600
"""Characters of an error that are repeated; JAX explains itself at length."""

OF_JAX = re.compile(
    r" The error occurred while tracing the function \S+ at \S+ for \w+\."
    r"|(?<=\.) See https://docs\.jax\.dev\S*"
)
"""What JAX adds to an error of tracing: the place in this package, and a page."""

TRACED = (
    "Its numbers are traced: choose by `jnp.where` or `jax.lax.cond`, not by `if`, and "
    "make none of them an `int` or a `float`."
)
"""What to do where Python asks for a number that only the compiled program knows."""


def attempt(
    function: Callable[..., Any],
    what: str,
    called: str,
    fix: Callable[[Exception], str] = lambda error: "",
) -> Any:
    """What the user's function returns, or one message of what it raises.

    Args:
        function: is called with nothing.
        what: it is, for the message.
        called: with what the user's function is called in it.
        fix: what to do about an error, as a sentence; nothing where it has no answer.

    Raises:
        ValueError: it raises; names the function, the call, the error, the deepest line of
            the user's and the fix.

    >>> attempt(lambda: 3, "`model` m:net: its encode", "(params, x)")
    3
    >>> attempt(lambda: [][0], "`model` m:net: its encode", "(params, x)")
    Traceback (most recent call last):
    ValueError: `model` m:net: its encode was called with (params, x) and raises ...
    """
    try:
        return function()
    except Exception as error:
        found = TRACED if is_of_tracing(error) else fix(error)
        says = f"raises {type(error).__name__}: {first_words(error)}"
        place = own_line(error) or " "
        text = f"{what} was called with {called} and {says}{place}{found}"
        raise ValueError(text.rstrip()) from error


def is_of_tracing(error: Exception) -> bool:
    """Whether Python asked for a number that is traced.

    >>> is_of_tracing(ValueError())
    False
    """
    import jax

    kinds = jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError
    return isinstance(error, (*kinds, jax.errors.TracerIntegerConversionError))


def first_words(error: Exception) -> str:
    """The text of an error up to its first empty line, with a point at its end.

    >>> first_words(ValueError("wrong"))
    'wrong.'
    """
    text = " ".join(str(error).strip().partition("\n\n")[0].split())
    text = OF_JAX.sub("", text)
    text = text if len(text) <= MOST else f"{text[:MOST]} ..."
    return text if text.endswith((".", "!", "?", "...")) else f"{text}."


def own_line(error: BaseException) -> str:
    """The deepest line of the user's that an error came through, or nothing.

    >>> own_line(ValueError("never raised"))
    ''
    """
    frames = [
        (frame.f_code, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if _is_users(frame.f_code.co_filename)
    ]
    if not frames:
        return ""
    code, line = frames[-1]
    text = linecache.getline(code.co_filename, line).strip()
    at = f'\n  File "{code.co_filename}", line {line}, in {code.co_name}\n'
    return f"{at}    {text}\n" if text else at


def is_foreign(path: str | Path) -> bool:
    """Whether a file is of Python itself, or among installed packages.

    >>> is_foreign(Path(traceback.__file__))
    True
    """
    path = Path(path)
    foreign = any(path.is_relative_to(folder) for folder in STANDARD)
    return foreign or bool(INSTALLED & set(path.parts))


def _is_users(file: str) -> bool:
    path = Path(file)
    if file.startswith("<") and not file.startswith("<stdin"):
        return False
    return not path.is_relative_to(PACKAGE) and not is_foreign(path)
