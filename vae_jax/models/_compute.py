"""A model that computes in half the bits, beside float32 parameters and densities."""

from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.models._assemble import is_table
from vae_jax.numerics import as_float
from vae_jax.types import Params
from vae_jax.vae import VAE


def compute_in(vae: VAE, dtype: Any) -> VAE:
    """The model with its matrix products in another dtype, such as bfloat16.

    Parameters stay as they are, and so do gradients, since both pass through a cast;
    posteriors and the parameters of the likelihood come back in float32, so that the
    objective is computed in it. Not cast are scalar parameters, such as a learned
    log-variance, and tables of vectors, leaves by the name `embedding`, whose gradient is a
    sum over tokens that half the bits do not hold: a model looks up, then casts.
    Micikevicius et al. (2018), arXiv:1710.03740.

    Works on any model that computes in the dtype of what it is given.

    Raises:
        ValueError: a dtype that is not floating.

    >>> from vae_jax.models import mlp
    >>> vae = compute_in(mlp((8, 8), 4, likelihood="bernoulli"), jnp.bfloat16)
    >>> params = jax.eval_shape(vae.init, jax.random.key(0))
    >>> str(jax.eval_shape(vae.decode, params, jnp.zeros((2, 4))).dtype)
    'float32'
    """
    if not jnp.issubdtype(dtype, jnp.floating):
        raise ValueError(f"`dtype` must be a floating one, as bfloat16; got {dtype}.")

    def encode(params: Params, x: Any, **options: Any) -> Any:
        found = vae.encode(narrow(params, dtype), _cast(x, dtype), **options)
        return jax.tree.map(as_float, found)

    def decode(params: Params, z: Any, x: Any = None, **options: Any) -> Any:
        seen = None if x is None else _cast(x, dtype)
        found = vae.decode(narrow(params, dtype), _cast(z, dtype), seen, **options)
        return jax.tree.map(as_float, found)

    return vae._replace(encode=encode, decode=decode)


def narrow(params: Params, dtype: Any) -> Params:
    """The parameters as a model that computes in `dtype` reads them.

    >>> str(narrow({"kernel": jnp.ones((2, 2))}, jnp.bfloat16)["kernel"].dtype)
    'bfloat16'
    """

    def one(path: Any, leaf: Any) -> Any:
        whole = jnp.ndim(leaf) == 0 or is_table(path)
        return leaf if whole else _cast(leaf, dtype)

    return jax.tree_util.tree_map_with_path(one, params)


def _cast(numbers: Any, dtype: Any) -> jax.Array:
    """Floating numbers in another dtype; tokens as they are."""
    x: jax.Array = jnp.asarray(numbers)
    return x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x
