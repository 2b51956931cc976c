"""Where a sweep stands when it begins or goes on, in numbers and in sentences."""

from collections import Counter
from collections.abc import Iterable, Sequence

from vae_jax import results
from vae_jax.sweeps.devices._cohorts import Shard
from vae_jax.sweeps.queue._shard import Session


class Finished:
    """The identities of stored members, read again when there are other files."""

    def __init__(self, session: Session) -> None:
        """Nothing is read yet."""
        self._session = session
        self._names: list[str] = []
        self._known: set[str] = set()

    def now(self) -> set[str]:
        """As the folder is at this moment."""
        folder = self._session.out / "shards"
        names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
        if names != self._names:
            self._known = results.finished_members(self._session.out)
            self._names = names
        return self._known


def steps_done(shards: Iterable[Shard], finished: set[str], session: Session) -> int:
    """Member-steps of what is stored."""
    return sum(
        config.num_steps
        for shard in shards
        for member, config in zip(shard.members, shard.configs, strict=True)
        if session.ids[member] in finished & session.wanted
    )


def words_of(finished: set[str], session: Session) -> dict[int, str]:
    """What was said of every member that is stored, by its number."""
    said = results.words_of(session.out) if finished else {}
    numbers = {one: number for number, one in enumerate(session.ids)}
    return {numbers[one]: word for one, word in said.items() if one in numbers}


def tell_missing(finished: set[str], session: Session) -> None:
    """Say that members of a finished run are run anew."""
    when = results.finished_at(session.out)
    lost = len(session.wanted - finished)
    if when is not None and lost:
        session.progress.say(
            f"{lost} members are missing, although all had ended on {when}: a file of "
            f"{session.out / 'shards'} is gone. They are run anew."
        )


def tell_resumed(steps: Sequence[int], session: Session) -> None:
    """Say how many members go on from their checkpoints, and from where."""
    for step, count in sorted(Counter(steps).items()):
        who = "1 member goes" if count == 1 else f"{count} members go"
        session.progress.say(f"{who} on from step {step}.")


def tell_waiting(left: frozenset[str], session: Session) -> bool:
    """Say, once, that others are at work."""
    session.progress.say(
        f"Another process works on {len(left)} members of {session.out}; waiting for it. "
        "Should it end early, they are taken over."
    )
    return True
