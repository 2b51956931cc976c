"""From stored uint8 images to what a model sees, inside the train step.

Randomness is keyed per example, so that a batch split over devices sees the same noise.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Num, UInt8, UInt32

from vae_jax.keys import as_keys
from vae_jax.types import Array, ArrayLike, PRNGKey, PRNGKeys


def scale(images: UInt8[ArrayLike, "*shape"], max_value: int) -> Float[Array, "*shape"]:
    """Grey levels as float32 in [0, 1]: `image / max_value`.

    >>> scale(jnp.array([0, 4, 16], jnp.uint8), 16).tolist()
    [0.0, 0.25, 1.0]
    """
    return jnp.divide(_uint8(images).astype(jnp.float32), jnp.float32(max_value))


def binarize_static(
    images: UInt8[ArrayLike, "*shape"], max_value: int
) -> Float[Array, "*shape"]:
    """1 where `image / max_value > 0.5`, else 0, as float32.

    >>> binarize_static(jnp.array([0, 8, 9], jnp.uint8), 16).tolist()
    [0.0, 0.0, 1.0]
    """
    doubled = 2 * _uint8(images).astype(jnp.int32)
    return (doubled > max_value).astype(jnp.float32)


def binarize_dynamic(
    keys: PRNGKeys, images: UInt8[ArrayLike, " batch *event"], max_value: int
) -> Float[Array, " batch *event"]:
    """Bernoulli draws with probability `image / max_value`, as float32.

    A pixel is 1 where a digit in base `max_value`, uniform on 0 ... max_value - 1, is
    below its grey level. One 32-bit word holds several such digits (four for 255, eight
    for 16), so that few random bits are spent. Every probability is exact if
    `max_value` is a power of two, within 2^-32 if it is odd, and within 2^-14 if not; 0
    and `max_value` are never random.

    Salakhutdinov and Murray (2008), "On the quantitative analysis of deep belief
    networks", for the practice.

    >>> keys = jax.random.split(jax.random.key(0), 1)
    >>> binarize_dynamic(keys, jnp.array([[0, 16]], jnp.uint8), 16).tolist()
    [[0.0, 1.0]]
    """
    images = _uint8(images)
    keys = as_keys("keys", keys, len(images))
    thresholds = images.reshape(len(images), -1).astype(jnp.uint32)
    size = thresholds.shape[1]
    digits = jax.vmap(lambda key: _uniform_digits(key, size, max_value))(keys)
    return (digits < thresholds).astype(jnp.float32).reshape(images.shape)


def dequantize(
    keys: PRNGKeys, images: UInt8[ArrayLike, " batch *event"], max_value: int
) -> Float[Array, " batch *event"]:
    """Uniform noise of one grey level: `(image + u) / (max_value + 1)`, in [0, 1).

    `u` is a multiple of 2^-16: the finest that float32 holds beside 255, so that the
    result never rounds up to 1.

    Theis, van den Oord and Bethge (2016), arXiv:1511.01844, Section 3.1.

    >>> keys = jax.random.split(jax.random.key(0), 1)
    >>> x = dequantize(keys, jnp.array([[0, 16]], jnp.uint8), 16) * 17
    >>> jnp.floor(x).tolist()
    [[0.0, 16.0]]
    """
    images = _uint8(images)
    keys = as_keys("keys", keys, len(images))
    event = images.shape[1:]
    bits = jax.vmap(lambda key: jax.random.bits(key, event, jnp.uint16))(keys)
    noise = bits.astype(jnp.float32) * jnp.float32(2**-16)
    grey = images.astype(jnp.float32) + noise
    return jnp.divide(grey, jnp.float32(max_value + 1))


def of_numbers(
    keys: PRNGKeys | None,
    numbers: Num[ArrayLike, " batch *event"],
    binarize: str | None,
) -> Float[Array, " batch *event"]:
    """Numbers as float32, or binarised: 1 above 0.5, or drawn with that probability.

    Args:
        keys: one an example, for draws.
        numbers: from 0 to 1 if they are binarised.
        binarize: `static`, `dynamic`, or anything else for none.

    >>> of_numbers(None, jnp.array([[0.2, 0.7]]), "static").tolist()
    [[0.0, 1.0]]
    """
    plain = jnp.asarray(numbers).astype(jnp.float32)
    if binarize == "static":
        return (plain > 0.5).astype(jnp.float32)
    if binarize != "dynamic":
        return plain
    keys = as_keys("keys", keys, len(plain))
    event = plain.shape[1:]
    chance = jax.vmap(lambda key: jax.random.uniform(key, event))(keys)
    return (chance < plain).astype(jnp.float32)


def _uint8(images: ArrayLike) -> Array:
    """The images, refused if they are not as stored."""
    array = jnp.asarray(images)
    if array.dtype != jnp.uint8:
        raise ValueError(
            f"`images` must be uint8, as stored; got {array.dtype}. Numbers from 0 to 1 "
            "are np.round(255 * x).astype(np.uint8) with max_value=255."
        )
    return array


def _uniform_digits(key: PRNGKey, size: int, base: int) -> UInt32[Array, " {size}"]:
    """Digits in a base, uniform, several to a random word."""
    per_word = _digits_per_word(base)
    words = jax.random.bits(key, (-(-size // per_word),), jnp.uint32)
    return _digits(words, base, per_word).reshape(-1)[:size]


def _digits_per_word(base: int) -> int:
    """The largest count of digits whose combinations fit into 32 bits."""
    count = 1
    while count < 32 and base ** (count + 1) <= 2**32:
        count += 1
    return count


def _digits(
    words: UInt32[Array, " words"], base: int, count: int
) -> UInt32[Array, "{count} words"]:
    """The leading digits of `words / 2^32` in a base of at most 2^16.

    A digit is the high half of `word * base`, and the low half is the next word. An odd
    base permutes the words, so every digit is as uniform as the first.
    """
    digits, factor = [], jnp.uint32(base)
    for _ in range(count):
        low = (words & jnp.uint32(0xFFFF)) * factor
        high = (words >> 16) * factor + (low >> 16)
        digits.append(high >> 16)
        words = words * factor
    return jnp.stack(digits)
