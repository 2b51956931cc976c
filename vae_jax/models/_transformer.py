"""A VAE of sentences: Transformers that read them and write them."""

from functools import partial
from typing import Literal, get_args

import jax
from jaxtyping import Key

from vae_jax.models import _transformer_body as body
from vae_jax.models._assemble import (
    default_dtype,
)
from vae_jax.models._sentences import assemble_sentences, check_sizes
from vae_jax.models._transformer_layer import init_layer, init_linear, init_norm
from vae_jax.types import Array, Params
from vae_jax.vae import VAE

LatentUse = Literal["prefix", "memory", "add"]
"""How a Transformer decoder is given z."""


def transformer(
    length: int,
    vocab_size: int,
    latent_dim: int,
    *,
    latent_use: LatentUse,
    width: int = 64,
    num_layers: int = 2,
    num_heads: int = 4,
    remat: bool = False,
) -> VAE:
    """A sentence VAE of pre-norm Transformers, after OPTIMUS.

    `p(x|z) = prod_t p(x_t | x_(t-w) ... x_(t-1), z)`, with `w = knobs.window`. The window
    is data: one compiled program serves all. The input at t is the token t - 1, and layer
    l of L sees `((w - 1) + L - 1 - l) // L` positions back besides its own, which is
    `w - 1` in all. At `w = 0` every input is hidden, by reading it as the token that begins
    a sentence; from `w = length` on every layer sees everything before. z is always seen.

    The encoder sees the whole sentence, without padding; its posterior is linear in what
    becomes of the token that begins. The decoder is given z in one of three ways, and which
    one is what runs compare, so that there is no default:

    - "prefix": a position in front of the sentence, linear in z, that all positions see. It
      has a bias that starts at random: the norm of its layer would leave no more than the
      direction of `W z`, which for one unit is a sign.
    - "memory": a key and a value in front of those of every layer's positions, linear in z
      and of its own for each layer, in the same softmax (OPTIMUS's memory).
    - "add": a vector, linear in z, added to the input of every position (its embedding).

    Sentences are those of `models.lstm`, and so is the density of the logits, `(batch,
    length, vocab_size)`, that `decode` returns. `knobs.dropout` is that of the decoder's
    embeddings, of both branches of its layers and of its outputs, never of what is linear
    in z; `knobs.word_dropout` replaces what it reads by the unknown word (1). Positions are
    told apart by sinusoids, so that no parameter depends on `length`: the same ones serve
    sentences with more padding.

    Li et al. (2020), Section 3.2, arXiv:2004.04092, with layers as of Xiong et al. (2020),
    arXiv:2002.04745.

    Args:
        length: tokens of a sentence, padding included.
        vocab_size: with the four special tokens.
        latent_dim: units of z.
        latent_use: "prefix", "memory" or "add".
        width: of a position's state.
        num_layers: of either Transformer.
        num_heads: that share the width.
        remat: computes every layer again in the backward pass instead of keeping what is
            inside; the same gradients for less memory.

    Raises:
        ValueError: a size below 1, a width that the heads do not divide, an unknown
            `latent_use`, or a vocabulary of fewer than 4 tokens.

    >>> import jax.numpy as jnp
    >>> vae = transformer(5, 10, 2, latent_use="prefix", width=8, num_layers=1)
    >>> params = jax.eval_shape(vae.init, jax.random.key(0))
    >>> z, x = jnp.zeros((1, 2)), jnp.array([[4, 5, 3, 0, 0]])
    >>> jax.eval_shape(vae.encode, params, x).mean.shape
    (1, 2)
    >>> jax.eval_shape(vae.decode, params, z, x).shape
    (1, 5, 10)
    """
    check_sizes(
        vocab_size,
        length=length,
        latent_dim=latent_dim,
        width=width,
        num_layers=num_layers,
        num_heads=num_heads,
    )
    _check_choices(latent_use, width, num_heads)
    sizes = vocab_size, latent_dim, width, num_layers, num_heads

    def init(key: Key[Array, ""]) -> Params:
        keys = jax.random.split(key)
        return {
            "encoder": _init_encoder(keys[0], *sizes),
            "decoder": _init_decoder(keys[1], *sizes, latent_use),
        }

    read, write = partial(body.encode, remat=remat), partial(body.decode, remat=remat)
    return assemble_sentences(init, read, write, length, latent_dim)


def _init_encoder(
    key: Array,
    vocab_size: int,
    latent_dim: int,
    width: int,
    num_layers: int,
    num_heads: int,
) -> Params:
    keys = jax.random.split(key, 3)
    return {
        **_init_body(keys[0], vocab_size, width, num_layers, num_heads),
        "posterior": init_linear(keys[1], width, 2 * latent_dim),
    }


def _init_decoder(
    key: Array,
    vocab_size: int,
    latent_dim: int,
    width: int,
    num_layers: int,
    num_heads: int,
    latent_use: LatentUse,
) -> Params:
    keys = jax.random.split(key, 4)
    per_head = num_layers, 2, num_heads, width // num_heads
    of_latent = init_linear(
        keys[2], latent_dim, *(per_head if latent_use == "memory" else (width,))
    )
    if latent_use == "prefix":
        of_latent["bias"] = jax.random.normal(keys[3], (width,), default_dtype())
    return {
        **_init_body(keys[0], vocab_size, width, num_layers, num_heads),
        "output": init_linear(keys[1], width, vocab_size),
        latent_use: of_latent,
    }


def _init_body(
    key: Array, vocab_size: int, width: int, num_layers: int, num_heads: int
) -> Params:
    keys = jax.random.split(key, num_layers + 1)
    # as large as the sinusoids
    table = jax.random.normal(keys[-1], (vocab_size, width), default_dtype())
    # compiled once for all layers, in half of the time of `vmap`
    stacked = jax.lax.map(lambda own: init_layer(own, width, num_heads), keys[:-1])
    layers = {
        f"layer_{n}": jax.tree.map(lambda leaf, n=n: leaf[n], stacked)
        for n in range(num_layers)
    }
    return {"embedding": {"embedding": table}, **layers, "norm": init_norm(width)}


def _check_choices(latent_use: str, width: int, num_heads: int) -> None:
    known = get_args(LatentUse)
    if latent_use not in known:
        raise ValueError(
            f"`latent_use` must be one of {', '.join(known)}; got {latent_use!r}."
        )
    if width % num_heads:
        raise ValueError(
            f"`width` must be a multiple of `num_heads`, which share it; got {width} and "
            f"{num_heads}."
        )
