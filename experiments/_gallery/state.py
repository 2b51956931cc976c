"""What was done of the gallery, kept in `gallery.json` of its folder."""

import ast
import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from experiments._gallery.listing import HERE
from experiments._gallery.records import Page
from vae_jax import __version__, results

DONE, FAILED, STOPPED = "done", "failed", "interrupted"
FILE = "gallery.json"


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
    code: dict[str, str] = {}
    read_code(f"experiments.{page.source}", code)
    return results.short_hash(
        {"code": code, "version": __version__, "options": [*page.options, *options]}
    )


def read_code(module: str, known: dict[str, str]) -> None:
    """Add the text of a module of the experiments, and of all of them that it imports.

    Args:
        module: its name; other packages, and names that are no module, are passed over.
        known: texts by name.
    """
    package, _, below = module.partition(".")
    path = HERE.joinpath(*below.split(".")).with_suffix(".py")
    if package != "experiments" or module in known or not path.exists():
        return
    known[module] = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(known[module])):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in (node.module, *(f"{node.module}.{n.name}" for n in node.names)):
                read_code(name, known)


@dataclass
class State:
    """How far the whole is.

    Attributes:
        minutes: by the clock, of all commands together.
        pages: by name.
    """

    minutes: float = 0.0
    pages: dict[str, Standing] = field(default_factory=dict)


def load(folder: Path) -> State:
    """What stands there; nothing where nothing was begun."""
    path = folder / FILE
    if not path.exists():
        return State()
    known = json.loads(path.read_text(encoding="utf-8"))
    pages = {name: Standing(**one) for name, one in known["pages"].items()}
    return State(known["minutes"], pages)


def save(folder: Path, state: State) -> None:
    """Whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path, new = folder / FILE, folder / f"{FILE}.new"
    new.write_text(json.dumps(asdict(state), indent=1) + "\n", encoding="utf-8")
    os.replace(new, path)
