"""Times in epochs become steps of the data and the batch of their run."""

import pytest

from vae_jax import assembly
from vae_jax.configs import Run, field_kinds, from_mapping
from vae_jax.sweeps import expand


def test_epochs_are_whole_batches_of_the_training_set():
    run = from_mapping(  # 1200 digits are 9 whole batches of 128
        {"num_epochs": 20, "schedule": "linear", "warmup_epochs": 2.5, "beta": 2}
    )
    assert (run.num_steps, run.beta.warmup_steps) == (180, 22)
    assert run.log_every == 45
    assert run == Run.of(
        num_steps=180, log_every=45, schedule="linear", warmup_steps=22, beta=2.0
    )


def test_a_batch_of_another_size_makes_other_steps():
    runs = expand({"base": {"num_epochs": 2}, "grid": [{"batch_size": [100, 1200]}]})
    assert [run.num_steps for run in runs] == [24, 2]


def test_stages_and_stairs_have_them_too():
    run = Run.of(
        num_epochs=6,
        batch_size=100,
        schedule="stages",
        stage_betas=[0.0, 0.5],
        stage_epochs=[1, 2],
    )
    assert run.beta.stage_steps == (12, 24)
    stairs = Run.of(
        num_steps=100, schedule="linear", warmup_steps=40, stair_epochs=1
    ).betas()
    assert stairs[:10].tolist() == [0.0] * 9 + [pytest.approx(9 / 40)]
    assert stairs[-1] == 1


def test_a_run_may_be_changed_to_so_many_epochs():
    longer = Run().changed(num_epochs=100)
    assert (longer.num_steps, longer.log_every) == (900, 50)
    assert longer.changed(num_steps=1500).log_every == 50


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_epochs": 2, "num_steps": 50}, "`num_epochs` and `num_steps` are one"),
        ({"num_epochs": -1}, "`num_epochs` must be finite and at least 0; got -1"),
        ({"num_epochs": float("inf")}, "`num_epochs` must be finite"),
        ({"num_epochs": True}, "`num_epochs` must be"),
        ({"num_epochs": "3"}, "`num_epochs` must be"),
        ({"num_epochs": 0}, "`num_steps` must be at least 1"),
        ({"num_epochs": 1, "batch_size": 1201}, "between 1 and the 1200 examples"),
        ({"warmup_epochs": 1}, "`warmup_epochs` is a setting of schedule='linear'"),
        ({"refine_epochs": 1}, "`refine_epochs` is not a field of a run"),
        (
            {"num_epochs": 1, "schedule": "linear", "warmup_epochs": 2},
            "`schedule` 'linear' must arrive",
        ),
    ],
)
def test_what_is_no_time_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        assembly.job(from_mapping(settings))


def test_a_time_in_epochs_is_a_number_that_need_not_be_whole():
    assert field_kinds("num_epochs") == (float,)
