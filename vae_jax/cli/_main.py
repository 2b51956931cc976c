"""Parse the command, say what is wrong with it in one line, or run it."""

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from vae_jax import checkpoints, results
from vae_jax.cli import _diagnose, _doctor, _forecast, _train

COMMANDS: dict[str, Callable[..., Any]] = {
    "train": _train.train,
    "sweep": _train.sweep,
    "diagnose": _diagnose.diagnose,
    "forecast": _forecast.forecast,
    "doctor": _doctor.doctor,
}

EXPLAINED = (
    ValueError,
    OSError,
    checkpoints.DamagedCheckpoint,
    checkpoints.ForeignCheckpoint,
    results.DamagedFile,
    results.ForeignFile,
    results.VersionChanged,
)

REFUSED = 2
"""Exit code of a command that cannot be carried out as given."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; bad input ends with one line and exit code 2.

    What stands for a mistake of the user, or for a damaged or foreign folder, has a text
    that says what to do; anything else is a defect and shows its traceback.
    """
    warnings.simplefilter("once")
    try:
        tyro.extras.subcommand_cli_from_dict(
            COMMANDS,
            prog="vae-jax",
            description="Understand and cure posterior collapse.",
            args=list(sys.argv[1:] if arguments is None else arguments),
        )
    except EXPLAINED as error:
        print(f"vae-jax: {error}", file=sys.stderr)
        raise SystemExit(REFUSED) from error
