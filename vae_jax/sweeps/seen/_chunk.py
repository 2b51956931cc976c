"""What may be seen of members while they train: the rows of history of a chunk of steps."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from vae_jax import diagnostics, training

LOSS, RATE, BETA = "loss", "rate", "beta"


class Chunk(NamedTuple):
    """Steps that members have made together.

    Attributes:
        members: their numbers.
        ids: their identities.
        step: updates made so far.
        steps: at which the rows of this chunk end, each a mean over `log_every` steps;
            there may be none in a chunk.
        metrics: of those rows, by name, members by rows; NaN of a member that diverged.

    >>> Chunk((0,), ("ab",), 10, np.array([10]), {"loss": np.ones((1, 1))}).step
    10
    """

    members: tuple[int, ...]
    ids: tuple[str, ...]
    step: int
    steps: np.ndarray
    metrics: dict[str, np.ndarray]


OnChunk = Callable[[Chunk], Any]
"""What is called with every chunk; what it returns is not looked at."""


def chunk_of(
    carry: training.Carry,
    members: Sequence[int],
    ids: Sequence[str],
    log_every: int,
    first: int,
    last: int,
) -> Chunk:
    """The rows that end in the steps from `first` to `last`.

    >>> class Info(NamedTuple):
    ...     loss: Any
    >>> carry = training.Carry((), Info(np.arange(4.0)[None]), np.array([-1]))
    >>> chunk_of(carry, [0], ["ab"], 10, 15, 35).steps.tolist()
    [20, 30]
    """
    rows = slice(first // log_every, last // log_every)
    found = training.recorded(carry, log_every)
    metrics = {
        name: np.array(values[: len(members), rows], np.float64)
        for name, values in found._asdict().items()
        if np.ndim(values) == 2
    }
    steps = np.arange(rows.start + 1, rows.stop + 1) * log_every
    return Chunk(tuple(members), tuple(ids), last, steps, metrics)


def in_short(chunk: Chunk) -> str:
    """Means of the last row over the members that have it, and how many have no rate.

    A rate bounds what the code says of the data, so that below the limit of a collapsed
    verdict the member has collapsed, whatever else is measured of it.

    >>> metrics = {"loss": np.ones((2, 1)), "rate": np.array([[0.0], [3.0]])}
    >>> in_short(Chunk((0, 1), ("a", "b"), 10, np.array([10]), metrics))
    'loss 1, rate 1.5, 1 of 2 collapsed'
    """
    if not len(chunk.steps):
        return ""
    last = {name: values[:, -1] for name, values in chunk.metrics.items()}
    words = []
    for name in (LOSS, RATE, BETA):
        known = last.get(name, np.empty(0))
        known = known[np.isfinite(known)]
        # a mean over members whose betas differ is the beta of none
        if len(known) and not (name == BETA and np.ptp(known) > 1e-6 * abs(known[0])):
            words.append(f"{name} {known.mean():.4g}")
    if RATE in last:
        collapsed = int((last[RATE] < diagnostics.COLLAPSED_NATS).sum())
        words.append(f"{collapsed} of {len(chunk.members)} collapsed")
    if lost := int(np.isnan(next(iter(last.values()))).sum()):
        words.append(f"{lost} diverged")
    return ", ".join(words)
