"""The categorical likelihood on logits: tokens, classes, grey levels as symbols.

Log-densities are in nats, summed over the event.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer, Shaped

from vae_jax import checks
from vae_jax.keys import as_key
from vae_jax.likelihoods._event import Likelihood, known_data, sum_event
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike


def categorical_log_prob(
    logits: Float[ArrayLike, "... classes"],
    tokens: Integer[ArrayLike, "..."],
    mask: Shaped[ArrayLike, "..."] | None = None,
    batch_ndim: int = 1,
) -> Float[Array, "..."]:
    """`sum_i l_i[t_i] - logsumexp_c l_i[c]` nats, over the tokens that are not masked.

    What is masked counts for nothing, whatever it holds: its token may be out of range
    and its logits infinite or NaN, and their gradient is 0. A token out of range that is
    *not* masked makes the value and the gradient of its example NaN; it is never clamped
    to a class. Check concrete data with `check_categorical_data`.

    Args:
        logits: `(*batch, *event, classes)`.
        tokens: `(*batch, *event)`, integers from 0 to classes - 1.
        mask: the shape of `tokens`; 0 (or False) leaves a token out, anything else counts
            it in full. None counts all of them.
        batch_ndim: leading axes that are kept; 0 for one example, as inside `vmap`.

    Raises:
        ValueError: the shapes differ, or the tokens are not integers.

    >>> logits, tokens = jnp.zeros((1, 3, 4)), jnp.array([[0, 2, -1]])
    >>> mask = jnp.array([[1, 1, 0]])
    >>> round(float(categorical_log_prob(logits, tokens, mask)[0]), 4)
    -2.7726
    """
    logits, tokens = as_float(logits), _as_tokens(tokens)
    if logits.shape[:-1] != tokens.shape or logits.ndim == 0:
        raise ValueError(
            "`logits` must have the shape of `tokens` and an axis for the classes, "
            f"({', '.join(map(str, (*tokens.shape, 'classes')))}); got {logits.shape}."
        )
    if mask is not None and jnp.iscomplexobj(mask):
        raise TypeError("`mask` must hold real numbers or booleans; got complex ones.")
    all_of_them = jnp.ones(tokens.shape, bool)
    keep = all_of_them if mask is None else jnp.asarray(mask).astype(bool)
    check_same_shape("mask", keep, "tokens", tokens)
    # masked before the softmax, not only after: 0 times the slope of an inf is NaN
    safe = jnp.where(keep[..., None], logits, 0.0)
    classes = logits.shape[-1]
    if classes == 0:
        raise ValueError(f"`logits` must have at least one class; got {logits.shape}.")
    known = (tokens >= 0) & (tokens < classes) | ~keep
    index = jnp.clip(tokens, 0, classes - 1)[..., None]
    picked = jnp.take_along_axis(jax.nn.log_softmax(safe), index, axis=-1)[..., 0]
    # times NaN: the gradient must not survive a token that does not exist
    picked = picked * jnp.where(known, 1.0, jnp.nan).astype(picked.dtype)
    return sum_event(jnp.where(keep, picked, 0.0), batch_ndim)


def _as_tokens(tokens: ArrayLike) -> Array:
    """At least as wide as int32: the number of classes may not fit into a byte."""
    if not isinstance(tokens, jax.Array):
        tokens = _narrow(np.asarray(tokens))
    array = jnp.asarray(tokens)
    _check_integers(array.dtype)
    return array.astype(jnp.int32) if array.dtype.itemsize < 4 else array


def _narrow(tokens: np.ndarray) -> np.ndarray:
    """In 32 bits, as JAX takes them; what does not fit is no class, not class 0."""
    _check_integers(tokens.dtype)
    if tokens.dtype.itemsize <= 4:
        return tokens
    fits = (tokens >= 0) & (tokens < 2**31)
    return np.where(fits, tokens, -1).astype(np.int32)


def _check_integers(dtype: np.dtype[Any]) -> None:
    if not jnp.issubdtype(dtype, jnp.integer):
        raise ValueError(
            f"`tokens` must be integers, 0 to classes - 1; got {dtype}. Round and cast "
            "them."
        )


def categorical() -> Likelihood:
    """Independent tokens; the decoder returns logits, `(*batch, *event, classes)`.

    Classes have no order, so that `mean` is the probability of each, with an axis more
    than `x`; `sample` is tokens, int32.

    >>> family = categorical()
    >>> family.mean(jnp.zeros((1, 2))).tolist()
    [[0.5, 0.5]]
    >>> family.sample(jax.random.key(0), jnp.array([[-50.0, 50.0]])).tolist()
    [1]
    """

    def sample(key: Array, logits: ArrayLike) -> Array:
        drawn = jax.random.categorical(as_key("key", key), as_float(logits))
        return drawn.astype(jnp.int32)

    return Likelihood(
        categorical_log_prob, lambda logits: jax.nn.softmax(as_float(logits)), sample
    )


def check_categorical_data(
    tokens: Shaped[ArrayLike, "..."],
    num_classes: int,
    mask: Shaped[ArrayLike, "..."] | None = None,
) -> None:
    """Refuse tokens that are not classes; concrete arrays only.

    Args:
        tokens: integers.
        num_classes: of the likelihood; at least 1.
        mask: the shape of `tokens`; what it leaves out may hold anything.

    Raises:
        TypeError: `num_classes` is no whole number.
        ValueError: no integers, an unmasked token out of range (names it), or a mask of
            another shape.

    >>> check_categorical_data(np.array([0, 3, -1]), 4, mask=np.array([1, 1, 0]))
    """
    tokens, num_classes = (
        np.asarray(tokens),
        checks.whole("num_classes", num_classes, 1),
    )
    _check_integers(tokens.dtype)
    keep = np.ones(tokens.shape, bool)
    if mask is not None:
        keep = known_data(mask, "mask") != 0
    if keep.shape != tokens.shape:
        raise ValueError(
            f"`mask` must have the shape of `tokens`, {tokens.shape}; got {keep.shape}."
        )
    wrong = keep & ((tokens < 0) | (tokens >= num_classes))
    if wrong.any():
        raise ValueError(
            f"`tokens` must be 0 to {num_classes - 1}, for {num_classes} classes; got "
            f"{tokens[wrong].flat[0]}. Mask what is padding."
        )
