"""Keys: typed and raw ones alike, and what is none of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from vae_jax import gaussian, keys, losses

pytestmark = pytest.mark.usefixtures("users_view")
ZEROS = np.zeros((3, 2), np.float32)


def log_joint(z):
    return -jnp.sum(z**2, axis=-1)


def test_raw_keys_draw_what_typed_ones_draw():
    raw, typed = jax.random.PRNGKey(7), jax.random.key(7)
    expected = gaussian.reparameterize(typed, ZEROS, ZEROS)
    for key in (raw, np.asarray(raw)):
        found = gaussian.reparameterize(key, ZEROS, ZEROS)
        np.testing.assert_array_equal(found, expected)
    found, expected = (
        losses.importance_bound(jax.random.split(key, 3), ZEROS, ZEROS, log_joint, 4)
        for key in (raw, typed)
    )
    np.testing.assert_array_equal(found, expected)


def test_raw_keys_are_keys_under_vmap():
    raw = jax.random.split(jax.random.PRNGKey(0), 3)
    found = jax.vmap(gaussian.reparameterize)(raw, ZEROS, ZEROS)
    typed = jax.random.split(jax.random.key(0), 3)
    expected = jax.vmap(gaussian.reparameterize)(typed, ZEROS, ZEROS)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (nnx.Rngs(0), r"as `jax.random.key\(seed\)` makes it; got Rngs. .*`rngs\(\)`"),
        (0, "got 0"),
        (None, "got NoneType"),
        (
            ZEROS,
            r"got an array of float32, \(3, 2\). The key is an argument of its own",
        ),
        (np.zeros(3, np.uint32), r"got an array of uint32, \(3,\)"),
    ],
)
def test_what_is_no_key_is_named(key, said):
    with pytest.raises(TypeError, match=f"`key` must be a key, .*{said}"):
        gaussian.reparameterize(key, ZEROS, ZEROS)
    with pytest.raises(TypeError, match="`keys` must be a key"):
        keys.as_keys("keys", key, 3)


def test_swapped_arguments_of_reparameterize():
    with pytest.raises(
        TypeError, match=r"`key` must be a key, .* of float32, \(3, 2\)"
    ):
        gaussian.reparameterize(ZEROS, ZEROS, jax.random.key(0))


def test_another_number_of_keys():
    several = jax.random.split(jax.random.key(0), 2)
    with pytest.raises(ValueError, match=r"`key` must be one key; got .*\(2,\) keys"):
        gaussian.reparameterize(several, ZEROS, ZEROS)
    with pytest.raises(ValueError, match=r"`keys` must hold .*\(3,\); got \(2,\)"):
        losses.importance_bound(several, ZEROS, ZEROS, log_joint, 4)
