"""What a person sees of processes on any machine, read from their folder."""

import os

from vae_jax import folders, results, sweeps
from vae_jax.engines._work import Work


class FolderWatch:
    """The table of a sweep whose members are trained elsewhere."""

    def __init__(self, work: Work, shown: bool) -> None:
        """Nothing is known of the folder yet."""
        self._out, self._shown = work.out, shown
        self._steps = {i: c["num_steps"] for i, c in enumerate(work.configs)}
        self._progress: sweeps.Progress | None = None
        self._survey: results.Survey | None = None
        self._done = 0
        self.look()

    def look(self) -> None:
        """Read how far all members are."""
        if not os.path.exists(os.path.join(self._out, "manifest.json")):
            return
        found = folders.status(self._out, self._survey)
        self._survey = found.survey
        members = [one for one in found.members if one.number in self._steps]
        done = sum(one.step for one in members)
        if self._progress is None:
            self._progress = self._begin(members)
        self._progress.heard({one.number: (one.step, one.word) for one in members})
        self._progress.update(max(0, done - self._done))
        self._done = max(done, self._done)

    def say(self, sentence: str) -> None:
        """A line above the table."""
        progress = self._progress or sweeps.Progress(0, self._shown)
        progress.say(sentence)

    def close(self) -> None:
        """Leave the table as it stands."""
        if self._progress is not None:
            self._progress.close()

    def _begin(self, members: list[folders.MemberState]) -> sweeps.Progress:
        groups: dict[int, list[int]] = {}
        for one in members:
            groups.setdefault(one.cohort or 0, []).append(one.number)
        total = sum(self._steps.values())
        progress = sweeps.Progress(total, self._shown, [*groups.values()], self._steps)
        self._done = sum(one.step for one in members)
        progress.begin(self._done)
        return progress
