"""Values of settings and metrics as text, in order, and as JSON."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

NONE = "none"
"""What is shown, and written on the command line, where a setting has no value."""

DIGITS = 4
"""Significant digits of a number that is shown."""

LABELS = {
    "elbo": "ELBO (nats)",
    "rate": "rate, KL (nats)",
    "distortion": "distortion (nats)",
    "nll": "NLL (nats)",
    "perplexity": "perplexity",
    "mutual_information": "MI (nats)",
    "marginal_kl": "marginal KL (nats)",
    "shuffle_gap": "shuffle gap (nats)",
    "active_units": "active units",
    "collapsed_units": "collapsed units",
    "loss": "training loss (nats)",
    "penalised_rate": "penalised rate (nats)",
    "grad_norm": "norm of the gradient",
    "beta": "beta",
}
"""Names of metrics with their units; a column of a program of one's own has its own."""


def label_of(name: str) -> str:
    """What a metric is called.

    >>> label_of("rate"), label_of("my_score")
    ('rate, KL (nats)', 'my_score')
    """
    return LABELS.get(name, name)


def is_number(value: Any) -> bool:
    """Whether a value is a number, and none of yes and no.

    >>> is_number(2.0), is_number(True), is_number("2")
    (True, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_missing(value: Any) -> bool:
    """Whether there is no value.

    >>> is_missing(None), is_missing(float("nan")), is_missing(0)
    (True, True, False)
    """
    return value is None or (isinstance(value, float) and math.isnan(value))


def text_of(value: Any) -> str:
    """A setting as text, equal for equal values alone.

    >>> text_of(1.0), text_of(0.1), text_of(None), text_of(True), text_of([64, 32])
    ('1', '0.1', 'none', 'true', '64, 32')
    """
    if is_missing(value):
        return NONE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, list | tuple):
        return ", ".join(map(text_of, value)) or "[]"
    if isinstance(value, Mapping):
        return json.dumps(dict(value), sort_keys=True)
    return value if isinstance(value, str) else repr(value)


def shown_number(value: Any) -> str:
    """A metric to a few digits.

    >>> shown_number(12.34567), shown_number(3), shown_number(None)
    ('12.35', '3', '–')
    """
    if is_missing(value):
        return "–"
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    return str(value)


def ordered(texts: Iterable[str]) -> list[str]:
    """Each text once: numbers by size, then words as they come, none last.

    >>> ordered(["10", "none", "2", "full", "2"])
    ['2', '10', 'full', 'none']
    """
    each = list(dict.fromkeys(texts))
    place = {text: i for i, text in enumerate(each)}

    def rank(text: str) -> tuple[int, float]:
        if text == NONE:
            return 2, 0
        number = _as_number(text)
        return (1, place[text]) if number is None else (0, number)

    return sorted(each, key=rank)


def _as_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def rounded(value: Any) -> float | int | None:
    """A number to a few digits for a chart; None where there is none that is finite.

    >>> rounded(1.23456), rounded(float("inf")), rounded(7)
    (1.235, None, 7)
    """
    if value is None or not math.isfinite(value):
        return None
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def in_script(value: Any) -> str:
    r"""JSON that is safe between the tags of a script, whatever texts are in it.

    >>> in_script("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda m: f"\\u{ord(m[0]):04x}", text)


def evenly(size: int, most: int) -> list[int]:
    """Places of at most so many of a sequence, evenly spaced, both ends among them.

    >>> evenly(5, 10), evenly(100, 3), evenly(9, 1)
    ([0, 1, 2, 3, 4], [0, 50, 99], [8])
    """
    if size <= most:
        return list(range(size))
    if most < 2:
        return [size - 1] * most
    # halves are rounded up, where Python's `round` takes the even one
    return [int(i * (size - 1) / (most - 1) + 0.5) for i in range(most)]
