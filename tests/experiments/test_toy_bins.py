"""The exact toy: its sums by loops in numpy, and what no member can break."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments._parts import toy_bins as toy

TRUE = toy.source()


def random_toy(seed, scale=1.0):
    rng = np.random.default_rng(seed)
    return toy.Toy(*(scale * rng.normal(size=(5, toy.NUM_BINS))))


def softmax(row):
    grown = np.exp(row - row.max())
    return grown / grown.sum()


def by_loops(params):
    """Channels and sums, an entry at a time."""
    n, x, p = toy.NUM_BINS, TRUE.centres, TRUE.shares
    e = np.zeros((n, n))
    d = np.zeros((n, n))
    for i in range(n):
        logits = [
            -((params.encoder_scale[j] * x[i] - params.encoder_shift[j]) ** 2)
            for j in range(n)
        ]
        e[i] = softmax(np.array(logits))
    for j in range(n):
        logits = [
            -((params.decoder_scale[i] * x[j] - params.decoder_shift[i]) ** 2)
            for i in range(n)
        ]
        d[j] = softmax(np.array(logits))
    m = softmax(params.marginal)
    found = dict.fromkeys(
        ("distortion", "rate", "information", "marginal_kl", "model_kl"), 0.0
    )
    code = p @ e
    for i in range(n):
        for j in range(n):
            mass = p[i] * e[i, j]
            if mass > 0:
                found["distortion"] -= mass * np.log(d[j, i])
                found["rate"] += mass * np.log(e[i, j] / m[j])
                found["information"] += mass * np.log(e[i, j] / code[j])
        found["model_kl"] += p[i] * np.log(p[i] / (m @ d)[i])
    for j in range(n):
        if code[j] > 0:
            found["marginal_kl"] += code[j] * np.log(code[j] / m[j])
    return found


def test_the_source_is_that_of_the_paper():
    """The numbers are those of an independent implementation."""
    assert toy.entropy(TRUE.shares) == pytest.approx(2.731873, abs=1e-6)
    assert toy.SHARES @ toy.entropy(TRUE.given_code) == pytest.approx(
        2.231873, abs=1e-6
    )
    assert toy.entropy(toy.SHARES) == pytest.approx(0.610864, abs=1e-6)
    assert TRUE.noise == pytest.approx(0.59626, abs=5e-6)
    np.testing.assert_allclose(np.diff(TRUE.centres), 8 / 30)


@pytest.mark.parametrize("seed", [0, 1])
def test_sums_are_those_of_loops(seed):
    params = random_toy(seed)
    with jax.enable_x64(True):
        wide = toy.Toy(*(jnp.asarray(v, jnp.float64) for v in params))
        found = toy.measure(wide, jnp.asarray(TRUE.centres), jnp.asarray(TRUE.shares))
        asked = toy.Weights(jnp.float64(0.3), jnp.float64(2.0))
        total = toy.objective(
            wide, asked, jnp.asarray(TRUE.centres), jnp.asarray(TRUE.shares)
        )
    right = by_loops(params)
    for name, value in right.items():
        assert float(found[name]) == pytest.approx(value, rel=1e-9), name
    off = abs(right["rate"] - 0.5)
    expected = right["distortion"] + 0.3 * right["rate"] + 2 * off
    assert float(total) == pytest.approx(expected, rel=1e-9)
    parts = right["information"] + right["marginal_kl"]
    assert right["rate"] == pytest.approx(parts, rel=1e-9)
    assert right["distortion"] + right["rate"] >= toy.entropy(TRUE.shares)


def test_members_of_one_program_are_those_of_their_own():
    found, channels = toy.train([0, 1], [1.0, 0.5], [0.0, 2.0], num_steps=20)
    alone, _ = toy.train([1], [0.5], [2.0], num_steps=20)
    for name, values in found.items():
        assert values.dtype == np.float64
        np.testing.assert_allclose(values[1], alone[name][0], rtol=1e-9)
    np.testing.assert_allclose(channels["encoder"].sum(axis=-1), 1, rtol=1e-12)
    start, _ = toy.train([0], [1.0], [0.0], num_steps=0)
    gained = [one["distortion"][0] + one["rate"][0] for one in (start, found)]
    assert gained[1] < gained[0]


@pytest.mark.slow
def test_training_ends_where_the_page_claims():
    """Seeds that the page does not have."""
    found, _ = toy.train(
        [20, 21, 22, 20, 20, 20], [1, 1, 1, 0.5, 1.5, 0], [0, 0, 0, 0, 0, 10]
    )
    total = found["distortion"] + found["rate"] - toy.entropy(TRUE.shares)
    assert (total[:3] < 1e-3).all()
    assert (total >= -1e-9).all()
    assert found["rate"][3] > 2.3
    assert found["rate"][4] < 0.01
    assert found["rate"][5] == pytest.approx(0.5, abs=0.01)
