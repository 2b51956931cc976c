"""Arrays in memory: one line of Python from them to a sweep, and back again."""

import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import configs, sweeps
from vae_jax.configs import Run
from vae_jax.sweeps.spec._given import with_data
from vae_jax.userdata import from_arrays, hold

RNG = np.random.default_rng(4)
X = RNG.normal(size=(120, 5)).astype(np.float32)
GAUSSIAN = {"likelihood": "gaussian_learned", "hidden": [8], "latent_dim": 2}
SHORT = {"num_steps": 20, "log_every": 10, "batch_size": 16, "eval_samples": 2}


def test_the_same_numbers_have_the_same_name():
    one = hold(from_arrays(X))
    assert one == hold(from_arrays(X.copy()))
    assert one == hold(from_arrays(jnp.asarray(X)))
    assert one != hold(from_arrays(X + 1))
    # numbers that are taken otherwise are other data
    bits = RNG.integers(0, 2, (60, 9))
    assert hold(from_arrays(bits)) != hold(from_arrays(bits, values="counts"))


def test_a_run_on_them_is_written_and_read():
    [run] = with_data([Run.of(**GAUSSIAN)], X)
    assert configs.from_mapping(configs.to_mapping(run)) == run
    np.testing.assert_array_equal(
        run.data.load().test.images, from_arrays(X).test.images
    )


def test_what_a_run_says_of_binarisation_stays():
    pixels = RNG.integers(0, 256, (60, 4, 4)).astype(np.uint8)
    [run] = with_data([Run.of(binarize="dynamic")], pixels)
    assert run.data.binarize == "dynamic"
    [run] = with_data([Run()], pixels)
    assert run.data.binarize is None


def test_a_run_that_names_data_is_refused():
    with pytest.raises(
        ValueError, match="no run may name a data set; got dataset='mnist'"
    ):
        with_data([Run.of(dataset="mnist")], X)


def test_arrays_of_another_program_are_named():
    run = Run.of(dataset="arrays-0123456789abcdef", **GAUSSIAN)
    with pytest.raises(ValueError, match="arrays of another program.*data="):
        run.data.load()


def test_a_sweep_of_arrays_goes_on(tmp_path):
    runs = [Run.of(seed=seed, **GAUSSIAN, **SHORT) for seed in (0, 1)]
    options = sweeps.Options(progress=False)
    parts = X[:80], X[80:100], X[100:]
    first = sweeps.run(runs[:1], tmp_path / "run", options, data=parts)
    assert np.isfinite(first.runs["nll"].to_pylist()).all()
    both = sweeps.run(runs, tmp_path / "run", options, data=parts)
    assert both.runs.num_rows == 2
    assert both.runs["nll"].to_pylist()[0] == first.runs["nll"].to_pylist()[0]


@pytest.mark.slow  # 60 s: a program for each
@pytest.mark.parametrize(
    "likelihood",
    [
        {"likelihood": "poisson"},
        {"likelihood": "poisson", "library_size": True},
        {"likelihood": "negative_binomial"},
        {"likelihood": "negative_binomial", "library_size": True},
        {"likelihood": "zero_inflated_negative_binomial"},
        {"likelihood": "zero_inflated_negative_binomial", "library_size": True},
    ],
    ids=lambda likelihood: "-".join(map(str, likelihood.values())),
)
@pytest.mark.parametrize("compute", ["float32", "bfloat16"])
def test_counts_are_trained(likelihood, compute, tmp_path):
    """A code that decides which of two groups of genes is high is found."""
    groups = RNG.integers(0, 2, 600)
    rates = np.where((np.arange(10) < 5) == groups[:, None], 30.0, 2.0)
    counts = RNG.poisson(rates * RNG.gamma(5.0, 0.2, (600, 1)))
    settings = {"hidden": [16], "latent_dim": 2, "compute": compute} | likelihood
    run = Run.of(num_steps=600, log_every=100, learning_rate=3e-3, **settings)
    stored = sweeps.run(
        [run], tmp_path / "run", sweeps.Options(progress=False), data=counts
    )
    [row] = stored.runs.to_pylist()
    assert row["status"] == "finished"
    # one bit of the group, and the size of a cell where it is not known
    assert row["mutual_information"] > 0.6
    assert row["verdict"] != "collapsed"
