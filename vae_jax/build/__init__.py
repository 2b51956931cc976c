"""The composition root: a config becomes a model, a schedule, data and a program.

The only package that knows every part; `check` refuses what cannot work before anything
is compiled.
"""

from vae_jax.build._check import check, check_warmup
from vae_jax.build._hyper import (
    beta_schedule,
    capacities,
    hyper,
    learning_rates,
    warmup_steps,
)
from vae_jax.build._job import Job, describe, job, load_dataset, program, splits
from vae_jax.build._model import model
from vae_jax.build._parts import (
    feedback,
    likelihood,
    objective,
    penalty,
    prepare,
    regulariser,
)

__all__ = [
    "Job",
    "beta_schedule",
    "capacities",
    "check",
    "check_warmup",
    "describe",
    "feedback",
    "hyper",
    "job",
    "learning_rates",
    "likelihood",
    "load_dataset",
    "model",
    "objective",
    "penalty",
    "prepare",
    "program",
    "regulariser",
    "splits",
    "warmup_steps",
]
