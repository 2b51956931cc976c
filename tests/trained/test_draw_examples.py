"""The ways to draw agree with each other, and samples with what they are samples of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from families import TEXT, stored_run

from vae_jax import gaussian, models, trained
from vae_jax.configs import Run
from vae_jax.trained._draw import whole_decoding
from vae_jax.vae import Knobs

OWN = """
from vae_jax import models

def reader(config, event_shape):
    return models.autoregressive(
        event_shape, config.latent_dim, hidden=(4,), likelihood="bernoulli"
    )

def writer(config, event_shape):
    return models.lstm(
        event_shape[0], config.max_value + 1, config.latent_dim, hidden=(4,), embedding=3
    )
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "vae",
    [
        models.lstm(6, 9, 2, hidden=(5,), embedding=3),
        models.transformer(
            6, 9, 2, latent_use="prefix", width=8, num_layers=1, num_heads=2
        ),
    ],
    ids=["lstm", "transformer"],
)
def test_a_teacher_forced_decoder_draws_what_its_steps_draw(vae, request):
    params = vae.init(jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), 4)
    z = 3 * jax.random.normal(jax.random.key(2), (4, 2))
    steps = {
        "lstm": models.lstm_decoding(),
        "transformer": models.transformer_decoding(6),
    }
    name = request.node.callspec.id
    wanted = models.generate(keys, steps[name], params, z, 6)
    found = models.generate(keys, whole_decoding(vae, 6, Knobs()), params, z, 6)
    assert found.tolist() == wanted.tolist()


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_readers.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.slow
def test_own_models_that_read_the_data_are_told_by_what_they_compute(own):
    image = Run.of(model="own_readers:reader", latent_dim=2)
    member = trained.open_run(stored_run(own / "run", [image]))[0]
    assert member.reads_data
    x = member.dataset.test.images[:3]
    drawn = np.asarray(member.reconstruct(x))
    assert set(np.unique(drawn)) <= {0.0, 1.0}
    with pytest.raises(ValueError, match="`x` must be given"):
        member.decode(np.zeros((3, 2)))


@pytest.mark.slow
def test_own_models_write_sentences(own):
    run = Run.of(model="own_readers:writer", latent_dim=2, **TEXT)
    member = trained.open_run(stored_run(own / "text", [run]))[0]
    ready = run.changed(model="lstm", hidden=(4,), embedding=3)
    other = trained.open_run(stored_run(own / "ready", [ready]))[0]
    key = jax.random.key(3)
    # the same parameters, drawn from the same seed
    assert (member.sample(key, 6) == other.sample(key, 6)).all()


def test_pixels_have_the_mean_that_decode_says(tmp_path):
    run = Run.of(hidden=(4,), latent_dim=2)
    member = trained.open_run(stored_run(tmp_path / "run", [run]))[0]
    z, count = np.array([[1.0, -1.0]]), 4000
    drawn = member.draw(jax.random.key(0), np.repeat(z, count, axis=0))
    mean = np.asarray(member.decode(z))[0]
    error = np.sqrt(mean * (1 - mean) / count)
    # 64 pixels: 4.5 standard errors are one alarm in 2000 tests
    assert (np.abs(np.mean(drawn, axis=0) - mean) < 4.5 * error).all()


@pytest.mark.slow
def test_codes_of_a_learned_prior_are_its_own(tmp_path):
    run = Run.of(hidden=(4,), latent_dim=2, prior="diagonal")
    member = trained.open_run(stored_run(tmp_path / "run", [run]))[0]
    moved = jax.tree.map(np.copy, member.params)
    own = moved["prior"]
    own["mean"], own["logvar"] = np.float32([5, -5]), np.float32([0, -4])
    object.__setattr__(member, "params", moved)
    z = np.asarray(member.sample_codes(jax.random.key(0), 4000))
    # four standard errors of a mean of 4000
    np.testing.assert_allclose(z.mean(axis=0), [5, -5], atol=4 / np.sqrt(4000))
    np.testing.assert_allclose(z.std(axis=0), [1, np.exp(-2)], rtol=0.05)
    x = member.dataset.test.images[:3]
    mean, logvar = member.encode(x)
    kl = gaussian.kl_between(
        mean, logvar, *(jnp.broadcast_to(own[n], (3, 2)) for n in ("mean", "logvar"))
    )
    np.testing.assert_allclose(member.rate(x), kl.sum(axis=1), rtol=1e-6)
