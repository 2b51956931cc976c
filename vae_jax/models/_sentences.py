"""What the models of sentences share: pure functions, and checks of sizes and tokens."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from vae_jax.models._assemble import DEFAULT_KNOBS, compute_dtype, flatten, needed
from vae_jax.models._dropout import OptionalKeys, word_dropout
from vae_jax.numerics import as_float
from vae_jax.tokens import BOS, EOS, UNK
from vae_jax.types import Array, ArrayLike, Params
from vae_jax.vae import VAE, DiagGaussian, Knobs


def assemble_sentences(
    init: Callable[[Array], Params],
    read: Callable[[Params, Array], tuple[Array, Array]],
    write: Callable[[Params, Array, Array, OptionalKeys, Knobs], Array],
    length: int,
    latent_dim: int,
) -> VAE:
    """A `VAE` of sentences from what reads and what writes them.

    Args:
        init: of the parameters, "encoder" and "decoder".
        read: `(own, x)`, the mean and the log-variance of the posterior.
        write: `(own, z, x, keys, knobs)`, logits of every token given those before.
        length: tokens of a sentence.
        latent_dim: units of z.

    >>> zeros = lambda *_: (jnp.zeros((1, 2)), jnp.zeros((1, 2)))
    >>> vae = assemble_sentences(dict, zeros, zeros, length=3, latent_dim=2)
    >>> vae.encode({"encoder": {"bias": jnp.zeros(2)}}, jnp.array([[4, 3, 0]])).mean.shape
    (1, 2)
    """

    def encode(
        params: Params,
        x: Int[ArrayLike, "batch length"],
        *,
        key: OptionalKeys = None,
        knobs: Knobs = DEFAULT_KNOBS,
    ) -> DiagGaussian:
        # nothing that reads sentences is random or varied by a knob
        del key, knobs
        mean, logvar = read(params["encoder"], checked_tokens(x, length))
        return DiagGaussian(as_float(mean), as_float(logvar))

    def decode(
        params: Params,
        z: Float[ArrayLike, "batch latent"],
        x: Int[ArrayLike, "batch length"] | None = None,
        *,
        key: OptionalKeys = None,
        knobs: Knobs = DEFAULT_KNOBS,
    ) -> Any:
        own, x = params["decoder"], checked_tokens(needed(x), length)
        z = flatten(z, (latent_dim,), compute_dtype(own), "z")
        if len(z) != len(x):
            raise ValueError(
                f"`z` must have one row for each sentence of `x`; got {len(z)} and "
                f"{len(x)}."
            )
        return as_float(write(own, z, x, key, knobs))

    # outside of a program, one compilation in place of one an operation
    return VAE(jax.jit(init), encode, decode)


def checked_tokens(x: ArrayLike, length: int) -> Array:
    """Tokens, refused if they are no integers or of another length.

    >>> checked_tokens(jnp.array([[4, 3, 0]]), 3).shape
    (1, 3)
    """
    x = jnp.asarray(x)
    if x.ndim != 2 or x.shape[1] != length:
        raise ValueError(f"`x` must have the shape (batch, {length}); got {x.shape}.")
    if not jnp.issubdtype(x.dtype, jnp.integer):
        raise ValueError(f"`x` must be tokens, integers; got {x.dtype}. Cast them.")
    return x


def with_bos(x: Array) -> Array:
    """The token that begins a sentence in front of it.

    >>> with_bos(jnp.array([[4, 3]])).tolist()
    [[2, 4, 3]]
    """
    return jnp.concatenate([jnp.full_like(x[:, :1], BOS), x], axis=1)


def hide_word(token: Array, rate: ArrayLike) -> Array:
    """What a decoder that writes reads of its last token: at a word dropout of 1, nothing.

    >>> hide_word(jnp.array([2, 7]), 1.0).tolist(), hide_word(jnp.array([7]), 0.5).tolist()
    ([2, 1], [7])
    """
    return jnp.where(token == BOS, token, word_dropout(None, rate, token, UNK))


def check_sizes(vocab_size: int, **sizes: int) -> None:
    """Refuse sizes of which no model can be made.

    >>> check_sizes(4, length=1)
    """
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"`{name}` must be at least 1; got {size}.")
    if vocab_size <= EOS:
        raise ValueError(
            f"`vocab_size` counts the four special tokens, at least 4; got {vocab_size}."
        )
