"""Which members have no way back: those that diverged, or collapsed beyond return.

At the collapsed point a departure grows as exp(s t), by the escape rate s of the linear
theory (`analytic.escape_rate`), and the rate, which is quadratic in it, as exp(2 s t) until
it is felt. So a member is beyond return when, of an objective that stays what it is,

1. its rate has been below the limit of a collapsed verdict for as many steps as are left,
   so that a departure too small to be seen had as long to grow as it still has; and
2. its rate falls, or rises so slowly, that it is below half the limit at the end. Of a
   sum of exponentials the log is convex, so that it is continued with its slope and its
   bend, as the last three quarters of these steps have them.

Members are looked at after fixed steps, so that who is stopped, and where, depends on no
clock, width or interruption.
"""

import math
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from vae_jax import diagnostics, training
from vae_jax.configs import Run
from vae_jax.sweeps.seen._chunk import BETA, RATE
from vae_jax.sweeps.stored._rows import missing

LOOKS = 20
"""In a run: a member that ended is computed for a twentieth of the steps at most."""

ARRIVED = 0.01
"""Share of its last value within which a setting has arrived; that of
`schedules.check_warmup`."""

PARTS = 4
"""Parts of the steps with a low rate: the mean of each is a point of its course."""

MARGIN = 2.0
"""A rate that would end nearer to the limit is in doubt. A convention: of 288 linear
models and MLPs on digits, of which 112 end collapsed, it leaves 101 to be stopped; without
it there is one more that ends at 0.137 nats."""

LEARNING_RATE = "learning_rate"


def looks_of(run: Run) -> range:
    """The steps after which members are looked at, each the end of a row of history.

    >>> list(looks_of(Run.of(num_steps=100, log_every=25)))
    [25, 50, 75]
    """
    each = -(-(run.num_steps // run.log_every) // LOOKS) * run.log_every
    return range(each, run.num_steps, each)


def check_judged(run: Run, history: Any) -> None:
    """Refuse members of which nothing says that they have collapsed.

    Args:
        run: one of a cohort.
        history: what is recorded of it.

    Raises:
        ValueError: the program records no rate, or the run has too few rows of history.

    >>> check_judged(Run.of(num_steps=100, log_every=20), {"rate": None})
    """
    names = _named(history)
    if RATE not in names:
        raise ValueError(
            f"`stop_hopeless` judges by {RATE!r}, which the program does not record; got "
            f"{sorted(names)}. Return it from the step, in nats, or leave the option out."
        )
    if run.num_steps // run.log_every <= PARTS:
        raise ValueError(
            f"`stop_hopeless` needs more than {PARTS} rows of history, by which it judges; "
            f"got log_every={run.log_every} of num_steps={run.num_steps}. Use a "
            f"`log_every` of {max(1, run.num_steps // LOOKS)}."
        )


def why_hopeless(rate: np.ndarray, settled: int, left: int) -> str | None:
    """Why a member will not return; None where it may.

    Args:
        rate: in nats, a mean of each row of history so far.
        settled: rows before the objective was what it is to the end.
        left: rows to come.

    >>> why_hopeless(np.full(8, 1e-3), settled=2, left=7)
    >>> why_hopeless(np.full(8, 1e-3), settled=2, left=6)
    'its rate was below 0.1 nats in 6 rows of history, and would be 0.001 at the end'
    """
    limit = diagnostics.COLLAPSED_NATS
    above = np.flatnonzero(~(rate < limit))
    first = max(settled, above[-1] + 1 if len(above) else 0)
    low = rate[first:]
    if len(low) < max(left, PARTS):
        return None
    end = _at_end(low, left)
    if not end < limit / MARGIN:
        return None
    return (
        f"its rate was below {limit:g} nats in {len(low)} rows of history, and would be "
        f"{end:.3g} at the end"
    )


def _at_end(low: np.ndarray, left: int) -> float:
    """The rate after so many rows more, if it rises; as it is now where it falls."""
    num = len(low) // PARTS
    tiny = float(np.finfo(np.float32).tiny)
    parts = low[-3 * num :].reshape(3, num).mean(axis=1)
    before, early, late = np.log(np.maximum(parts, tiny)).tolist()
    if late <= early:
        return math.exp(late)
    bend = max(0.0, (late - early) - (early - before)) / num**2
    # from the middle of the last part, at which the slope is half a part's bend larger
    ahead = left + num / 2
    slope = (late - early) / num + bend * num / 2
    return math.exp(min(late + slope * ahead + bend * ahead**2 / 2, 700.0))


def settled_step(hyper: Any, num_steps: int) -> int:
    """The step from which the objective of a run is what it ends with.

    Every setting that has a row of steps is near its last value from there on; a learning
    rate need only rise no more, since a departure grows in proportion to it.

    >>> row = np.array([0.0, 0.5, 1.0, 1.0], np.float32)
    >>> settled_step({"beta": row, "learning_rate": row[::-1]}, 4)
    2
    """
    steps = [0]
    for path, leaf in jax.tree_util.tree_leaves_with_path(hyper):
        row = np.asarray(leaf)
        if not (row.ndim and len(row) == num_steps):
            continue
        name = jax.tree_util.keystr(path[-1:], simple=True)
        rising = np.diff(row, axis=0) > 0
        moves = rising if name == LEARNING_RATE else ~_near(row)
        moving = np.flatnonzero(moves.reshape(len(moves), -1).any(axis=1))
        steps.append(int(moving[-1]) + 1 if len(moving) else 0)
    return max(steps)


def _near(row: np.ndarray) -> np.ndarray:
    """Where a row is near its last entry."""
    found: np.ndarray = np.abs(row - row[-1]) <= ARRIVED * np.abs(row[-1])
    return found


def judged(
    history: Any, first_bad_step: int, hyper: Any, run: Run, step: int
) -> str | None:
    """Why a member goes no further than this step; None where it goes on.

    Args:
        history: of the member.
        first_bad_step: likewise.
        hyper: its settings.
        run: its config.
        step: one of `looks_of(run)`.

    >>> run = Run.of(num_steps=80, log_every=10)
    >>> rows = {"rate": np.array([1.0, 0, 0, 0, 0, 0, 0, 0])}
    >>> [judged(rows, -1, {}, run, step) is None for step in (30, 40, 50)]
    [True, True, False]
    """
    if first_bad_step != training.ALIVE:
        return f"it diverged at step {first_bad_step}"
    names, rows = _named(history), step // run.log_every
    settled = -(-settled_step(hyper, run.num_steps) // run.log_every)
    if BETA in names:
        # of a controller that moves it, as it was found
        moved = np.flatnonzero(~_near(np.asarray(names[BETA])[:rows]))
        settled = max(settled, int(moved[-1]) + 1 if len(moved) else 0)
    rate = np.asarray(names[RATE], np.float64)[:rows]
    return why_hopeless(rate, settled, run.num_steps // run.log_every - rows)


def with_stop(row: Mapping[str, Any], why: str | None, step: int) -> dict[str, Any]:
    """The row of a member, with where it was stopped, and why; None if it was not.

    >>> row = {"status": "finished", "history/step": [5, 10], "history/rate": [0.0, 0.0]}
    >>> stopped = with_stop(row, "no rate", 5)
    >>> stopped["status"], stopped["stopped_at"], stopped["history/rate"]
    ('stopped', 5, [0.0, nan])
    >>> with_stop(row, None, 10)["status"]
    'finished'
    """
    none = {"stopped_at": missing(np.int64(0)), "stopped_because": ""}
    if why is None or row["status"] != "finished":
        return {**row, **none}
    to_come = np.asarray(row["history/step"]) > step
    history = {}
    for name, values in row.items():
        if name.startswith("history/") and name != "history/step":
            kept = np.array(values, np.float64)
            kept[to_come] = np.nan
            history[name] = kept.tolist()
    said = {"status": "stopped", "stopped_at": step, "stopped_because": why}
    return {**row, **history, **said}


def _named(history: Any) -> Mapping[str, Any]:
    """What is recorded, by name."""
    named: Mapping[str, Any] = history if isinstance(history, Mapping) else {}
    return history._asdict() if hasattr(history, "_asdict") else named
