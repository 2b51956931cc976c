"""The program of two levels: its terms are the closed form's, its grid is one program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import two_level
from experiments._parts import two_level_rows
from experiments._parts import two_level_training as training
from vae_jax import analytic, models, results, sweeps
from vae_jax.configs import Run

FEATURES, DIMS = 4, (3, 2)
VARIANCES = {"encoder_variance": 0.3, "prior_variance": 0.5, "variance": 0.7}


@pytest.fixture(scope="module")
def linear():
    """A linear model of no meaning, its biases 0, and 40 centred examples."""
    vae = models.two_level((FEATURES,), DIMS)
    params = vae.init(jax.random.key(1))
    logvar = jnp.array([-0.3, 0.4])
    params["encoder_two"] = {**params["encoder_two"], "logvar": logvar}
    x = np.random.default_rng(0).normal(size=(40, FEATURES)).astype(np.float32)
    return vae, params, x - x.mean(axis=0)


def exact(params, x, beta=1.0, beta_two=1.0):
    own = training.matrices(params, VARIANCES["prior_variance"])
    covariance = np.asarray(x.T @ x / len(x))
    return analytic.two_level_objective(
        *own.values(), covariance, beta, beta_two, *VARIANCES.values()
    )


def draws(function, count=2000):
    """Means over the examples, one a draw of all noise."""
    keys = jax.random.split(jax.random.key(0), (count, 40))
    return jax.jit(lambda: jax.lax.map(function, keys, batch_size=100))()


def close(values, expected):
    values = np.asarray(values, np.float64)
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert error < 0.02
    assert abs(values.mean() - float(expected)) < 5 * error  # one in a million


def test_sampled_terms_are_those_of_the_closed_form(linear):
    vae, params, x = linear
    noise = training.Noise(*map(jnp.float32, VARIANCES.values()))

    def once(keys):
        terms = training.level_terms(vae, params, x, keys, noise)
        return jax.tree.map(jnp.mean, terms)

    def kl(keys):
        return jnp.mean(training.kl_of_level_one(vae, params, x, keys, noise))

    expected = exact(params, x)
    for name, values in draws(once)._asdict().items():
        close(values, getattr(expected, name))
    close(draws(kl), expected.kl_one)


def test_expected_terms_are_those_of_the_closed_form(linear):
    """With a mean of x and biases of its own, of which the closed form knows nothing."""
    vae, params, x = linear
    noise = training.Noise(*map(jnp.float32, VARIANCES.values()))
    terms = training.expected_terms(vae, params, x, noise)
    expected = exact(params, x)
    for name, values in terms._asdict().items():
        assert values.shape == (40,)
        assert float(values.mean()) == pytest.approx(
            float(getattr(expected, name)), rel=1e-5
        )
    # of one far example alone, with biases, against its own draws
    shifted = jax.tree.map(lambda leaf: leaf + 0.1, params)
    same = jnp.broadcast_to(x[:1] + 1, x.shape)

    def once(keys):
        drawn = training.level_terms(vae, shifted, same, keys, noise)
        return jax.tree.map(jnp.mean, drawn)

    stated = training.expected_terms(vae, shifted, same, noise)
    for name, values in draws(once)._asdict().items():
        close(values, getattr(stated, name)[0])


def test_the_matrices_are_those_of_the_model(linear):
    vae, params, x = linear
    own = training.matrices(params, 0.5)
    z1 = vae.encode(params, x)
    np.testing.assert_allclose(z1, x @ own["encoder"].T, rtol=1e-5, atol=1e-6)
    z2 = np.sqrt(0.5) * vae.encode_two(params, z1).mean
    np.testing.assert_allclose(z2, z1 @ own["encoder_two"].T, rtol=1e-5, atol=1e-6)
    back = vae.decode_two(params, z2)
    np.testing.assert_allclose(back, z2 @ own["decoder_two"].T, rtol=1e-5, atol=1e-6)
    out = vae.decode(params, z1)
    np.testing.assert_allclose(out, z1 @ own["decoder"].T, rtol=1e-5, atol=1e-6)


def test_hidden_layers_are_relu_networks():
    vae = models.two_level((2, 3), DIMS, hidden=(5, 4))
    params = vae.init(jax.random.key(0))
    posterior = vae.encode_two(params, jnp.ones((7, 3)))
    assert posterior.mean.shape == posterior.logvar.shape == (7, 2)
    assert vae.decode(params, jnp.ones((7, 3))).shape == (7, 2, 3)
    # on one side of every kink a network is affine, over all of them it is not
    line = jnp.linspace(-50, 50, 3)[:, None] * jnp.ones((3, 3))
    first, middle, last = vae.decode(params, line)
    assert not np.allclose(first + last, 2 * middle, atol=1e-3)


def test_a_grid_is_one_program_and_its_numbers_are_data():
    grids = two_level.configs_of(paper=False, smoke=False)
    cohorts = [sweeps.split_shards(configs, 1000) for configs in grids]
    assert [len(found) for found in cohorts] == [1, 1]
    assert [len(found[0][0].members) for found in cohorts] == [57, 48]


def small(**changed):
    spec = two_level.linear_spec(paper=False)["base"]
    few = {"num_steps": 10, "log_every": 5, "eval_samples": 2, "batch_size": 400}
    return Run.of(**{**spec, **few, "beta_two": 1.0, **changed})


def test_both_rates_are_in_history_and_row(tmp_path):
    runs = [small(), small(beta_two=3.0), small(encoder_variance=1.0)]
    stored = sweeps.run(runs, tmp_path / "run", sweeps.Options(progress=False))
    history = stored.metrics.to_pandas()
    total = history["rate_one"] + history["rate_two"]
    np.testing.assert_allclose(history["rate"], total, rtol=1e-5)
    weighed = history["beta"] * history["rate_one"] + history["distortion"]
    weights = np.array([1.0, 3.0, 1.0])[history["member"]]
    expected = weighed + weights * history["rate_two"]
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-5)
    rows = stored.runs.to_pandas()
    assert (rows["kl_one"] > 0).all()
    assert (rows["rate_two"] > 0).all()
    assert results.load(tmp_path / "run", 2)["decoder"]["mean"]["kernel"].shape == (
        5,
        64,
    )


def test_a_learned_variance_is_refused():
    with pytest.raises(
        ValueError, match="needs a fixed noise variance; got likelihood"
    ):
        small(likelihood="bernoulli", binarize="static", variance=None)


def test_networks_have_no_expected_terms():
    with pytest.raises(ValueError, match="needs linear maps; got hidden="):
        small(model="mlp", hidden=[4])


@pytest.mark.slow
@pytest.mark.parametrize("betas", [(1.0, 0.5), (0.5, 2.0), (6.0, 4.0), (4.0, 6.0)])
def test_training_ends_at_the_closed_form(betas, tmp_path):
    """Each of the four states, with a seed that the page does not have."""
    one, two = betas
    config = small(
        beta=one, beta_two=two, seed=7, num_steps=10_000, log_every=100, batch_size=300
    )
    sweeps.run([config], tmp_path / "run", sweeps.Options(progress=False))
    tables = two_level_rows.tables_of(tmp_path / "run", None, config)
    row = tables["runs"].iloc[0]
    for name in ("rate_one", "rate_two", "kl_one"):
        assert row[name] == pytest.approx(row[f"{name}_theory"], abs=0.02)
    assert row["active_one"] == row["active_one_theory"]
    assert row["active_two"] == row["active_two_theory"]
