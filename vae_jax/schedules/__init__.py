"""What a weight is at every step: schedules, `step -> value`, and feedback controllers.

Both are traceable and have no hidden counters: a controller's memory is its state.
"""

from vae_jax.schedules._compose import (
    check_warmup,
    join,
    steps_from_epochs,
    tabulate,
)
from vae_jax.schedules._controller import Controller
from vae_jax.schedules._cyclical import cyclical
from vae_jax.schedules._geco import geco
from vae_jax.schedules._minimum_rate import dual_ascent
from vae_jax.schedules._ramps import constant, cosine, linear, sigmoid, tanh
from vae_jax.schedules._records import (
    BetaSchedule,
    Constant,
    Cosine,
    Cyclical,
    Linear,
    Ramp,
    Sigmoid,
    Stages,
    Tanh,
    WarmRestarts,
)
from vae_jax.schedules._retimed import delay, staircase, warm_restarts
from vae_jax.schedules._target_rate import control_vae, target_rate

__all__ = [
    "BetaSchedule",
    "Constant",
    "Cosine",
    "Cyclical",
    "Linear",
    "Ramp",
    "Sigmoid",
    "Stages",
    "Tanh",
    "WarmRestarts",
    "Controller",
    "check_warmup",
    "constant",
    "control_vae",
    "cosine",
    "cyclical",
    "delay",
    "dual_ascent",
    "geco",
    "join",
    "linear",
    "sigmoid",
    "staircase",
    "steps_from_epochs",
    "tabulate",
    "tanh",
    "target_rate",
    "warm_restarts",
]
