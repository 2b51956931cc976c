"""Where a user's own files lie is known to the machine, and never written into results.

In the place of an absolute path a folder of results has `<elsewhere>/` and the last name of
the path. What stands for it is kept in the cache of this machine, by what the data are.
"""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vae_jax import results
from vae_jax.configs import Run, to_mapping
from vae_jax.data import cache_folder

ELSEWHERE = "<elsewhere>/"
"""What stands before the last name of a path."""


def stored_config(run: Run) -> dict[str, Any]:
    """The settings of a run as they are stored: plain values without absolute paths.

    >>> stored_config(Run.of(dataset="/data/mine/x.npz"))["dataset"]
    '<elsewhere>/x.npz'
    """
    return {name: _without_place(value) for name, value in to_mapping(run).items()}


def remember_places(run: Run, inputs: Mapping[str, Any]) -> None:
    """Keep, for this machine and user, where the files of a run lie.

    Raises:
        OSError: the cache cannot be written.
    """
    found = _by_name(run)
    if not found:
        return
    path = _file_of(list(found), inputs)
    if path.exists() and json.loads(path.read_text()) == found:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".tmp-{secrets.token_hex(8)}")
    try:
        temporary.write_text(json.dumps(found))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def located(config: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Stored settings with the paths that this machine knows; others stay as stored.

    The files may have changed meanwhile: whoever reads them compares what they hold with
    `inputs`.

    Args:
        config: settings of one member, as they are stored.
        inputs: what else it was made of, as the manifest has it.

    >>> located({"dataset": "digits"}, {})
    {'dataset': 'digits'}
    """
    asked = list(dict.fromkeys(t for v in config.values() for t in _elsewhere(v)))
    path = _file_of(asked, inputs) if asked else None
    if path is None or not path.exists():
        return dict(config)
    known: dict[str, str] = json.loads(path.read_text())
    return {name: _with_place(value, known) for name, value in config.items()}


def _by_name(run: Run) -> dict[str, str]:
    """What is stored of each absolute path, and the path."""
    texts = (t for value in to_mapping(run).values() for t in _texts(value))
    return {_without_place(text): text for text in texts if _is_place(text)}


def _file_of(names: list[str], inputs: Mapping[str, Any]) -> Path:
    known = results.spec_hash({"names": sorted(names), "inputs": dict(inputs)})
    return cache_folder() / "places" / f"{known[:32]}.json"


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str)]


def _is_place(text: str) -> bool:
    return os.path.isabs(text) and bool(text.strip(os.sep))


def _elsewhere(value: Any) -> list[str]:
    return [text for text in _texts(value) if text.startswith(ELSEWHERE)]


def _without_place(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_place(one) for one in value]
    if not isinstance(value, str) or not _is_place(value):
        return value
    slash = os.sep if value.endswith(os.sep) else ""
    return ELSEWHERE + os.path.basename(value.rstrip(os.sep)) + slash


def _with_place(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_with_place(one, known) for one in value]
    return known.get(value, value) if isinstance(value, str) else value
