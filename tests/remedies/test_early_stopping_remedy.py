"""Early stopping as a setting of a run, swept in one program."""

import numpy as np
import pytest

from vae_jax import assembly, sweeps
from vae_jax.configs import Run
from vae_jax.remedies import EarlyStopping

SMALL = Run.of(
    model="linear",
    latent_dim=2,
    batch_size=400,  # three steps an epoch
    num_steps=60,
    log_every=10,
    eval_samples=1,
    learning_rate=0.5,  # so large that the loss soon rises
)


def test_it_is_chosen_by_its_patience_and_validates():
    run = Run.of(early_stopping=3)
    assert run.remedies == (EarlyStopping(3),)
    assert Run.of(early_stopping=0).remedies == ()
    assert assembly.job(run).splits.validation is not None
    patient = Run.of(early_stopping=5)
    assert sweeps.cohort_key(run) == sweeps.cohort_key(patient)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"halve_on_plateau": True}, "which parameters are evaluated"),
        ({"ema_decay": 0.9}, "which parameters are evaluated"),
        ({"pretraining_steps": 10}, "judges by the ELBO"),
        (
            {"feedback": "geco", "target": 3.0},
            "compares losses at one beta; got feedback",
        ),
        ({"likelihood": "gaussian_optimal"}, "at one variance"),
    ],
)
def test_what_it_does_not_go_with_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Run.of(early_stopping=2, **settings)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["map", "vmap"])
def test_a_member_stops_and_the_others_go_on(tmp_path, strategy):
    configs = [SMALL.changed(early_stopping=p) for p in (1, 2, 1000)]
    options = sweeps.Options(progress=False, strategy=strategy)
    stored = sweeps.run(configs, tmp_path / "run", options)
    runs, metrics = stored.to_pandas()
    assert runs["stopped_at"].is_monotonic_increasing
    assert runs["stopped_at"].iloc[0] < runs["stopped_at"].iloc[-1] == 60
    assert (runs["best_step"] <= runs["stopped_at"]).all()
    assert (runs["stopped_at"] % 3 == 0)[:2].all()
    # the history stands still with the member, and not before
    for row in runs.to_dict("records"):
        loss = metrics[metrics["member"] == row["member"]].set_index("step")["loss"]
        still = loss[loss.index > row["stopped_at"] + 10]
        np.testing.assert_allclose(still, still.iloc[0] if len(still) else still, 1e-6)
