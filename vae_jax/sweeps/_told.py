"""What is said of a run as a whole: its data, its cores, and that it had ended."""

from collections.abc import Sequence
from pathlib import Path

from vae_jax import assembly, results
from vae_jax.configs import Run
from vae_jax.data import Dataset, described
from vae_jax.records import ask
from vae_jax.sweeps._identity import Inputs, data_digest
from vae_jax.sweeps._options import Options
from vae_jax.sweeps._progress import Progress
from vae_jax.sweeps._setup import num_cores


def tell_data(
    out: Path, configs: Sequence[Run], inputs: Sequence[Inputs], options: Options
) -> None:
    """Say of every data set what was read, and write what members need to know of it.

    They can be used where the data are gone.
    """
    of = {data_digest(found): run for run, found in zip(configs, inputs, strict=True)}
    said = []
    for digest, run in of.items():
        dataset: Dataset = ask(run.data.load, Dataset)
        known = assembly.about(dataset)
        results.keep_about(out, digest, assembly.about_as_json(known))
        said.append(described(dataset))
    for sentence in dict.fromkeys(said):
        Progress(0, options.progress).say(sentence)


def tell_idle(options: Options) -> None:
    """Say that cores are left idle, and how to use them."""
    Progress(0, options.progress).say(
        f"JAX has started with one device, and {num_cores()} cores are here: call "
        "`sweeps.setup_jax()` before anything else to use them all."
    )


def tell_finished(out: Path, configs: Sequence[Run], options: Options) -> None:
    """Say that nothing was trained, and when it was."""
    when = results.finished_at(out)
    ended = f", the last on {when}" if when else ""
    Progress(0, options.progress).say(
        f"Nothing was trained: all of {len(configs)} members had ended{ended}."
    )


def tell_room(width: int, fitting: int, options: Options) -> None:
    """Say that fewer members are resident than were asked for, and why."""
    Progress(0, options.progress).say(
        f"Of {width} members at once (--width) the memory that is free has room for "
        f"{fitting}: so many train at a time."
    )
