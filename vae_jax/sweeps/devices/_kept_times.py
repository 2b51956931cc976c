"""Measured times of this machine, kept beside the compiled programs of later runs."""

import json
import math
import secrets
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from vae_jax import results
from vae_jax.data import cache_folder
from vae_jax.sweeps.devices._strategy import Strategy

Times = dict[Strategy, float]
"""Seconds of a step of all members by each strategy."""


def times_file(question: Mapping[str, Any]) -> Path:
    """Where the answer to a question is kept.

    >>> times_file({"width": 64}).parent.name
    'strategies'
    """
    return cache_folder() / "strategies" / f"{results.short_hash(question)}.json"


def read_times(question: Mapping[str, Any]) -> Times | None:
    """What was measured; None where nothing was, or where it is not to be believed.

    >>> read_times({"never": "asked"}) is None
    True
    """
    path = times_file(question)
    try:
        return _answer(json.loads(path.read_text()), question)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        warnings.warn(
            f"{path}, the times of `vmap` and `lax.map`, is not used and is measured "
            f"again: {error}",
            stacklevel=2,
        )
        return None


def keep_times(question: Mapping[str, Any], times: Times) -> None:
    """Keep them for later runs, which measure again where that is not possible."""
    path = times_file(question)
    content = {"question": dict(question), "seconds": dict(times)}
    whole = json.dumps(content | {"sha256": results.spec_hash(content)})
    temporary = path.with_name(f".tmp-{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(whole)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        warnings.warn(f"{path} cannot be kept: {error}", stacklevel=2)


def _answer(kept: Any, question: Mapping[str, Any]) -> Times:
    """The times of a file that is what was written, for this question.

    Raises:
        ValueError: it is not, or holds no times.
    """
    if not isinstance(kept, dict) or "sha256" not in kept:
        raise ValueError("it has no SHA-256")
    content = {name: value for name, value in kept.items() if name != "sha256"}
    if kept["sha256"] != results.spec_hash(content):
        raise ValueError("it does not match its SHA-256")
    if content.get("question") != json.loads(json.dumps(dict(question))):
        raise ValueError("it answers another question")
    seconds = content.get("seconds", {})
    times: Times = {name: seconds.get(name, math.nan) for name in get_args(Strategy)}
    if not all(math.isfinite(time) and time > 0 for time in times.values()):
        raise ValueError(f"its times are none: {seconds}")
    return times
