"""The composition root: a run becomes a model, data and a program.

What a run is made of is said by its records; here they meet. `check` refuses what cannot
work before anything is compiled.
"""

from vae_jax.assembly._about import About, about, about_as_json, about_from_json
from vae_jax.assembly._job import Job, check, describe, job, named_sources, splits
from vae_jax.assembly._labels import condition_of, examples
from vae_jax.assembly._model import (
    Kit,
    facts_of,
    kit,
    model,
    objective,
    prepared,
    prepared_alone,
)
from vae_jax.assembly._program import evaluation, hyper, program, with_perplexity
from vae_jax.assembly._start import initial_params

__all__ = [
    "About",
    "Job",
    "Kit",
    "about",
    "about_as_json",
    "about_from_json",
    "check",
    "condition_of",
    "describe",
    "evaluation",
    "examples",
    "facts_of",
    "hyper",
    "initial_params",
    "job",
    "kit",
    "model",
    "named_sources",
    "objective",
    "prepared",
    "prepared_alone",
    "program",
    "splits",
    "with_perplexity",
]
