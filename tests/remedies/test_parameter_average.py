"""A run may evaluate an average of its parameters; it trains the same."""

import numpy as np
import pytest

from vae_jax import sweeps
from vae_jax.configs import Run


def test_the_history_is_the_same_and_the_metrics_are_those_of_the_average(tmp_path):
    plain = Run.of(hidden=(8,), num_steps=50, log_every=10, eval_samples=1)
    runs = [plain, *(plain.changed(ema_decay=d) for d in (0.5, 0.98))]
    cohorts = sweeps.split_shards(runs, 8)
    assert [len(shards[0].members) for shards in cohorts] == [1, 2]
    stored = sweeps.run(runs, tmp_path / "run", sweeps.Options(progress=False))
    table = stored.runs.to_pandas().set_index("member")
    assert table["ema_decay"].tolist() == [0.0, 0.5, 0.98]
    history = stored.metrics.to_pandas().groupby("member")["loss"].apply(list)
    assert history[1] == history[2]
    # another program rounds otherwise, and 50 steps carry it on
    np.testing.assert_allclose(history[0], history[1], rtol=1e-5)
    # the loss falls all the while: an average of a longer past is behind
    assert table["nll"].is_monotonic_increasing


def test_only_one_thing_says_which_parameters_are_evaluated():
    with pytest.raises(ValueError, match="may set which parameters are evaluated"):
        Run.of(ema_decay=0.9, halve_on_plateau=True)
    with pytest.raises(ValueError, match="`ema_decay` must be at least 0 and below 1"):
        Run.of(ema_decay=1.0)
    assert Run.of(ema_decay=0.0) == Run()
