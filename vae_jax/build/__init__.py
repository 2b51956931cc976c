"""The composition root: a config becomes a model, a schedule, data and a program.

The only package that knows every part; `check` refuses what cannot work before anything
is compiled.
"""

from vae_jax.build._check import check, check_warmup
from vae_jax.build._hyper import beta_schedule, hyper, learning_rates, warmup_steps
from vae_jax.build._job import Job, describe, job, load_dataset, program, splits
from vae_jax.build._parts import likelihood, model, penalty, prepare

__all__ = [
    "Job",
    "beta_schedule",
    "check",
    "check_warmup",
    "describe",
    "hyper",
    "job",
    "learning_rates",
    "likelihood",
    "load_dataset",
    "model",
    "penalty",
    "prepare",
    "program",
    "splits",
    "warmup_steps",
]
