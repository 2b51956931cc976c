"""The rows of `lagging_point`, and what is reckoned of them, without JAX."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

WAYS = {"joint": "basic", "aggressive": "aggressive"}
"""Settings of `inference`, and what the page calls them."""
LIFTED = 0.2
"""Standard deviation over the sentences of a mean that moves with x: that of page
`lagging_inference`."""
DRAWN_LOOPS = 5
"""The paper's Figure 3 draws the inner loops of the sixth to the tenth step."""


class Means(NamedTuple):
    """Of one run: before every step, `(steps, sentences)`.

    Attributes:
        model: mean of the true posterior.
        encoder: mean of the approximate one.

    >>> Means._fields
    ('model', 'encoder')
    """

    model: np.ndarray
    encoder: np.ndarray


def path_of(runs: pd.DataFrame, moments: Mapping[str, tuple[int, ...]]) -> pd.DataFrame:
    """A row a run, sentence and moment: both means."""
    parts = []
    for run in runs.to_dict("records"):
        way = WAYS[run["inference"]]
        model, encoder = (
            np.stack(list(map(np.asarray, run[f"snapshots/{name}"])))
            for name in Means._fields
        )
        steps = steps_of(run, moments[way])
        at, point = np.indices(model.shape)
        fields: dict[str, Any] = {"training": way, "seed": run["seed"]}
        fields |= {"point": point.ravel(), "step": np.asarray(steps)[at.ravel()]}
        fields |= {"model": model.ravel(), "encoder": encoder.ravel()}
        parts.append(pd.DataFrame(fields))
    return pd.concat(parts, ignore_index=True)


def checks_of(
    runs: pd.DataFrame, moments: Mapping[str, tuple[int, ...]]
) -> pd.DataFrame:
    """A row a run and moment: its KL in nats, and the mass on the edge of the grid."""
    parts = [
        pd.DataFrame(
            {
                "training": WAYS[run["inference"]],
                "seed": run["seed"],
                "step": steps_of(run, moments[WAYS[run["inference"]]]),
                "rate": run["snapshots/rate"],
                "edge": run["snapshots/edge"],
            }
        )
        for run in runs.to_dict("records")
    ]
    return pd.concat(parts, ignore_index=True)


def steps_of(run: Mapping[Any, Any], moments: tuple[int, ...]) -> list[int]:
    """When a run was observed: at the moments before its end, and there.

    >>> steps_of({"num_steps": 3}, (0, 2, 4))
    [0, 2, 3]
    """
    steps = int(run["num_steps"])
    return [*(step for step in moments if step < steps), steps]


def means_of(path: pd.DataFrame, way: str) -> dict[int, Means]:
    """Of every seed of a way of training."""
    own = path[path["training"] == way]
    found = {}
    for seed in sorted(set(own["seed"])):
        rows = own[own["seed"] == seed]
        model, encoder = (
            rows.pivot(index="step", columns="point", values=name).to_numpy()
            for name in Means._fields
        )
        found[int(seed)] = Means(model, encoder)
    return found


def take_off(means: Means) -> int | None:
    """The first step whose inner loop makes the encoder's mean move with x, from 0.

    None where there is none.

    >>> still, moved = np.zeros((2, 2)), np.array([[0.0, 0.0], [-1.0, 1.0]])
    >>> take_off(Means(moved, moved)), take_off(Means(moved, still))
    (0, None)
    """
    lifted = np.flatnonzero(means.encoder[1:].std(axis=1) > LIFTED)
    return int(lifted[0]) if len(lifted) else None


def loops_of(means: Means) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every inner loop from the take-off on: gap before, move, and gap after it.

    The loop before step t moves the encoder's mean from that before step t to that before
    step t + 1, which the decoder's step leaves alone; the true posterior waits meanwhile.
    """
    start = take_off(means) or 0
    opened = (means.model - means.encoder)[start:-1]
    move = np.diff(means.encoder, axis=0)[start:]
    return opened, move, opened - move


def vertical_share(means: Means, start: int = 0) -> float:
    """The encoder's part of the path, lengths of all sentences summed.

    >>> round(vertical_share(Means(np.array([[0.0], [3.0]]), np.array([[0.0], [1.0]]))), 9)
    0.25
    """
    model, encoder = (np.abs(np.diff(one[start:], axis=0)).sum() for one in means)
    return float(encoder / max(model + encoder, np.finfo(float).tiny))


def gaps_of(path: pd.DataFrame) -> pd.DataFrame:
    """Aggressive, a row a seed and step: distance from the diagonal around its loop."""
    parts = []
    for seed, (model, encoder) in means_of(path, "aggressive").items():
        opened = np.abs(model - encoder)[:-1].mean(axis=1)
        left = np.abs(model[:-1] - encoder[1:]).mean(axis=1)
        part = pd.DataFrame({"seed": seed, "step": np.arange(len(left))})
        parts.append(part.assign(opened=opened, left=left))
    return pd.concat(parts, ignore_index=True)


def spreads_of(path: pd.DataFrame) -> pd.DataFrame:
    """Basic, a row a seed and step: standard deviation over sentences of both means."""
    own = path[path["training"] == "basic"]
    groups = own.groupby(["seed", "step"])[list(Means._fields)]
    return groups.std(ddof=0).reset_index()


def shown_of(path: pd.DataFrame) -> tuple[int, tuple[int, int], list[int]]:
    """What is drawn: a seed, the steps of five of its loops, and three sentences.

    The first seed whose encoder takes off, from there on; if none does, the last loops of
    the first seed. The sentences are those whose true mean is the least, the middle and the
    largest at the end of these steps.
    """
    found = means_of(path, "aggressive")
    off = [seed for seed, means in found.items() if take_off(means) is not None]
    seed = off[0] if off else min(found)
    means = found[seed]
    steps = len(means.model) - 1
    start = take_off(means) if off else None
    first = max(0, steps - DRAWN_LOOPS) if start is None else start
    last = min(first + DRAWN_LOOPS, steps)
    order = np.argsort(means.model[last])
    points = [int(order[i]) for i in (0, len(order) // 2, len(order) - 1)]
    return seed, (first, last), points
