"""The shuffle within a condition: cycles, a closed form, and an error that is honest."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import diagnostics

OFFSETS = np.array([-3.0, 0.0, 4.0], np.float32)
SLOPE, NOISE, LINK = 0.8, 0.5, 0.6
"""Of the decoder, its noise variance, and the correlation of z with x within c."""

GAP = SLOPE * LINK / NOISE
"""E[(s - w z')^2 - (s - w z)^2] / 2 v, s and z of variance 1 and this correlation."""

conditional_shuffle_gap = jax.jit(diagnostics.conditional_shuffle_gap, static_argnums=1)
shuffle_within = jax.jit(diagnostics.shuffle_within)
z_shuffle_gap = jax.jit(diagnostics.z_shuffle_gap, static_argnums=1)


def log_prob(z, x):
    """`N(offset(c) + w z, v)` without its constant; x comes with the condition."""
    data, labels = x
    guess = jnp.asarray(OFFSETS)[labels][:, None] + SLOPE * z
    return -jnp.sum(jnp.square(data - guess), axis=-1) / (2 * NOISE)


def from_condition(z, x):
    """A good reconstruction, all of it from c."""
    data, labels = x
    guess = jnp.asarray(OFFSETS)[labels][:, None]
    return -jnp.sum(jnp.square(data - guess), axis=-1) / (2 * NOISE)


def reads_condition_from_z(z, x):
    """The decoder takes the nearest of the offsets to z for the condition."""
    data, _ = x
    offsets = jnp.asarray(OFFSETS)
    nearest = jnp.argmin(jnp.abs(z - offsets[None]), axis=1)
    return -jnp.sum(jnp.square(data - offsets[nearest][:, None]), axis=-1)


def channel(key, size=300):
    """x = offset(c) + s, and z of correlation `LINK` with s."""
    label_key, s_key, z_key = jax.random.split(key, 3)
    labels = jax.random.randint(label_key, (size,), 0, 3)
    s = jax.random.normal(s_key, (size, 1))
    noise = jax.random.normal(z_key, (size, 1))
    z = LINK * s + np.sqrt(1 - LINK**2) * noise
    return z, (jnp.asarray(OFFSETS)[labels][:, None] + s, labels)


@pytest.mark.parametrize("sizes", [(2,), (5,), (2, 3), (4, 1, 3), (1, 7, 1), (1, 1)])
def test_one_cycle_in_each_condition(sizes):
    labels = np.repeat(np.array([3, -1, 8], np.int32)[: len(sizes)], sizes)
    labels = np.random.default_rng(0).permutation(labels)
    keys = jax.random.split(jax.random.key(0), 50)
    found = jax.jit(jax.vmap(lambda key: diagnostics.shuffle_within(key, labels)))(keys)
    for permutation in np.asarray(found):
        assert sorted(permutation) == list(range(len(labels)))
        np.testing.assert_array_equal(labels[permutation], labels)
        for label in np.unique(labels):
            members = np.flatnonzero(labels == label)
            visited = [members[0]]
            while (following := permutation[visited[-1]]) != members[0]:
                visited.append(following)
            assert sorted(visited) == sorted(members)


def test_every_partner_is_equally_likely():
    labels = jnp.array([0, 1, 0, 0, 1, 0, 0])
    keys = jax.random.split(jax.random.key(1), 4000)
    found = jax.jit(jax.vmap(lambda key: diagnostics.shuffle_within(key, labels)[0]))
    counts = np.bincount(found(keys), minlength=7)
    # binomial of 4000 trials at 1/4: standard deviation 27
    np.testing.assert_allclose(counts[[2, 3, 5, 6]], 1000, atol=4 * 27.4)
    assert counts[[0, 1, 4]].sum() == 0


def test_one_condition_is_the_plain_shuffle(key):
    labels = jnp.full(300, 4)
    np.testing.assert_array_equal(
        shuffle_within(key, labels), diagnostics.derangement(key, 300)
    )
    z, x = channel(key)
    found = conditional_shuffle_gap(key, log_prob, z, x, labels)
    np.testing.assert_allclose(found[:2], z_shuffle_gap(key, log_prob, z, x), rtol=1e-5)
    assert float(found.alone) == 0


@pytest.mark.parametrize("pairs", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_gap_of_a_gaussian_channel_and_its_error(pairs):
    """Over 400 populations; also where every condition has two examples."""

    def one(key):
        data_key, cycle_key = jax.random.split(key)
        z, x = channel(data_key)
        labels = jnp.arange(300, dtype=jnp.int32) // 2 if pairs else x[1]
        return diagnostics.conditional_shuffle_gap(cycle_key, log_prob, z, x, labels)

    found = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(2), 400))
    scores = np.asarray((found.value - GAP) / found.standard_error)
    assert abs(scores.mean()) < 4 / np.sqrt(400) + 0.1  # a t statistic leans a little
    assert np.sqrt(np.mean(scores**2)) == pytest.approx(1, abs=4 / np.sqrt(800))


def test_a_decoder_that_knows_c_alone_loses_nothing(key):
    z, x = channel(key)
    found = conditional_shuffle_gap(key, from_condition, z, x, x[1])
    assert (float(found.value), float(found.standard_error)) == (0, 0)


def test_a_code_that_only_repeats_the_condition_costs_nothing_within_it(key):
    """The plain shuffle is misled: somebody else's condition costs a lot."""
    _, x = channel(key)
    z = jnp.asarray(OFFSETS)[x[1]][:, None]
    plain = z_shuffle_gap(key, reads_condition_from_z, z, x)
    assert float(plain.value) > 10
    found = conditional_shuffle_gap(key, reads_condition_from_z, z, x, x[1])
    # the same sums, compiled twice in one program
    assert max(abs(float(found.value)), float(found.standard_error)) < 1e-6


def test_those_alone_are_left_out_and_counted(key):
    """The value is the mean over all others; their own drop of 0 would dilute it."""
    z, x = channel(key)
    labels = x[1].at[:3].set(jnp.array([90, 91, 92]))
    found = conditional_shuffle_gap(key, log_prob, z, x, labels)
    assert int(found.alone) == 3
    partner = shuffle_within(key, labels)
    drop = np.asarray(log_prob(z, x) - log_prob(z[partner], x))
    np.testing.assert_array_equal(drop[:3], 0)
    assert float(found.value) == pytest.approx(drop[3:].mean(), rel=1e-5)


@pytest.mark.usefixtures("users_view")
def test_refuses_what_cannot_be_shuffled(key):
    z, x = channel(key, 4)
    ask, same = diagnostics.conditional_shuffle_gap, np.zeros(4, int)
    with pytest.raises(ValueError, match="each alone in its condition"):
        ask(key, log_prob, z, x, np.arange(4))
    with pytest.raises(TypeError, match=r"`labels` must be whole numbers.*float32"):
        ask(key, log_prob, z, x, jnp.zeros(4))
    with pytest.raises(ValueError, match=r"one label an example, \(4,\); got \(5,\)"):
        ask(key, log_prob, z, x, np.zeros(5, int))
    with pytest.raises(ValueError, match=r"one number an example, \(4,\); got \(\)"):
        jax.eval_shape(lambda z: ask(key, lambda z, x: jnp.sum(z), z, x, same), z)
    with pytest.raises(ValueError, match="one label an example"):
        diagnostics.shuffle_within(key, np.zeros((2, 2), int))
