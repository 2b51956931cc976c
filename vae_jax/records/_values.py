"""Plain values of an annotated type, and words that were meant."""

import difflib
import os
import struct
from typing import Any, Literal, get_args, get_origin

FLOAT32 = (2.0**-126, (2 - 2.0**-23) * 2.0**127)
"""The least and the largest positive number that float32 holds in full."""

MOST_MEANT = 3
"""Words that a message suggests; more are no help."""


def as_python(value: Any) -> Any:
    """A number of numpy or JAX as Python's; everything else as it is.

    >>> import numpy as np
    >>> as_python(np.int64(3)), as_python((np.float32(0.5), 2)), as_python("mlp")
    (3, (0.5, 2), 'mlp')
    """
    if isinstance(value, tuple):
        return tuple(map(as_python, value))
    is_scalar = hasattr(value, "dtype") and getattr(value, "shape", None) == ()
    return value.item() if is_scalar else value


def as_annotated(value: Any, annotation: Any) -> Any:
    """A whole number as a float, where the field is one; -0.0 is 0.0.

    >>> as_annotated(2, float), as_annotated(2, int), as_annotated(None, float | None)
    (2.0, 2, None)
    """
    kinds = alternatives(annotation)
    if isinstance(value, tuple) and tuple[float, ...] in kinds:
        return tuple(as_annotated(each, float) for each in value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if float in kinds and is_number:
        return float(value) + 0.0
    return value


def as_float32(value: float) -> float:
    """What float32 makes of a number that it can hold.

    >>> as_float32(0.99999999)
    1.0
    """
    return float(struct.unpack("f", struct.pack("f", value))[0])


def normal_folder(folder: str) -> str:
    """One name for one folder: below the working directory if it lies there, else whole.

    `~` is the home; `..` and repeated or trailing slashes go. No link is followed.

    >>> normal_folder("texts/") == normal_folder(os.path.abspath("x/../texts")) == "texts"
    True
    """
    whole, here = os.path.abspath(os.path.expanduser(folder)), os.getcwd()
    below = whole == here or (here != os.sep and whole.startswith(here + os.sep))
    return os.path.relpath(whole, here) if below else whole


def check_type(name: str, value: Any, annotation: Any) -> None:
    """Refuse a value that is not of the annotated type; an int is a float.

    Raises:
        ValueError: names the field, its value and what is allowed.

    >>> check_type("beta", 2, float)
    """
    options = alternatives(annotation)
    literals = [option for option in options if isinstance(option, str)]
    if literals:
        if value is None and type(None) in options:
            return
        if not isinstance(value, str) or value not in literals:
            raise ValueError(
                f"`{name}` must be one of {', '.join(literals)}; got {shown(value)}."
                f"{did_you_mean(value, literals)}"
            )
        return
    if not any(_is_a(value, option) for option in alternatives(annotation)):
        expected = f"of type {getattr(annotation, '__name__', str(annotation))}"
        elements = {get_args(o)[0] for o in options if get_origin(o) is tuple}
        if elements:
            expected = "a list of whole numbers, such as [2, 3]"
        if float in elements:
            expected = "a list of numbers, such as [0.5, 1.0]"
        raise ValueError(f"`{name}` must be {expected}; got {shown(value)}.")
    if isinstance(value, str) and (not value.strip() or "\0" in value):
        raise ValueError(
            f"`{name}` must be a text of visible characters; got {shown(value)}."
        )


def check_float32(name: str, value: Any) -> None:
    """Refuse a finite number that float32, in which all is computed, does not hold.

    Raises:
        ValueError: names the field, its value and what is allowed.

    >>> check_float32("beta", 0.1)
    """
    least, largest = FLOAT32
    if isinstance(value, tuple):
        for each in value:
            check_float32(name, each)
    if isinstance(value, float) and largest < abs(value) < float("inf"):
        raise ValueError(
            f"`{name}` must be finite in float32, at most {largest:.3g}; got {value!r}."
        )
    if isinstance(value, float) and 0 < abs(value) < least:
        raise ValueError(
            f"`{name}` must be 0 or, in float32, at least {least:.3g}; got {value!r}."
        )


def shown(value: Any) -> str:
    """A value in a message, cut where it is long.

    >>> shown("x" * 1000)[-8:], shown(2.5)
    ('... long', '2.5')
    """
    try:
        text = repr(value)
    except ValueError:  # a whole number of more digits than Python prints
        return "a whole number of thousands of digits"
    return text if len(text) <= 200 else f"{text[:200]} ... long"


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The types that a value may have; words that it may be are types as well.

    >>> alternatives(float | None)
    (<class 'float'>, <class 'NoneType'>)
    """
    if getattr(annotation, "__origin__", None) is tuple:
        return (annotation,)
    options = get_args(annotation) or (annotation,)
    nested = (get_args(o) if get_origin(o) is Literal else (o,) for o in options)
    return tuple(option for each in nested for option in each)


def _is_a(value: Any, kind: Any) -> bool:
    if getattr(kind, "__origin__", None) is tuple:
        element = get_args(kind)[0]
        return isinstance(value, tuple) and all(_is_a(v, element) for v in value)
    if kind is float:
        # one that is no float at all would fail where it becomes one
        whole = isinstance(value, int) and abs(value) < 2**1000
        return (whole or isinstance(value, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def did_you_mean(word: Any, known: Any) -> str:
    """A suggestion for a misspelt word, or nothing.

    >>> did_you_mean("betta", ["beta", "seed"])
    ' Did you mean `beta`?'
    >>> did_you_mean("gauss", ["gaussian", "bernoulli"])
    ' Did you mean `gaussian`?'
    """
    text = shown(word)[:80].strip("'")
    close = difflib.get_close_matches(text, list(known), n=1) or _related(text, known)
    return f" Did you mean `{'` or `'.join(close)}`?" if close else ""


def _related(text: str, known: Any) -> list[str]:
    """A few words that hold this one, are held by it, or of which it is a short form.

    >>> _related("cnn", ["mlp", "convolutional", "pixelcnn"])
    ['convolutional', 'pixelcnn']
    """
    low = text.lower()
    if len(low) < 3:
        return []
    words = list(map(str, known))
    found = [
        w for w in words if len(w) > 2 and (low in w or w in low or _short(low, w))
    ]
    return found if len(found) <= MOST_MEANT else []


def _short(text: str, word: str) -> bool:
    """Whether three or four letters stand in this order in a word, the first at its start.

    >>> _short("cnn", "convolutional"), _short("cnn", "linear")
    (True, False)
    """
    rest = iter(word)
    return len(text) <= 4 and word[:1] == text[:1] and all(c in rest for c in text)
