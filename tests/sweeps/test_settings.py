"""What all members agree on is kept once; the rest is stacked."""

import jax
import numpy as np
import pytest

from vae_jax import assembly, sweeps
from vae_jax.configs import Run
from vae_jax.sweeps.devices import _engine, _settings


def test_leaves_are_put_back_where_they_were():
    hypers = [
        {"a": np.ones(3), "b": np.float32(i), "c": (np.zeros(2),)} for i in (1, 2)
    ]
    settings = _settings.split_settings(hypers)
    assert settings.is_shared == (True, False, True)
    for hyper in hypers:
        joined = settings.join(settings.own(hyper), settings.shared)
        assert jax.tree.structure(joined) == jax.tree.structure(hyper)
        for a, b in zip(jax.tree.leaves(joined), jax.tree.leaves(hyper), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_difference_anywhere_in_the_cohort_counts():
    hypers = [{"a": np.zeros(3)} for _ in range(4)]
    hypers[3]["a"][2] = 1e-30
    assert _settings.split_settings(hypers).is_shared == (False,)


@pytest.mark.slow
def test_branches_on_shared_settings_stay_branches_under_vmap():
    """Without dropout no noise is drawn for it; a batched rate would always draw."""

    def conditionals(rates):
        hypers = [assembly.hyper(Run.of(hidden=(8,), dropout=r)) for r in rates]
        job = assembly.job(Run.of(hidden=(8,)))
        engine = sweeps.make_engine(
            job.program, hypers, job.splits, 30, 50, 2 * jax.device_count(), "vmap"
        )
        seeds = range(engine.size)
        rows = [hypers[i % len(hypers)] for i in seeds]
        members = _engine.stack_members(seeds, rows, engine)
        data = _engine.place_data(job.splits, engine)
        carry = jax.eval_shape(engine.start, members, data)
        traced = engine.advance.trace(carry, members, data, np.int32(0), np.int32(1))
        return str(traced.jaxpr).count("cond[")

    # the order of the epoch, and dropout in the decoder's one layer
    assert conditionals([0.0, 0.0]) == 2
    assert conditionals([0.0, 0.5]) == 1
