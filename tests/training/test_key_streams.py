"""Every random number has an address, and no two addresses meet."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import training
from vae_jax.training import Stream
from vae_jax.training._keys import fold_indices, split_each

FROZEN = [[2325982825, 84530143], [1552836407, 3063486997]]


def data_of(keys):
    return np.asarray(jax.random.key_data(keys))


def test_the_streams_are_frozen():
    assert {stream.name: stream.value for stream in Stream} == {
        "INIT": 0,
        "ORDER": 1,
        "NOISE": 2,
        "DROPOUT": 3,
        "BINARISE": 4,
        "EVALUATE": 5,
        "CALIBRATE": 6,
        "INNER": 7,
        "VALIDATE": 8,
    }


def test_the_address_is_seed_stream_step_example():
    found = training.example_keys(training.member_key(7), Stream.DROPOUT, 11, 5)
    root = jax.random.key(7, impl="threefry2x32")
    for index in range(5):
        one = jax.random.fold_in(jax.random.fold_in(root, 3), 11)
        expected = jax.random.fold_in(one, index)
        np.testing.assert_array_equal(data_of(found[index]), data_of(expected))


def test_the_numbers_of_an_address_are_frozen():
    """Threefry's words for seed 0, noise of step 3: another jax must give them too.

    Made by `key_data(example_keys(member_key(0), Stream.NOISE, 3, 2))`, jax 0.10.2.
    """
    found = training.example_keys(training.member_key(0), Stream.NOISE, 3, 2)
    assert data_of(found).tolist() == FROZEN


def test_the_generator_does_not_follow_the_default_of_jax():
    with jax.default_prng_impl("rbg"):
        found = training.member_key(3)
    assert str(found.dtype) == "key<fry>"
    np.testing.assert_array_equal(data_of(found), data_of(training.member_key(3)))


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_keys_of_a_batch_do_not_depend_on_its_split(parts):
    member = training.member_key(0)
    together = training.example_keys(member, Stream.NOISE, 5, 8)
    root, size = training.stream_key(member, Stream.NOISE, 5), 8 // parts
    pieces = [
        data_of(fold_indices(root, start + jnp.arange(size)))
        for start in range(0, 8, size)
    ]
    np.testing.assert_array_equal(data_of(together), np.concatenate(pieces))
    # a larger batch begins with the same examples
    larger = training.example_keys(member, Stream.NOISE, 5, 12)
    np.testing.assert_array_equal(data_of(together), data_of(larger)[:8])


def test_seed_and_step_may_be_traced():
    def keys(seed, step):
        return training.example_keys(training.member_key(seed), Stream.NOISE, step, 3)

    traced = jax.jit(jax.vmap(keys))(jnp.arange(4), jnp.arange(4) + 10)
    for seed in range(4):
        np.testing.assert_array_equal(
            data_of(traced[seed]), data_of(keys(seed, seed + 10))
        )


def test_no_two_addresses_share_a_key():
    def keys(seed, step):
        member = training.member_key(seed)
        return jnp.stack(
            [
                jax.random.key_data(training.example_keys(member, stream, step, 8))
                for stream in Stream
            ]
        )

    seeds, steps = jnp.meshgrid(jnp.arange(5), jnp.arange(20))
    found = jax.jit(jax.vmap(keys))(seeds.ravel(), steps.ravel())
    words = np.asarray(found).reshape(-1, 2)
    assert len(words) == 5 * 20 * len(Stream) * 8
    assert len(np.unique(words, axis=0)) == len(words)


def test_a_key_that_is_split_gives_two_that_differ_from_it_and_from_all_others():
    keys = training.example_keys(training.member_key(0), Stream.EVALUATE, 0, 50)
    words = np.concatenate([data_of(k) for k in (keys, *split_each(keys))])
    assert len(np.unique(words, axis=0)) == 150
    alone = split_each(keys[:1])
    for part, whole in zip(alone, split_each(keys), strict=True):
        np.testing.assert_array_equal(data_of(part), data_of(whole[:1]))


def test_the_keys_of_a_step_come_from_one_key_typed_or_raw(users_view):
    typed = training.StepKeys.from_key(jax.random.key(3), 4)
    raw = training.StepKeys.from_key(jax.random.PRNGKey(3), np.int64(4))
    data = [jax.random.key_data(keys) for keys in (*typed, *raw)]
    np.testing.assert_array_equal(data[:2], data[2:])
    assert len(np.unique(np.concatenate(data[:2]), axis=0)) == 8
    # an example's keys are those of its place, whatever the size of the batch
    more = training.StepKeys.from_key(jax.random.key(3), 6)
    np.testing.assert_array_equal(jax.random.key_data(more.noise)[:4], data[0])


@pytest.mark.parametrize(
    ("key", "error", "shown"),
    [
        (3, TypeError, "a key, .*; got 3"),
        (jax.random.split(jax.random.key(0), 2), ValueError, r"one key; got .*\(2,\)"),
        (
            jax.random.split(jax.random.PRNGKey(0), 2),
            ValueError,
            r"one key; got .*\(2,\).* Fold the step into one",
        ),
        (np.zeros(2, np.int32), TypeError, r"a key, .*; got an array of int32, \(2,\)"),
    ],
)
def test_anything_but_one_key_is_refused(key, error, shown):
    with pytest.raises(error, match=f"`key` must be {shown}"):
        training.StepKeys.from_key(key, 4)


def test_a_batch_of_none_has_no_keys():
    with pytest.raises(ValueError, match="`batch_size` must be at least 1; got 0"):
        training.StepKeys.from_key(jax.random.key(0), 0)
