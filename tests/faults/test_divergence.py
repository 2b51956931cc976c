"""A member that diverges hurts no other, and is never taken for a result.

NaN appears in its beta, its learning rate or its data at a known step; settings and data
that are NaN from the beginning are refused (`tests/training`).
"""

import math

import numpy as np
import pytest
import small
from slow_cases import slow_but

from vae_jax import assembly, results, sweeps
from vae_jax.configs import Run

HURT = 2
"""The member with a NaN."""


def make(bad, at):
    def make_job(config):
        hurt = bad if config["seed"] == HURT else None
        settings = small.settings(config, hurt, at)
        return assembly.Job(small.PROGRAM, settings, small.EXAMPLES)

    return make_job


@pytest.mark.parametrize("strategy", slow_but(["vmap"], ["map", "vmap"]))
@pytest.mark.parametrize("bad", slow_but(["data"], small.POISONED))
def test_a_nan_in_one_member_leaves_the_others_bit_equal(tmp_path, bad, strategy):
    kept, hurt = tmp_path / "kept", tmp_path / "hurt"
    # in the first after its end: settings of equal members make another program
    small.run(kept, make=make(bad, 10**6), strategy=strategy)
    stored = small.run(hurt, make=make(bad, small.BAD_STEP), strategy=strategy)
    before = results.read(kept)
    runs, others = stored.runs.to_pylist(), before.runs.to_pylist()
    assert runs[HURT]["status"] == "diverged"
    assert runs[HURT]["first_bad_step"] == small.BAD_STEP
    assert runs[HURT]["size"] is None
    assert runs[HURT]["drawn"] is None
    for member in set(range(6)) - {HURT}:
        assert runs[member]["status"] == "finished"
        for name in ("size", "drawn", "first_bad_step"):
            assert runs[member][name] == others[member][name]
        a, b = (results.load_leaves(out, member) for out in (hurt, kept))
        assert a.keys() == b.keys()
        assert all(a[name].tobytes() == b[name].tobytes() for name in a)
        assert course(stored, member) == course(before, member)
    losses = [loss for _, loss in course(stored, HURT)]
    assert losses[:2] == [loss for _, loss in course(before, HURT)][:2]
    assert all(math.isnan(loss) for loss in losses[2:])  # from the window of step 23


def course(stored, member):
    rows = [row for row in stored.metrics.to_pylist() if row["member"] == member]
    return [(row["step"], row["loss"]) for row in rows]


@pytest.mark.slow  # `tests/sweeps/test_run.py` has the learning rate by default
@pytest.mark.parametrize(
    "changes", [{"beta": 3e38}, {"learning_rate": 3e38}], ids=lambda c: next(iter(c))
)
def test_a_diverged_vae_is_no_collapsed_one(tmp_path, changes):
    base = Run.of(
        hidden=(16,), latent_dim=2, batch_size=32, num_steps=100, log_every=20
    ).changed(eval_samples=2)
    configs = [base.changed(seed=seed) for seed in range(3)]
    options = sweeps.Options(progress=False)
    sweeps.run(configs, tmp_path / "kept", options)
    configs[1] = configs[1].changed(**changes)
    runs = sweeps.run(configs, tmp_path / "hurt", options).runs.to_pandas()
    assert runs["verdict"][1] == "diverged"
    assert 0 <= runs["first_bad_step"][1] < 100
    metrics = ["rate", "nll", "distortion", "mutual_information", "active_units"]
    assert runs.loc[1, metrics].isna().all()
    assert runs.loc[[0, 2], metrics].notna().all(axis=None)
    for member in (0, 2):
        a, b = (
            results.load_leaves(tmp_path / name, member) for name in ("hurt", "kept")
        )
        assert all(np.array_equal(a[name], b[name]) for name in a)
