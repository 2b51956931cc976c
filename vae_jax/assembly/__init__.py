"""The composition root: a config becomes a model, a schedule, data and a program.

The only package that knows every part; `check` refuses what cannot work before anything
is compiled.
"""

from vae_jax.assembly._check import check, check_warmup
from vae_jax.assembly._hyper import (
    beta_schedule,
    capacities,
    hyper,
    learning_rates,
    warmup_steps,
)
from vae_jax.assembly._job import (
    Job,
    dataset_of,
    describe,
    job,
    load_dataset,
    program,
    splits,
)
from vae_jax.assembly._model import model
from vae_jax.assembly._parts import (
    feedback,
    likelihood,
    objective,
    penalty,
    prepare,
    regulariser,
)
from vae_jax.assembly._source import named_sources, source_digest, user_function
from vae_jax.assembly._text import load_text, sentences, with_perplexity

__all__ = [
    "Job",
    "beta_schedule",
    "capacities",
    "check",
    "check_warmup",
    "dataset_of",
    "describe",
    "feedback",
    "hyper",
    "job",
    "learning_rates",
    "likelihood",
    "load_dataset",
    "load_text",
    "model",
    "named_sources",
    "objective",
    "penalty",
    "prepare",
    "program",
    "regulariser",
    "sentences",
    "source_digest",
    "splits",
    "user_function",
    "warmup_steps",
    "with_perplexity",
]
