"""Every page of the gallery: run, resumed, drawn again, and told in `README.md`.

Claim: one command makes every figure, row and number of the gallery from its code; what was
    done is not done again, a page that fails does not keep the others from running, and a
    claim that fails stays in the table.
Command: `python -m experiments.gallery` (names of pages, all by default; `--list`;
    `--smoke`: a few steps of each, no claim; `--redraw`: pictures, verdicts and
    `README.md` from the committed rows, no training; `--publish`: rows, pictures and
    `README.md` from this run)
Minutes: those of the pages, `experiments/results/minutes.csv`; `--redraw` one.
Numbers: `experiments/README.md`, which it writes.

Each page runs in a process of its own, one after another, with its own folder of runs. The
state is in `runs/gallery/`, beside what every page said. The same command goes on where it
was interrupted; a page whose code has changed since runs again.
"""

import argparse
import difflib
import importlib
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from experiments import _pages
from experiments._gallery import process, readme, state
from experiments._gallery.blocks import counted, report, verdicts_in
from experiments._gallery.listing import costs, pages
from experiments._gallery.progress import Progress
from experiments._gallery.records import Page
from experiments._gallery.state import DONE, FAILED, STOPPED, Standing


def chosen(names: Sequence[str]) -> list[Page]:
    """The pages of these names, all if there are none.

    Raises:
        ValueError: a name that no page has.
    """
    known = {page.name: page for page in pages()}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known) or sorted(known)
            raise ValueError(f"No page is called {name!r}; there is {', '.join(near)}.")
    return [page for name, page in known.items() if not names or name in names]


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


class Runner:
    """Runs pages one after another, and keeps what was done."""

    def __init__(
        self, asked: Sequence[Page], out: Path, options: argparse.Namespace
    ) -> None:
        """What stands from earlier commands is read.

        Args:
            asked: the pages.
            out: folder of the state.
            options: of the command line: `smoke`, `publish`, `out`.
        """
        self.asked, self.out = asked, out
        self.smoke, self.publish = options.smoke, options.publish
        self.below = options.out
        self.known = state.load(out)
        self.ran: set[str] = set()
        known = costs(asked)
        # a smoke run has nothing to do with what the whole page takes
        minutes = {n: None if self.smoke else one.minutes for n, one in known.items()}
        self.progress = Progress([page.name for page in asked], minutes)
        for page in asked:
            if self.standing(page).is_done(self.publish):
                self.progress.spent[page.name] = self.standing(page).minutes

    def standing(self, page: Page) -> Standing:
        """How far a page is; anew where its code or options have changed."""
        shared = ("--smoke",) if self.smoke else ()
        key = state.key_of(page, shared)
        if page.name not in self.known or self.known[page.name].key != key:
            self.known[page.name] = Standing(key)
        return self.known[page.name]

    def run(self) -> int:
        """All that is not done; the exit status.

        0: all is done; 1: a page failed; 128 and the number of a signal that came.
        """
        with process.catch_signals() as stops:
            for page in self.asked:
                if stops.received:
                    break
                if self.standing(page).is_done(self.publish):
                    print(f"{page.name}: done before, in {self.standing(page).results}")
                else:
                    self.run_one(page, stops)
        self.finish()
        if stops.received:
            print("Interrupted; the same command goes on from here.")
            return 128 + stops.received[0]
        return int(any(self.standing(page).status == FAILED for page in self.asked))

    def run_one(self, page: Page, stops: process.Stops) -> None:
        """One page, to its end or to where it is stopped."""
        own, before = self.standing(page), self.standing(page).minutes
        self.ran.add(page.name)
        self.progress.begin(page.name, before)
        print(self.progress.told())

        def tick() -> None:
            own.minutes = self.progress.minutes()
            state.save(self.out, self.known)
            print(self.progress.told())

        self.out.mkdir(parents=True, exist_ok=True)
        log = self.out / f"{page.name}.log"
        ended = process.run(
            self.arguments(page), log, stops, lambda line: print(f"    {line}"), tick
        )
        own.minutes = self.progress.minutes()
        own.results, own.message = ended.results, ended.last
        own.status = DONE if ended.code == 0 else STOPPED if stops.received else FAILED
        own.published = own.published or (self.publish and own.status == DONE)
        self.progress.end()
        state.save(self.out, self.known)
        if own.status == FAILED:
            print(f"FAILED: {page.name} (exit status {ended.code}): {ended.last}")
            print(f"    all that it said: {log}")

    def arguments(self, page: Page) -> list[str]:
        """What stands after `python -m`."""
        flags = {"--smoke": self.smoke, "--publish": self.publish}
        where = ["--out", str(self.below / page.name)] if self.below else []
        given = [flag for flag, wanted in flags.items() if wanted]
        return [f"experiments.{page.source}", *page.options, *given, *where]

    def finish(self) -> None:
        """The table of all, the report, and what is published of the whole."""
        done = [(page, self.standing(page)) for page in self.asked]
        print(self.table().to_string(index=False))
        ended = [(p, Path(s.results), s.minutes) for p, s in done if s.status == DONE]
        self.out.mkdir(parents=True, exist_ok=True)
        path = self.out / "README.md"
        path.write_text(report(ended, self.out), encoding="utf-8")
        if self.publish:
            whole = [one for one in done if one[1].is_measured()]
            note_minutes({p.name: s.minutes for p, s in whole if p.name in self.ran})
            readme.main()
        print(f"Results: {self.out} (pictures and verdicts: {path})")

    def table(self) -> pd.DataFrame:
        """A row a page."""
        rows = []
        for page in self.asked:
            own = self.standing(page)
            table = verdicts_in(Path(own.results) / "page") if own.results else None
            held = None if table is None else int(table["holds"].sum())
            rows.append(
                {
                    "page": page.name,
                    "status": own.status or "not run",
                    "minutes": f"{own.minutes:.1f}",
                    "hold": "" if held is None else held,
                    "fail": "" if held is None else len(table) - held,
                    "where": own.results or own.message,
                }
            )
        return pd.DataFrame(rows)


def note_minutes(measured: dict[str, float]) -> None:
    """What pages took from their first step to their last, into `minutes.csv`."""
    path = _pages.RESULTS / "minutes.csv"
    known = pd.read_csv(path, dtype=str).set_index("page")
    for name, minutes in measured.items():
        known.loc[name] = {
            "minutes": f"{minutes:.3g}",
            "cores": str(len(os.sched_getaffinity(0))),
            "date": datetime.now(UTC).date().isoformat(),
            "measured": "by the gallery",
        }
    known.sort_index().to_csv(path)


def folder_of(arguments: argparse.Namespace) -> Path:
    """Where the state is: what is named, or one below `runs/` for each kind of run."""
    kind = "gallery-smoke" if arguments.smoke else "gallery"
    return Path(arguments.out) if arguments.out else Path("runs") / kind


def main() -> None:
    """Do what the command line asks for."""
    parser = _pages.drawn_page_parser(__doc__)
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="all by default")
    parser.add_argument("--list", action="store_true", help="what there is")
    arguments = _pages.page_arguments(parser)
    try:
        asked = chosen(arguments.pages)
    except ValueError as error:
        parser.error(str(error))
    if arguments.redraw and arguments.publish:
        parser.error("--redraw draws committed rows, which --publish replaces.")
    if arguments.list:
        show_list(asked)
    elif arguments.redraw:
        sys.exit(int(redraw(asked) > 0))
    else:
        sys.exit(Runner(asked, folder_of(arguments), arguments).run())


if __name__ == "__main__":
    main()
