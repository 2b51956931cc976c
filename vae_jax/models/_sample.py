"""Images from codes, for decoders with and without teacher forcing."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float, Key

from vae_jax.keys import as_keys
from vae_jax.likelihoods import Likelihood
from vae_jax.models._assemble import DEFAULT_KNOBS
from vae_jax.types import Array, ArrayLike, Params
from vae_jax.vae import VAE, Knobs


def sample(
    keys: Key[Array, " batch"],
    vae: VAE,
    likelihood: Likelihood,
    params: Params,
    z: Float[ArrayLike, "batch latent"],
    event_shape: tuple[int, ...],
    *,
    knobs: Knobs = DEFAULT_KNOBS,
) -> Float[Array, " batch *event"]:
    """Draw `x ~ p(x|z)`, one image a code.

    With the noise of an image drawn once, each pixel is a function of those before it:
    `x = f(x)`, whose only fixed point is the ancestral sample. A pass `x <- f(x)`
    settles at least one more pixel, so that `num_pixels` passes are always enough; the
    loop ends at the fixed point, which a decoder that ignores `x` reaches in one. Song
    et al. (2021), arXiv:2002.03629.

    Args:
        keys: one an image. Two images with the same key differ only by their code.
        vae: any model whose decoder, if it reads `x`, reads it causally in some order.
        likelihood: its family.
        params: of the model.
        z: the codes.
        event_shape: of one image.
        knobs: as in training.

    Raises:
        TypeError: no keys.
        ValueError: not as many keys as codes.
    """
    keys = one_each(keys, jnp.shape(z))
    blank = jnp.zeros((len(keys), *event_shape), jnp.result_type(float))

    def draw(x: Array) -> Array:
        output = vae.decode(params, z, x, knobs=knobs)
        return drawn(keys, likelihood, output).astype(blank.dtype)

    def unsettled(state: tuple[Array, Array, Array]) -> Array:
        passes, x, previous = state
        return (passes < math.prod(event_shape)) & jnp.any(x != previous)

    def again(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        passes, x, _ = state
        return passes + 1, draw(x), x

    start = (jnp.asarray(1, jnp.int32), draw(blank), blank)
    return jax.lax.while_loop(unsettled, again, start)[1]


def one_each(keys: Any, codes: tuple[int, ...]) -> Key[Array, " batch"]:
    """The keys, typed, refused unless they are as many as the codes, whose shape is given.

    >>> one_each(jax.random.split(jax.random.key(0), 3), (3, 2)).shape
    (3,)
    """
    if len(codes) != 2:
        raise ValueError(
            f"`z` must have the shape (batch, latent), a code a row; got {codes}."
        )
    return as_keys("keys", keys, codes[0])


def drawn(keys: Key[Array, " batch"], likelihood: Likelihood, output: Any) -> Array:
    """One image a key from what a decoder returns; scalars in it are shared.

    >>> from vae_jax.likelihoods import bernoulli
    >>> keys = jax.random.split(jax.random.key(0), 3)
    >>> drawn(keys, bernoulli(), jnp.zeros((3, 8, 8))).shape
    (3, 8, 8)
    """
    axes = jax.tree.map(lambda leaf: 0 if jnp.ndim(leaf) else None, output)
    images: Array = jax.vmap(likelihood.sample, in_axes=(0, axes))(keys, output)
    return images
