"""Runs pages, some beside each other, and keeps what was done.

The longest begins first, so that none is left over at the end.
"""

import argparse
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from experiments import _pages
from experiments._gallery import cores, process, readme, state
from experiments._gallery.blocks import report, verdicts_in
from experiments._gallery.listing import WHOLE, costs
from experiments._gallery.progress import Progress
from experiments._gallery.records import Page
from experiments._gallery.state import DONE, FAILED, STOPPED, Standing


class Runner:
    """One command's work, shared by a thread for each page that runs at a time."""

    def __init__(
        self,
        asked: Sequence[Page],
        out: Path,
        options: argparse.Namespace,
        is_all: bool = False,
    ) -> None:
        """What stands from earlier commands is read.

        Args:
            asked: the pages.
            out: folder of the state.
            options: of the command line: `smoke`, `publish`, `out`, `at_once`.
            is_all: they are all that run where none is named.

        Raises:
            ValueError: `at_once` is not what the cores of this process allow.
        """
        self.asked, self.out, self.is_all = asked, out, is_all
        self.smoke, self.publish = options.smoke, options.publish
        self.below = options.out
        self.shares = cores.shares(options.at_once or cores.default_number())
        self.known = state.load(out)
        self.ran: set[str] = set()
        known = costs(asked)
        # a smoke run has nothing to do with what the whole page takes
        minutes = {n: None if self.smoke else one.minutes for n, one in known.items()}
        names = [page.name for page in asked]
        self.progress = Progress(names, minutes, len(self.shares), self.known.minutes)
        for page in asked:
            if self.standing(page).is_done(self.publish):
                self.progress.spent[page.name] = self.standing(page).minutes
        self.waiting = self.in_order()
        # whoever looks for a page, begins one, or notes how far it is
        self.turn = threading.Condition()

    def in_order(self) -> list[Page]:
        """What is not done, the longest first; of equal ones as they are listed."""
        left = [page for page in self.asked if page.name not in self.progress.spent]
        longest = max(filter(None, self.progress.expected.values()), default=0.0)
        return sorted(left, key=lambda p: -(self.progress.expected[p.name] or longest))

    def standing(self, page: Page) -> Standing:
        """How far a page is; anew where its code or options have changed."""
        shared = ("--smoke",) if self.smoke else ()
        key, pages = state.key_of(page, shared), self.known.pages
        if page.name not in pages or pages[page.name].key != key:
            pages[page.name] = Standing(key)
        return pages[page.name]

    def run(self) -> int:
        """All that is not done; the exit status.

        0: all is done; 1: a page failed; 128 and the number of a signal that came.
        """
        for page in self.asked:
            if page.name in self.progress.spent:
                print(f"{page.name}: done before, in {self.standing(page).results}")
        with (
            process.catch_signals() as stops,
            ThreadPoolExecutor(len(self.shares)) as pool,
        ):
            work = [pool.submit(self.work, share, stops) for share in self.shares]
            for one in work:
                one.result()
        self.finish()
        if stops.received:
            print("Interrupted; the same command goes on from here.")
            return 128 + stops.received[0]
        return int(any(self.standing(page).status == FAILED for page in self.asked))

    def work(self, share: list[int], stops: process.Stops) -> None:
        """Pages one after another, on cores of their own, while there are any."""
        if len(self.shares) > 1:
            cores.keep_to(share)
        while page := self.next_page(stops):
            try:
                self.run_one(page, stops)
            finally:
                self.leave(page)

    def next_page(self, stops: process.Stops) -> Page | None:
        """The next whose runs to go on from are there; None where none is to begin."""
        with self.turn:
            while self.waiting and not stops.received:
                before = {page.name for page in self.waiting} | {*self.progress.running}
                ready = [page for page in self.waiting if page.after not in before]
                if ready:
                    self.waiting.remove(ready[0])
                    self.progress.begin(ready[0].name, self.standing(ready[0]).minutes)
                    return ready[0]
                self.turn.wait()
        return None

    def run_one(self, page: Page, stops: process.Stops) -> None:
        """One page, to its end or to where it is stopped."""
        own = self.standing(page)
        self.ran.add(page.name)
        several = len(self.shares) > 1
        self.note(page, own)

        def say(line: str) -> None:
            print(f"    {page.name}: {line}" if several else f"    {line}")

        self.out.mkdir(parents=True, exist_ok=True)
        log = self.out / f"{page.name}.log"
        ended = process.run(
            self.arguments(page), log, stops, say, lambda: self.note(page, own)
        )
        own.results, own.message = ended.results, ended.last
        own.status = DONE if ended.code == 0 else STOPPED if stops.received else FAILED
        own.published = own.published or (self.publish and own.status == DONE)
        if own.status == FAILED:
            print(f"FAILED: {page.name} (exit status {ended.code}): {ended.last}")
            print(f"    all that it said: {log}")

    def note(self, page: Page, own: Standing) -> None:
        """Keep how far a page and the whole are, and say it."""
        with self.turn:
            own.minutes = self.progress.minutes(page.name)
            self.known.minutes = self.progress.whole()
            state.save(self.out, self.known)
            print(self.progress.told(page.name))

    def leave(self, page: Page) -> None:
        """Keep how a page has ended; whoever waits for it looks again."""
        with self.turn:
            self.standing(page).minutes = self.progress.minutes(page.name)
            self.known.minutes = self.progress.whole()
            self.progress.end(page.name)
            self.turn.notify_all()
            state.save(self.out, self.known)

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
            whole = {p.name: s.minutes for p, s in done if s.is_measured()}
            note_minutes({n: m for n, m in whole.items() if n in self.ran}, self.shares)
            if self.is_all and self.ran and len(whole) == len(done):
                note_minutes({WHOLE: self.known.minutes}, [sum(self.shares, [])])
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


def note_minutes(measured: dict[str, float], shares: Sequence[Sequence[int]]) -> None:
    """What pages took from their first step to their last, into `minutes.csv`.

    Args:
        measured: minutes by the name of the page.
        shares: the cores of each page that ran at a time.
    """
    path = _pages.RESULTS / "minutes.csv"
    known = pd.read_csv(path, dtype=str).set_index("page")
    for name, minutes in measured.items():
        known.loc[name] = {
            "minutes": f"{minutes:.3g}",
            "cores": str(len(shares[0]) or os.cpu_count()),
            "date": datetime.now(UTC).date().isoformat(),
            "measured": "by the gallery",
        }
    known.sort_index().to_csv(path)
