"""Curves of members for TensorBoard, written while they train.

The only importer of tensorboard, which needs no TensorFlow: `pip install
'vae_jax[tensorboard]'`.
"""

import os
from pathlib import Path
from typing import Any

from vae_jax.sweeps.seen._chunk import Chunk, OnChunk


def to_tensorboard(folder: str | os.PathLike[str]) -> OnChunk:
    """A function for `on_chunk` that writes a curve a member and metric.

    Each member has a folder `member-NUMBER-IDENTITY` of event files, which `tensorboard
    --logdir folder` shows as a run. Where a run is gone on with, what was written beyond
    the step that it goes on from is hidden, and not shown twice.

    Args:
        folder: made if it is missing.

    Raises:
        ImportError: tensorboard is not installed.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        raise ImportError(
            "`to_tensorboard` needs tensorboard, which is not installed: pip install "
            "'vae_jax[tensorboard]'"
        ) from error
    writers: dict[str, Any] = {}

    def writer_of(chunk: Chunk, i: int) -> Any:
        one = chunk.ids[i]
        if one not in writers:
            name = f"member-{chunk.members[i]:05d}-{one[:12]}"
            writers[one] = EventFileWriter(str(Path(folder).expanduser() / name))
            # a new file: rows of an earlier one from this step on are old
            start = SessionLog(status=SessionLog.START)
            first = int(chunk.steps[0])
            writers[one].add_event(Event(session_log=start, step=first))
        return writers[one]

    def write(chunk: Chunk) -> None:
        for i in range(len(chunk.members) if len(chunk.steps) else 0):
            writer = writer_of(chunk, i)
            for row, step in enumerate(chunk.steps.tolist()):
                values = [
                    Summary.Value(tag=name, simple_value=float(found[i, row]))
                    for name, found in chunk.metrics.items()
                ]
                writer.add_event(Event(summary=Summary(value=values), step=step))
            writer.flush()

    return write
