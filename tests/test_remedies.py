"""Every remedy of the comparison, as the whole program that would be compiled."""

import jax
import numpy as np
import pytest
from slow_cases import slow_but

from experiments.remedies import BASE, REMEDIES
from vae_jax import assembly, training
from vae_jax.configs import from_mapping

SMALL = {**BASE, "hidden": [8, 8], "num_steps": 1000, "eval_samples": 2}


SAMPLED = "VampPrior", "mixture prior"
"""Priors whose KL has no closed form, nor parts."""


def traced(fields):
    """Shapes of a run from start to evaluation; nothing is compiled."""
    job = assembly.job(from_mapping({**SMALL, **fields}))
    key, zero = training.member_key(0), np.int32(0)
    state = jax.eval_shape(job.program.init, key, job.hyper, job.splits)
    after, info = jax.eval_shape(
        job.program.step, state, zero, key, job.hyper, job.splits
    )
    metrics = jax.eval_shape(job.program.evaluate, state, key, job.hyper, job.splits)
    params = jax.eval_shape(job.program.params, state, key, job.hyper, job.splits)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    return state, info, metrics, params


QUICK = (
    "none",
    "free bits, unit",
    "aggressive",
    "pre-training, free bits",
    "VampPrior",
)


@pytest.mark.parametrize("name", slow_but(QUICK, REMEDIES))
def test_a_remedy_makes_a_whole_program(name):
    state, info, metrics, params = traced(REMEDIES[name])
    # one number of each, but the KL of every unit, in one column where it is sampled
    numbers = info._replace(kl_per_unit=None)
    assert all(leaf.shape == () for leaf in jax.tree.leaves(numbers))
    columns = 1 if name in SAMPLED else BASE["latent_dim"]
    assert info.kl_per_unit.shape == (columns,)
    assert {"nll", "rate", "mutual_information", "active_units"} <= set(metrics)
    assert jax.tree.structure(params) == jax.tree.structure(state.train.params)


def test_remedies_combine():
    state, info, *_ = traced(
        {
            "posterior": "batch_norm",
            "prior": "diagonal",
            "feedback": "minimum_rate",
            "target": 3.0,
            "free_bits": 0.1,
            "word_dropout": 0.2,
            "dropout": 0.1,
            "schedule": "tanh",
            "inference": "aggressive",
            "pretraining_steps": 100,
        }
    )
    assert state.train.feedback.multiplier.shape == ()
    assert info.inner_steps.shape == ()
