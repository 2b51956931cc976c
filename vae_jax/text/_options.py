"""Options that are words: refused early where they do not exist."""

from collections.abc import Sequence
from typing import Literal

TooLong = Literal["refuse", "cut"]
"""What is done with a sentence that does not fit: an error, or its beginning is kept."""

Shared = Literal["refuse", "drop", "keep"]
"""What is done with a sentence that stands in two splits: an error, kept in one of them,
or kept in both."""


def check_choice(name: str, value: str, allowed: Sequence[str]) -> None:
    """Refuse an option that does not exist.

    Raises:
        ValueError: it is none of those allowed.

    >>> check_choice("too_long", "cut", ("refuse", "cut"))
    """
    if value not in allowed:
        raise ValueError(f"`{name}` must be {' or '.join(allowed)}; got {value!r}.")
