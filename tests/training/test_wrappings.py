"""jit, pmap, sharded and vmapped steps are the same step."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from vae_jax import losses, training
from vae_jax.mapped import batch_split_over

SCRIPT = Path(__file__).parent / "on_eight_devices.py"


def printed(*words):
    command = [sys.executable, SCRIPT, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def report():
    return printed()


@pytest.fixture(scope="module")
def objectives():
    return printed("objectives")


@pytest.mark.parametrize("wrapping", ["pmap", "sharded", "vmapped_row"])
def test_wrappings_agree_after_20_sgd_steps(report, wrapping):
    assert report["devices"] == 8
    # the project's promise; float32 rounding of sums in another order gives about 1e-7
    assert report[wrapping] <= 1e-6


@pytest.mark.parametrize("wrapping", ["pmap", "sharded"])
def test_reported_information_is_global(report, wrapping):
    # losses of about 10 nats: float32 rounding of a mean in another order
    assert report[wrapping + "_info"] <= 1e-5


@pytest.mark.slow
def test_every_objective_agrees_whatever_splits_its_batch(objectives):
    """No penalty, regulariser or posterior here names an axis: the step does."""
    assert len(objectives) == 17
    for name, found in objectives.items():
        print(name, found)
        # what is compared is a run that went somewhere
        assert found["moved"] > 1e-2
        assert {"pmap", "auto", "explicit"} <= set(found)
        for wrapping in {"pmap", "auto", "explicit", "bare"} & set(found):
            # float32 numbers of order 1, whose sums are taken in another order
            assert found[wrapping] <= 1e-6, (name, wrapping)
            # losses of about 10 nats; those of the MMD are differences of terms of 70
            shown = 1e-4 if name == "mmd" else 1e-5
            assert found[wrapping + "_info"] <= shown, (name, wrapping)


@pytest.mark.slow
def test_a_forgotten_axis_is_refused_for_every_objective(objectives):
    assert all(found["refused"] for found in objectives.values())


def whole(state, batch, hyper, keys):
    return state, None


def test_an_axis_is_said_once_and_where_it_belongs():
    objective, optimizer = training.make_objective, training.sgd()
    mapped = training.make_step(objective, optimizer, axis_name="devices")
    assert mapped.axis_name == "devices"
    for wrap in (training.jit_step, training.sharded_step):
        with pytest.raises(ValueError, match="must be made without .* got axis_name="):
            wrap(mapped)
    with pytest.raises(ValueError, match="must be made without an axis name"):
        training.make_program(len, mapped, optimizer, len, len, 4)
    with pytest.raises(ValueError, match="made with, 'devices'; got 'rows'"):
        training.pmap_step(mapped, "rows")
    # what jit makes of a step still says it, a function of one's own does not
    assert training.pmap_step(jax.jit(mapped))
    with pytest.raises(ValueError, match="axis_name='devices'.*got none"):
        training.pmap_step(whole)


def test_another_axis_than_that_of_the_step_is_refused():
    with (
        batch_split_over("devices"),
        pytest.raises(ValueError, match="made with, 'devices'; got 'rows'"),
    ):
        losses.capacity(jnp.ones((2, 1)), 0.0, 1.0, axis_name="rows")
    assert losses.capacity(jnp.ones((2, 1)), 0.0, 1.0).tolist() == [1.0, 1.0]


def test_a_jitted_penalty_is_traced_anew_in_a_step_of_an_axis():
    mean = jax.jit(lambda kl: losses.capacity(kl, 0.0, 1.0))
    kl = jnp.array([[[1.0]], [[3.0]]])
    alone = jax.vmap(mean, axis_name="devices")(kl)
    with batch_split_over("devices"):
        together = jax.vmap(mean, axis_name="devices")(kl)
    assert alone.ravel().tolist() == [1.0, 3.0]
    assert together.ravel().tolist() == [2.0, 2.0]


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="got 7 examples. Use a batch of 6 or 8"):
        training._wrappings.check_divides(7, 2)


def test_pmap_step_on_one_device_needs_no_reshaping_by_the_caller():
    step = training.pmap_step(
        lambda state, batch, hyper, keys: (state + batch.mean(), batch.mean()),
        "devices",
        num_devices=1,
    )
    state, info = step(jnp.zeros(()), jnp.arange(4.0), None, None)
    assert float(state) == float(info) == 1.5
