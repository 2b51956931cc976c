"""The runs of a single sentence's path: its truth by other means, what moves, its rows."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy import integrate

from experiments._parts import point_rows, point_runs
from vae_jax import assembly, likelihoods, training
from vae_jax.vae import VAE, DiagGaussian

WEIGHTS = np.array([[0.0, 1.5, -0.5], [0.3, 0.0, 2.0]])
"""Logits of two words of three, over z."""


def log_softmax(logits):
    return logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)


def true_mean(tokens):
    """By adaptive quadrature in float64, the words' logits being `WEIGHTS z`."""

    def joint(z, power):
        words = log_softmax(WEIGHTS * z)[np.arange(2), tokens].sum()
        return z**power * np.exp(words - z**2 / 2)

    moments = [
        integrate.quad(joint, -12, 12, args=(power,), epsabs=1e-12)[0]
        for power in (0, 1, 2)
    ]
    mean = moments[1] / moments[0]
    return mean, np.sqrt(moments[2] / moments[0] - mean**2)


def test_the_true_mean_is_that_of_a_quadrature():
    tokens = np.array([[0, 1], [1, 2], [2, 0], [1, 0]])

    def encode(params, x):
        del params
        mean = 0.1 * jnp.float32(x.sum(-1, keepdims=True))
        return DiagGaussian(mean, jnp.zeros((len(x), 1)))

    def decode(params, z, x):
        del params, x
        return jnp.asarray(WEIGHTS, jnp.float32)[None] * z[:, :, None]

    def log_prob(logits, x):
        return likelihoods.categorical_log_prob(logits, x)

    vae = VAE(lambda key: {}, encode, decode)
    density = likelihoods.Likelihood(log_prob, None, None)
    observe = point_runs.observer(vae, density)
    splits = training.Splits(jnp.asarray(tokens), jnp.asarray(tokens))
    found = jax.jit(observe)({}, None, None, splits)
    expected = np.array([true_mean(one) for one in tokens])
    assert np.ptp(expected[:, 0]) > 0.5
    np.testing.assert_allclose(found["model"], expected[:, 0], atol=1e-5)
    np.testing.assert_allclose(found["width"], expected[:, 1], atol=1e-5)
    np.testing.assert_allclose(found["encoder"], 0.1 * tokens.sum(axis=1), rtol=1e-6)
    assert float(found["edge"]) < 1e-12


def test_loop_and_step_move_one_of_the_two_each():
    """Between two observed steps the point is where the corners of the path are."""
    basic, aggressive = point_runs.configs_of(smoke=True)
    assert [point_runs.way_of(one) for one in (basic, aggressive)] == [
        "basic",
        "aggressive",
    ]
    job, kit = assembly.job(aggressive), assembly.kit(aggressive)
    own = jnp.asarray(job.splits.train)[: point_runs.POINTS]
    splits = training.Splits(own, own)
    program = point_runs.aggressive_program(aggressive, kit, job.program)

    def loss(params, batch, hyper, keys):
        now = assembly.objective(hyper.settings, kit.vae, kit.density, kit.facts)
        return now(params, batch, hyper, keys)

    settle = training.make_settle(
        loss, aggressive.optimizer.make(), kit.prepare, aggressive.batch_size
    )
    key = training.member_key(0)

    @jax.jit
    def once(state, t):
        settled, loops = settle(state, t, key, job.hyper, splits)
        after, _ = program.step(state, t, key, job.hyper, splits)
        return settled.params, loops, after

    state = program.init(key, job.hyper, splits)
    for t in range(2):
        before = state.train.params
        settled, loops, state = once(state, jnp.int32(t))
        assert int(loops) >= 30  # two windows of fifteen at least
        after = state.train.params
        assert equal(settled["decoder"], before["decoder"])
        assert not equal(settled["encoder"], before["encoder"])
        assert equal(settled["encoder"], after["encoder"])
        assert not equal(settled["decoder"], after["decoder"])
    # whatever the information did at the ends of these epochs
    assert bool(state.judgement.aggressive)


def equal(one, other):
    return all(
        np.array_equal(a, b)
        for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    )


def test_every_run_sees_the_same_fifty_sentences_alone():
    config = point_runs.configs_of(smoke=True)[0]
    whole, job = assembly.job(config), point_runs.make_job(config)
    assert job.splits.train.shape == (50, whole.splits.train.shape[1])
    np.testing.assert_array_equal(job.splits.train, whole.splits.train[:50])
    assert config["batch_size"] == 50


def test_rows_are_the_snapshots_of_the_runs():
    runs = pd.DataFrame(
        [
            {"inference": way, "seed": 4, "num_steps": 3}
            | {"snapshots/model": [[1.0, 2.0], [3.0, 4.0]]}
            | {"snapshots/encoder": [[5.0, 6.0], [7.0, 8.0]]}
            | {"snapshots/rate": [0.1, 0.2], "snapshots/edge": [0.0, 1e-9]}
            for way in point_rows.WAYS
        ]
    )
    moments = {"basic": (0, 10), "aggressive": (2,)}
    path = point_rows.path_of(runs, moments)
    assert path["step"].tolist() == [0, 0, 3, 3, 2, 2, 3, 3]
    assert path["model"].tolist() == [1, 2, 3, 4] * 2
    assert path["encoder"].tolist() == [5, 6, 7, 8] * 2
    checks = point_rows.checks_of(runs, moments)
    assert checks["rate"].tolist() == [0.1, 0.2] * 2
    means = point_rows.means_of(path, "aggressive")[4]
    assert means.encoder.tolist() == [[5, 6], [7, 8]]
