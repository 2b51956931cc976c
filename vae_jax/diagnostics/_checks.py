"""What every diagnostic asks of its input."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike


def as_examples(name: str, values: ArrayLike) -> Float[Array, "examples latent"]:
    """A row an example, at least two of them, in float32 or wider."""
    array = as_float(values)
    if array.ndim != 2 or len(array) < 2:
        raise ValueError(
            f"`{name}` must have shape (examples, latent) with at least 2 examples; "
            f"got {array.shape}."
        )
    return array


def as_posterior(
    means: ArrayLike, logvars: ArrayLike
) -> tuple[Float[Array, "examples latent"], Float[Array, "examples latent"]]:
    """Means and log-variances of one shape."""
    mean = as_examples("means", means)
    if jnp.shape(logvars) != mean.shape:
        raise ValueError(
            f"`logvars` must have the shape of `means`, {mean.shape}; "
            f"got {jnp.shape(logvars)}."
        )
    return mean, jnp.asarray(logvars).astype(mean.dtype)


def standard_error(values: Float[Array, " examples"]) -> Float[Array, ""]:
    """Of the mean of independent values."""
    return jnp.std(values, ddof=1) / jnp.sqrt(
        jnp.asarray(len(values), dtype=values.dtype)
    )


def rounding(array: Array) -> float:
    """Relative distance between two numbers of its type: 1.2e-7 in float32."""
    return float(np.finfo(array.dtype).eps)
