"""What was done of the gallery, in `state.json` of its folder, so that it goes on later."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from experiments._gallery.listing import HERE
from experiments._gallery.records import Page
from vae_jax import __version__, results

DONE, FAILED, STOPPED = "done", "failed", "interrupted"


@dataclass
class Standing:
    """How far one page is.

    Attributes:
        key: of its code and options; another key is another run.
        status: empty until it has ended once.
        minutes: of all its processes together.
        began: when the first of them did, in seconds since 1970.
        results: where it said that its results are.
        message: the last words of a failure.
        published: whether its rows were made the committed ones.
    """

    key: str
    status: str = ""
    minutes: float = 0.0
    began: float = field(default_factory=time.time)
    results: str = ""
    message: str = ""
    published: bool = False

    def is_done(self, published: bool) -> bool:
        """Whether there is nothing left to run.

        >>> Standing("a").is_done(False)
        False
        """
        there = bool(self.results) and Path(self.results).exists()
        return self.status == DONE and there and (self.published or not published)

    def is_measured(self) -> bool:
        """Whether its minutes are those of the whole: no result is older than it."""
        folder = Path(self.results)
        times = [path.stat().st_mtime for path in folder.rglob("*") if path.is_file()]
        return self.status == DONE and bool(times) and min(times) >= self.began - 1


def key_of(page: Page, options: tuple[str, ...]) -> str:
    """Changes with the code of the page, the version of the library, and the options."""
    code = (HERE / f"{page.source}.py").read_text(encoding="utf-8")
    return results.short_hash(
        {"code": code, "version": __version__, "options": [*page.options, *options]}
    )


def load(folder: Path) -> dict[str, Standing]:
    """What stands there; nothing where nothing was begun."""
    path = folder / "state.json"
    if not path.exists():
        return {}
    known = json.loads(path.read_text(encoding="utf-8"))
    return {name: Standing(**one) for name, one in known.items()}


def save(folder: Path, known: Mapping[str, Standing]) -> None:
    """Whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path, new = folder / "state.json", folder / "state.json.new"
    whole = {name: asdict(one) for name, one in known.items()}
    new.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    os.replace(new, path)
