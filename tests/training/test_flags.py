"""JAX's own flags are no settings of a run: it ends, with the same numbers.

`jax_debug_nans` stops at the first NaN that any compiled or single operation returns,
`jax_enable_x64` makes whatever has no dtype of its own float64, and
`jax_numpy_rank_promotion=raise` refuses sums of unlike ranks.
"""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import assembly, results, training
from vae_jax.configs import from_mapping
from vae_jax.records import Facts
from vae_jax.training._inner_loop import InnerLoop, improve

SMALL = {"hidden": [4], "latent_dim": 2, "num_steps": 50, "eval_samples": 2}
SENTENCES = {
    "dataset": "ten_sequences",
    "likelihood": "categorical",
    "model": "lstm",
    "embedding": 4,
    "batch_size": 10,
}
RUNS = {
    "images": {},
    "sentences": SENTENCES,
    "mixture": {"prior": "mixture", "halve_on_plateau": True},
}


def shapes(fields):
    """Of a state, of what a step shows, and of the metrics; nothing is compiled."""
    job = assembly.job(from_mapping({**SMALL, **fields}))
    rest = training.member_key(0), job.hyper, job.splits
    state = jax.eval_shape(job.program.init, *rest)
    step = jax.eval_shape(job.program.step, state, np.int32(0), *rest)
    return job.hyper, state, step, jax.eval_shape(job.program.evaluate, state, *rest)


@pytest.mark.parametrize("name", RUNS)
def test_no_number_of_a_run_is_float64_under_x64(name):
    with jax.enable_x64(True):
        found = shapes(RUNS[name])
    kinds = {str(leaf.dtype) for leaf in jax.tree.leaves(found)}
    assert "float32" in kinds
    assert "float64" not in kinds
    _, state, (after, _), _ = found
    assert jax.tree.map(lambda a: a.dtype, after) == jax.tree.map(
        lambda a: a.dtype, state
    )


@pytest.mark.parametrize("fields", [{}, {"prior": "mixture"}], ids=["plain", "prior"])
def test_a_run_starts_with_the_same_parameters_under_x64(fields):
    config = from_mapping({**SMALL, **fields})
    init = assembly.model(config, Facts((8, 8), 16, 1200)).init
    plain = init(jax.random.key(0))
    with jax.enable_x64(True):
        same = init(jax.random.key(0))
    assert jax.tree.structure(plain) == jax.tree.structure(same)
    for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(same), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_the_inner_loop_ends_at_the_same_step_under_x64():
    losses = np.array([0.0, 5.0, 4.0, 3.0, 2.0, 2.0, 4.0, 1.0, 0.0], np.float32)
    loop = InnerLoop(max_inner=9, window=2)

    def run():
        table, start = jnp.asarray(losses), jnp.zeros((), jnp.float32)
        return improve(
            lambda total, i: (total + table[i], table[i]), start, loop, jnp.array(True)
        )

    with jax.enable_x64(True):
        program = str(jax.make_jaxpr(run)())
        total, count = run()
    assert "f64[" not in program
    assert (float(total), int(count)) == (20.0, 6)


def test_a_moment_that_is_still_to_come_is_no_nan():
    """Of a healthy run, whose state is looked at by `jax_debug_nans` at every step."""
    program = training.Program(
        init=lambda *_: training.RunState(
            training.TrainState({"w": jnp.ones(2)}, ()), jnp.zeros(1, jnp.int32)
        ),
        step=lambda state, *_: (state, {"loss": jnp.ones(())}),
        evaluate=lambda *_: {},
        params=lambda state, *_: state.train.params,
    )
    observed = training.with_snapshots(program, (0, 2), lambda params, *_: dict(params))
    with jax.debug_nans(True):
        state = jax.jit(observed.init)(None, None, None)
        step = jax.jit(observed.step)
        for t in range(3):
            state, _ = step(state, jnp.int32(t), None, None, None)
        found = observed.evaluate(state, None, None, None)
    assert found["snapshots/w"].tolist() == [[1.0, 1.0]] * 3


FLAGS = {
    "JAX_DEBUG_NANS": "True",
    "JAX_ENABLE_X64": "True",
    "JAX_NUMPY_RANK_PROMOTION": "raise",
}


def trained(out, **flags):
    """The row and the parameters of a small `train` in a process of its own."""
    options = (
        "--num-steps 20 --log-every 10 --hidden 8 --eval-samples 2 --schedule linear"
    )
    done = subprocess.run(
        [sys.executable, "-m", "vae_jax", "train", *options.split(), "--out", str(out)],
        env={**os.environ, **flags},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = results.read(out).runs.to_pandas().to_dict("records")
    return row, jax.tree.leaves(results.load(out, 0))


@pytest.mark.slow  # four processes
def test_a_run_from_the_command_line_is_the_same_with_every_flag(tmp_path):
    plain, params = trained(tmp_path / "plain")
    for flag, value in FLAGS.items():
        row, same = trained(tmp_path / flag, **{flag: value})
        assert row["verdict"] == plain["verdict"]
        for name in ("nll", "rate", "mutual_information"):
            assert row[name] == pytest.approx(plain[name], rel=1e-5, abs=1e-6), flag
        for a, b in zip(params, same, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, atol=1e-6)
