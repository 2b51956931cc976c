"""How far the saves of members are, from their records alone."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

_SAVE = re.compile(r"step-(\d{8,})\.\d+")


class SaveFound(NamedTuple):
    """A save by its record, whose arrays were not read.

    Attributes:
        path: its folder.
        step: the step that was saved.
        members: identities of those that it holds.
    """

    path: Path
    step: int
    members: tuple[str, ...]


def saves_in(folder: Path) -> Iterator[SaveFound | Path]:
    """Every save below a folder; of one whose record is no record its path.

    >>> list(saves_in(Path("no/such/folder")))
    []
    """
    for path in sorted(folder.glob("*/step-*")):
        match = _SAVE.fullmatch(path.name)
        if match is None:
            continue
        try:
            content: Any = json.loads((path / "record.json").read_bytes())
            members = tuple(map(str, content["record"]["metadata"]["members"]))
        except (ValueError, KeyError, TypeError, FileNotFoundError):
            if path.exists():  # else it was dropped for a newer one meanwhile
                yield path
            continue
        yield SaveFound(path, int(match[1]), members)
