"""Schedules of beta: optimiser step -> value, traceable, without hidden counters."""

from vae_jax.schedules._compose import (
    check_warmup,
    join,
    steps_from_epochs,
    tabulate,
)
from vae_jax.schedules._cyclical import cyclical
from vae_jax.schedules._ramps import constant, cosine, linear, sigmoid

__all__ = [
    "check_warmup",
    "constant",
    "cosine",
    "cyclical",
    "join",
    "linear",
    "sigmoid",
    "steps_from_epochs",
    "tabulate",
]
