"""Curves of members for Weights & Biases, written while they train.

The only importer of wandb: `pip install 'vae_jax[wandb]'`.
"""

import os
from typing import Any, Literal

from vae_jax.sweeps.seen._chunk import Chunk, OnChunk


def to_wandb(
    project: str,
    folder: str | os.PathLike[str] = ".",
    mode: Literal["offline", "online"] = "offline",
) -> OnChunk:
    """A function for `on_chunk` that logs a run a member.

    A run has the first 12 digits of the member's identity for its id, so that it goes on
    when the member does.

    Args:
        project: of the runs.
        folder: in which wandb makes its own, `wandb`.
        mode: offline runs are sent later, by `wandb sync`.

    Raises:
        ImportError: wandb is not installed.
    """
    try:
        import wandb
    except ImportError as error:
        raise ImportError(
            "`to_wandb` needs wandb, which is not installed: pip install 'vae_jax[wandb]'"
        ) from error
    runs: dict[str, Any] = {}

    def run_of(chunk: Chunk, i: int) -> Any:
        one = chunk.ids[i]
        if one not in runs:
            runs[one] = wandb.init(
                project=project,
                dir=os.fspath(folder),
                mode=mode,
                id=one[:12],
                name=f"member {chunk.members[i]}",
                resume="allow",
                reinit="create_new",
            )
        return runs[one]

    def log(chunk: Chunk) -> None:
        for i in range(len(chunk.members) if len(chunk.steps) else 0):
            run = run_of(chunk, i)
            for row, step in enumerate(chunk.steps.tolist()):
                found = {name: float(v[i, row]) for name, v in chunk.metrics.items()}
                run.log(found, step=step)

    return log
