"""What a trained model may be given: refused with the fix where it is anything else."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.assembly import About
from vae_jax.likelihoods import check_count_data
from vae_jax.records import Facts
from vae_jax.types import Array

RANGES = {"binary": (0.0, 1.0), "unit": (0.0, 1.0), "signed": (-1.0, 1.0)}
"""Of the pixels that a likelihood wants, as the model sees them."""


STORED = {
    "levels": np.uint8,
    "tokens": np.int32,
    "counts": np.int32,
    "unit": np.float32,
    "real": np.float32,
}
"""Dtypes of examples as a data set of each kind stores them."""


def as_stored(x: Any, facts: Facts) -> np.ndarray:
    """Examples as the data set stores them: levels, tokens, counts or numbers.

    Raises:
        ValueError: another dtype, shape or range; names it and the fix.

    >>> as_stored(np.full((2, 8, 8), 16, np.uint8), Facts((8, 8), 16, 1200)).shape
    (2, 8, 8)
    """
    array = np.asarray(x)
    if facts.kind == "tokens":
        return as_tokens(array, facts)
    if facts.kind != "levels":
        return as_numbers(array, facts)
    if array.dtype != np.uint8:
        raise ValueError(
            f"`x` must be uint8, images as stored with levels from 0 to {facts.max_value}; "
            f"got {array.dtype}. Images as the model sees them, which were prepared "
            "before, are given with `prepared=True`."
        )
    check_shape(array, facts.event_shape, "images as stored")
    check_range(array, 0, facts.max_value, "levels")
    return array


def as_given(x: Any, about: About) -> np.ndarray:
    """Examples as they stand in the file, as the data set stores them.

    Raises:
        ValueError: see `as_stored`; numbers beyond the range that was said of them.

    >>> from vae_jax.data import Origin
    >>> facts, origin = Facts((1,), 1, 9, kind="unit"), Origin(None, -1.0, 2.0)
    >>> as_given(np.array([[0.0]]), About(facts, origin=origin)).tolist()
    [[0.5]]
    """
    facts, origin = about.facts, about.origin
    if origin is None:
        return as_stored(x, facts)
    array = np.asarray(x)
    if origin.shape is not None and array.shape[1:] == origin.shape:
        array = array.reshape(-1, *facts.event_shape)
    if not origin.scales or array.dtype.kind not in "biuf":
        return as_stored(array, facts)
    check_shape(array, facts.event_shape, "examples as they stand in the file")
    if facts.kind == "unit":
        low = float(origin.offset)
        check_range(array, low, low + float(origin.factor), "numbers of the file")
    return as_stored(origin.taken(array), facts)


def as_numbers(array: np.ndarray, facts: Facts) -> np.ndarray:
    """Counts, or numbers as the data set holds them, standardised where it is.

    >>> as_numbers(np.array([[0.5, 1.0]]), Facts((2,), 1, 9, kind="unit")).dtype
    dtype('float32')
    """
    if array.dtype.kind not in "biuf":
        raise ValueError(f"`x` must be real numbers; got {array.dtype}.")
    check_shape(array, facts.event_shape, "examples")
    if facts.kind == "counts":
        check_count_data(array)
    elif not np.isfinite(array).all():
        raise ValueError("`x` must be finite; got NaN or infinity.")
    if facts.kind == "unit":
        check_range(array, 0, 1, "numbers")
    return array.astype(STORED[facts.kind])


def as_tokens(array: np.ndarray, facts: Facts) -> np.ndarray:
    """Tokens of sentences without the one that begins them.

    >>> as_tokens(np.array([[4, 3, 0]]), Facts((3,), 5, 10)).dtype
    dtype('int32')
    """
    if array.dtype.kind not in "iu":
        raise ValueError(f"`x` must be tokens, whole numbers; got {array.dtype}.")
    check_shape(array, facts.event_shape, "sentences, padded with 0 and without BOS,")
    check_range(array, 0, facts.max_value, "tokens")
    return array.astype(np.int32)


def as_prepared(x: Any, like: jax.ShapeDtypeStruct, wants: str) -> Array:
    """Images as the model sees them.

    Args:
        x: the images.
        like: shape and dtype of one, as the member prepares it.
        wants: what the likelihood is a density of; "" where that is the user's own.

    Raises:
        ValueError: another dtype, shape or range; names it and the fix.

    >>> like = jax.ShapeDtypeStruct((1, 2), np.float32)
    >>> as_prepared(np.ones((3, 2), np.float32), like, "unit").shape
    (3, 2)
    """
    array = np.asarray(x)
    if array.dtype.kind != "f" and array.dtype != jnp.bfloat16:
        raise ValueError(
            f"`x` must be floating with `prepared=True`; got {array.dtype}. Images as "
            "stored are given without it, and the member prepares them."
        )
    check_shape(array, like.shape[1:], "images as the model sees them")
    if not np.isfinite(array).all():
        raise ValueError("`x` must be finite; got NaN or infinity.")
    if wants in RANGES:
        check_range(array, *RANGES[wants], f"pixels for a {wants} likelihood")
    if wants == "binary" and not np.isin(array, (0, 1)).all():
        wrong = array[~np.isin(array, (0, 1))].flat[0]
        raise ValueError(
            f"`x` must be 0 and 1, as this member sees its images; got {wrong}. "
            "Binarise them, or give uint8 images as stored."
        )
    return jnp.asarray(array, like.dtype)


def as_codes(z: Any, latent_dim: int) -> Array:
    """Codes, one a row.

    Raises:
        ValueError: another shape, or not finite.

    >>> as_codes(np.zeros((3, 2)), 2).dtype
    dtype('float32')
    """
    array = np.asarray(z)
    if array.dtype.kind not in "fiu" and array.dtype != jnp.bfloat16:
        raise ValueError(f"`z` must be real numbers; got {array.dtype}.")
    if array.ndim != 2 or array.shape[1] != latent_dim or not len(array):
        raise ValueError(
            f"`z` must have the shape (n, {latent_dim}), a code a row; got {array.shape}."
            + (" Give one code as `z[None]`." if array.shape == (latent_dim,) else "")
        )
    if not np.isfinite(array).all():
        raise ValueError("`z` must be finite; got NaN or infinity.")
    return jnp.asarray(array, jnp.float32)


def check_shape(array: np.ndarray, event: tuple[int, ...], what: str) -> None:
    """At least one example of this shape.

    >>> check_shape(np.zeros((2, 8)), (8,), "images")
    """
    if array.shape[1:] != tuple(event) or array.ndim == 0 or not len(array):
        shape = ", ".join(map(str, event))
        one = " Give one example as `x[None]`." if array.shape == tuple(event) else ""
        raise ValueError(
            f"`x` must have the shape (n, {shape}), {what} with n at least 1; got "
            f"{array.shape}.{one}"
        )


def check_range(array: np.ndarray, low: float, high: float, what: str) -> None:
    """Nothing outside of a range.

    >>> check_range(np.array([0, 16]), 0, 16, "levels")
    """
    wrong = (array < low) | (array > high)
    if wrong.any():
        raise ValueError(
            f"`x` must hold {what} from {low:g} to {high:g}; got {array[wrong].flat[0]}."
        )
