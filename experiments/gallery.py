"""Every page of the gallery: run, resumed, drawn again, and told in `README.md`.

Claim: one command makes every figure, row and number of the gallery from its code; what was
    done is not done again, a page that fails does not keep the others from running, and a
    claim that fails stays in the table.
Command: `python -m experiments.gallery` (names of pages, by default all but the full grid;
    `--list`; `--smoke`: a few steps of each, no claim; `--redraw`: pictures, verdicts and
    `README.md` from the committed rows, no training; `--publish`: rows, pictures and
    `README.md` from this run; `--at-once N`: pages beside each other)
Minutes: those of the pages and of all, `experiments/results/minutes.csv`; `--redraw` one.
Numbers: `experiments/README.md`, which it writes.

Each page runs in a process of its own, two beside each other on CPU, a half of the cores
each, with its own folder of runs. The state is in `runs/gallery/`, beside what every page
said. The same command goes on where it was interrupted; a page whose code has changed since
runs again.
"""

import argparse
import difflib
import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from experiments import _pages
from experiments._gallery import readme
from experiments._gallery.blocks import counted, verdicts_in
from experiments._gallery.listing import costs, pages
from experiments._gallery.records import Page
from experiments._gallery.runner import Runner


def chosen(names: Sequence[str], trained: bool = False) -> list[Page]:
    """The pages of these names, all if there are none.

    Args:
        names: of pages.
        trained: leave out what is trained only where it is named.

    Raises:
        ValueError: a name that no page has.
    """
    known = {page.name: page for page in pages()}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known) or sorted(known)
            raise ValueError(f"No page is called {name!r}; there is {', '.join(near)}.")
    if names:
        return [page for name, page in known.items() if name in names]
    return [page for page in known.values() if not (trained and page.named)]


def show_list(asked: Sequence[Page]) -> None:
    """What there is, what it takes, and what came of it."""
    known = costs(asked)
    rows = [
        {
            "page": page.name,
            "minutes": known[page.name].words,
            "verdicts": counted(verdicts_in(_pages.RESULTS / page.name)),
            "about": page.title,
        }
        for page in asked
    ]
    print(pd.DataFrame(rows).to_string(index=False))


def redraw(asked: Sequence[Page]) -> int:
    """Pictures and verdicts from committed rows, then `README.md`; how many failed."""
    failed, began = 0, time.monotonic()
    for number, page in enumerate(asked, start=1):
        print(f"[{number}/{len(asked)}] {page.name}")
        if not (_pages.RESULTS / page.name).exists():
            print("    never published: there are no rows to draw")
            continue
        try:
            redraw_one(page)
        except (Exception, SystemExit) as error:
            failed += 1
            print(f"FAILED: {page.name}: {type(error).__name__}: {error}")
    readme.main()
    print(f"Redrawn in {time.monotonic() - began:.0f} seconds.")
    return failed


def redraw_one(page: Page) -> None:
    """In this process: importing JAX for each would take longer than all the pictures."""
    before = sys.argv
    sys.argv = [page.source, *page.options, "--redraw"]
    try:
        importlib.import_module(f"experiments.{page.source}").main()
    finally:
        sys.argv = before


def folder_of(arguments: argparse.Namespace) -> Path:
    """Where the state is: what is named, or one below `runs/` for each kind of run."""
    kind = "gallery-smoke" if arguments.smoke else "gallery"
    return Path(arguments.out) if arguments.out else Path("runs") / kind


def main() -> None:
    """Do what the command line asks for."""
    parser = _pages.drawn_page_parser(__doc__)
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="all by default")
    parser.add_argument("--list", action="store_true", help="what there is")
    parser.add_argument(
        "--at-once",
        type=int,
        metavar="N",
        help="pages beside each other, each on its share of the cores; 2 on CPU, 1 on a "
        "GPU or TPU, which one process fills",
    )
    arguments = _pages.page_arguments(parser)
    try:
        trained = not (arguments.list or arguments.redraw)
        asked = chosen(arguments.pages, trained)
    except ValueError as error:
        parser.error(str(error))
    if arguments.redraw and arguments.publish:
        parser.error("--redraw draws committed rows, which --publish replaces.")
    if arguments.list:
        show_list(asked)
    elif arguments.redraw:
        sys.exit(int(redraw(asked) > 0))
    else:
        out, is_all = folder_of(arguments), not arguments.pages
        try:
            runner = Runner(asked, out, arguments, is_all)
        except ValueError as error:
            parser.error(str(error))
        sys.exit(runner.run())


if __name__ == "__main__":
    main()
