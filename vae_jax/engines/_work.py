"""What one process does: plain values, which every engine can send."""

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vae_jax import sweeps
from vae_jax.configs import Run, from_mapping, to_mapping


class Work(NamedTuple):
    """The part of a sweep that one process trains.

    Attributes:
        out: folder of the results.
        configs: settings of all members.
        options: of `sweeps.Options`.
        shard: which process of how many.
        devices: virtual CPU devices; one a core where None.
        folder: in which paths of data and modules of the user's own are looked for.

    >>> Work._fields[:2]
    ('out', 'configs')
    """

    out: str
    configs: Sequence[Mapping[str, Any]]
    options: Mapping[str, Any]
    shard: tuple[int, int]
    devices: int | None
    folder: str

    @property
    def name(self) -> str:
        """As `--shard` has it."""
        return f"{self.shard[0]}/{self.shard[1]}"


def divided(
    configs: Sequence[Run],
    out: str | os.PathLike[str],
    options: sweeps.Options,
    workers: int,
    devices: int | None = None,
) -> list[Work]:
    """The parts of a sweep, checked whole before any process is started.

    Args:
        configs: the members.
        out: folder of the results, which all processes see.
        options: how to run; the processes themselves show nothing.
        workers: how many processes there are to be.
        devices: virtual CPU devices of each; one a core where None.

    Raises:
        ValueError: as `sweeps.run` does, before it compiles, or `workers` is not from 1 to
            the number of members.

    >>> import tempfile
    >>> runs = [Run.of(model="linear", seed=seed, num_steps=50) for seed in range(3)]
    >>> parts = divided(runs, tempfile.mkdtemp() + "/run", sweeps.Options(), workers=2)
    >>> [part.name for part in parts]
    ['1/2', '2/2']
    """
    out = Path(out).expanduser().absolute()
    if not 1 <= workers <= len(configs):
        raise ValueError(
            f"`workers` must be from 1 to the number of members, {len(configs)}; got "
            f"{workers}."
        )
    sweeps.check_run(configs, out, options, sweeps.Division(1, workers))
    told = options._replace(progress=False, metrics_file=None)._asdict()
    settings = [to_mapping(config) for config in configs]
    return [
        Work(str(out), settings, told, (number, workers), devices, os.getcwd())
        for number in range(1, workers + 1)
    ]


def carry_out(work: Work) -> int:
    """Train a part in this process.

    Returns:
        0, or 128 + the number of the signal that stopped it, with its state saved.

    Raises:
        Exception: what `sweeps.run` raises.
    """
    if os.path.isdir(work.folder):  # not on a machine that sees the results alone
        os.chdir(work.folder)
        if work.folder not in sys.path:
            sys.path.insert(0, work.folder)
    sweeps.setup_jax(work.devices)
    runs = [from_mapping(config) for config in work.configs]
    options = sweeps.Options(**work.options)
    try:
        sweeps.run(runs, work.out, options, shard=sweeps.Division(*work.shard))
    except sweeps.Interrupted as stopped:
        return int(stopped.code or 0)
    return 0


def guarded(work: Work) -> tuple[int, str]:
    """`carry_out`, with what it raises in words, which every engine can send back."""
    try:
        return carry_out(work), ""
    except Exception as error:
        return 1, in_words(error)


def in_words(error: BaseException) -> str:
    """What a process says of its error: one line where that says what to do.

    >>> in_words(ValueError("`beta` must be at least 0; got -1."))
    '`beta` must be at least 0; got -1.'
    """
    if isinstance(error, ValueError | OSError | RuntimeError) and str(error):
        return str(error)
    return "".join(traceback.format_exception(error)).rstrip()
