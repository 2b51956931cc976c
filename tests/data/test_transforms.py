"""Laws of the transforms: exact thresholds, exact probabilities, noise per example."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from vae_jax import data
from vae_jax.data._transforms import _digits, _digits_per_word

LEVELS = {16: np.arange(17, dtype=np.uint8), 255: np.arange(256, dtype=np.uint8)}
max_values = pytest.mark.parametrize("max_value", LEVELS)
noisy = pytest.mark.parametrize("transform", [data.binarize_dynamic, data.dequantize])


def jitted(transform, max_value):
    return jax.jit(lambda keys, images: transform(keys, images, max_value))


def random_images(shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@max_values
@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit])
def test_scale_divides_by_the_largest_value(max_value, wrap):
    levels = LEVELS[max_value]
    scaled = wrap(lambda x: data.scale(x, max_value))(levels)
    assert scaled.dtype == jnp.float32
    # XLA multiplies by the reciprocal: two roundings of half a unit, 2 * 2^-24
    np.testing.assert_allclose(scaled, levels / max_value, rtol=2**-23, atol=0)
    assert (float(scaled[0]), float(scaled[-1])) == (0.0, 1.0)


@max_values
def test_static_binarization_is_above_one_half(max_value):
    levels = LEVELS[max_value]
    binary = data.binarize_static(levels, max_value)
    assert binary.dtype == jnp.float32
    np.testing.assert_array_equal(binary, levels / max_value > 0.5)


@pytest.mark.parametrize(("base", "count"), [(16, 8), (255, 4), (2, 32), (1, 32)])
def test_one_word_holds_as_many_digits_as_fit(base, count):
    assert _digits_per_word(base) == count


@pytest.mark.parametrize("base", [16, 255])
def test_digits_are_those_of_exact_integers(base):
    count = _digits_per_word(base)
    words = np.random.default_rng(0).integers(0, 2**32, 2000, dtype=np.uint32)
    words = np.concatenate([words, np.array([0, 1, 2**32 - 1], np.uint32)])
    expected = [
        [int(word) * base ** (k + 1) // 2**32 % base for word in words]
        for k in range(count)
    ]
    np.testing.assert_array_equal(_digits(jnp.asarray(words), base, count), expected)


@pytest.mark.parametrize("base", [16, 255])
def test_every_probability_by_counting_all_words(base):
    """How many of all 2^32 words make a pixel of each grey level 1, for every digit."""
    # The first digit grows with the word: it is below `level` for the words before
    # `level * 2^32 / base`, rounded up. So two words on both sides of each bound count.
    bounds = [-(-level * 2**32 // base) for level in range(base + 1)]
    inside = jnp.asarray([bound - 1 for bound in bounds[1:]], jnp.uint32)
    beyond = jnp.asarray(bounds[:-1], jnp.uint32)
    np.testing.assert_array_equal(_digits(inside, base, 1)[0], np.arange(base))
    np.testing.assert_array_equal(_digits(beyond, base, 1)[0], np.arange(base))
    errors = [count / 2**32 - level / base for level, count in enumerate(bounds)]
    assert max(map(abs, errors)) <= (0 if base == 16 else 2**-32)
    assert (errors[0], errors[-1]) == (0, 0)
    # Digit k is the first digit of word * base^k: a permutation of all words for an odd
    # base; for a power of two the next bits of the same word.
    assert base % 2 == 1 or 2**32 % base == 0


def test_what_even_scales_lose():
    """Each digit of an even base takes the factors 2 from the next: the word that is left
    is uniform over multiples of 2^(k s), and no probability is further off than that."""
    for base in range(1, 256):
        twos, k = (base & -base).bit_length() - 1, _digits_per_word(base) - 1
        if base & (base - 1):
            assert 2.0 ** (k * twos - 32) <= (2**-32 if base % 2 else 2**-14)


def test_bi_level_images_are_not_random(key):
    images = np.random.default_rng(0).integers(0, 2, (3, 40), np.uint8)
    keys = jax.random.split(key, 3)
    np.testing.assert_array_equal(data.binarize_dynamic(keys, images, 1), images)


@max_values
def test_dynamic_binarization_has_the_grey_level_as_its_frequency(max_value, key):
    levels = LEVELS[max_value]
    repeats = 20_000
    images = np.broadcast_to(levels, (repeats, len(levels)))
    draws = jitted(data.binarize_dynamic, max_value)(
        jax.random.split(key, repeats), images
    )
    assert draws.dtype == jnp.float32
    assert set(np.unique(draws)) == {0.0, 1.0}
    frequency, probability = np.mean(draws, 0), levels / max_value
    error = np.sqrt(probability * (1 - probability) / repeats)
    # the largest of 256 normal deviations is under 5 in 9999 of 10 000 seeds
    assert np.all(np.abs(frequency - probability) <= 5 * error)
    assert (frequency[0], frequency[-1]) == (0.0, 1.0)


@max_values
def test_the_pixels_of_one_word_are_uncorrelated(max_value, key):
    repeats, per_word = 20_000, _digits_per_word(max_value)
    images = np.full((repeats, per_word), max_value // 2, np.uint8)
    draws = jitted(data.binarize_dynamic, max_value)(
        jax.random.split(key, repeats), images
    )
    correlation = np.corrcoef(np.asarray(draws), rowvar=False) - np.eye(per_word)
    # 28 pairs at the most, each with standard error 1 / sqrt(repeats)
    assert np.abs(correlation).max() < 5 / np.sqrt(repeats)


@max_values
def test_dequantized_pixels_fill_their_grey_level_evenly(max_value, key):
    images = np.broadcast_to(LEVELS[max_value], (500, max_value + 1))
    x = jitted(data.dequantize, max_value)(jax.random.split(key, 500), images)
    assert x.dtype == jnp.float32
    grey = np.asarray(x, np.float64) * (max_value + 1)
    np.testing.assert_array_equal(np.floor(grey), images)
    assert stats.kstest((grey - images).ravel(), "uniform").pvalue > 1e-3


@max_values
def test_the_largest_dequantized_value_stays_below_one(max_value):
    largest = np.float32(max_value) + np.float32((2**16 - 1) * 2**-16)
    assert largest < max_value + 1
    assert largest / np.float32(max_value + 1) < 1


@noisy
@pytest.mark.parametrize("event", [(5,), (3, 4, 3)])
def test_noise_belongs_to_the_example(transform, event, key):
    images = random_images((6, *event))
    keys = jax.random.split(key, 6)
    noised = jitted(transform, 255)
    together = noised(keys, images)
    assert together.shape == images.shape
    halves = [noised(keys[s], images[s]) for s in (slice(3), slice(3, 6))]
    np.testing.assert_array_equal(together, np.concatenate(halves))
    assert not np.array_equal(together, noised(keys[::-1], images))


@noisy
def test_vmap_over_members_changes_nothing(transform, key):
    images = random_images((2, 6, 4, 4))
    keys = jax.random.split(key, (2, 6))
    noised = jitted(transform, 255)
    one_by_one = [noised(k, x) for k, x in zip(keys, images, strict=True)]
    np.testing.assert_array_equal(jax.vmap(noised)(keys, images), one_by_one)


@noisy
def test_images_that_are_not_as_stored_are_refused(transform, key):
    # the type checker of the tests would refuse first; in production there is none
    bare = inspect.unwrap(transform)
    keys = jax.random.split(key, 2)
    with pytest.raises(
        ValueError, match="`images` must be uint8, as stored; got float32"
    ):
        bare(keys, jnp.zeros((2, 4)), 255)
    with pytest.raises(
        ValueError, match=r"`keys` must hold one key an example, \(3,\); got \(2,\)"
    ):
        bare(keys, jnp.zeros((3, 4), jnp.uint8), 255)


@noisy
def test_raw_keys_draw_what_typed_ones_draw(transform, users_view):
    images = jnp.full((2, 4), 100, jnp.uint8)
    expected = transform(jax.random.split(jax.random.key(0), 2), images, 255)
    raw = jax.random.split(jax.random.PRNGKey(0), 2)
    for keys in (raw, np.asarray(raw)):
        np.testing.assert_array_equal(transform(keys, images, 255), expected)


@noisy
def test_what_is_not_one_key_an_image_is_refused(transform, users_view):
    """Two raw keys are (2, 2), and one is (2,): it is no key for each of two images."""
    images = jnp.zeros((2, 4), jnp.uint8)
    raw = jax.random.split(jax.random.PRNGKey(0), 3)
    for keys, got in (
        (raw, r"\(3,\)"),
        (raw[0], r"\(\)"),
        (np.asarray(raw), r"\(3,\)"),
    ):
        with pytest.raises(ValueError, match=rf"`keys` must hold .*\(2,\); got {got}"):
            transform(keys, images, 255)
    for keys in (list(raw), None):
        with pytest.raises(
            TypeError, match=r"`keys` must be a key.*random.key\(seed\)"
        ):
            transform(keys, images, 255)
