"""The betas of a schedule of the user's own, at every step of a run."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from vae_jax.configs import Run
from vae_jax.records import attempt


def check_betas(run: Run) -> None:
    """Refuse a schedule that gives no beta of at least 0 at every step.

    Raises:
        ValueError: names the schedule, the value and the step.

    >>> check_betas(Run())
    """
    mine = [one for one in (run.beta, *run.remedies) if one.is_own]
    if not mine:
        return
    names = " with ".join(f"`{one.choice}` {one.chosen_name}" for one in mine)
    schedule = run.schedule()
    values = _values(schedule, run.num_steps, f"what {names} returns")
    if values.shape not in ((), (run.num_steps,)):
        raise ValueError(
            f"{names} must give one beta a step, of shape ({run.num_steps},) for the array "
            f"of all {run.num_steps} steps; got shape {values.shape}."
        )
    wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(wrong):
        step = int(wrong[0])
        raise ValueError(
            f"{names} must give a beta that is finite and at least 0 at every step; got "
            f"{float(values.flat[step]):g} at step {step}."
        )


def _values(schedule: Any, num_steps: int, what: str) -> np.ndarray:
    steps = "all steps in one array, for which jnp.where chooses,"

    def called() -> np.ndarray:
        return np.asarray(schedule(jnp.arange(num_steps)), np.float32)

    return attempt(called, what, steps)  # type: ignore[no-any-return]
