"""What every diagnostic asks of its input."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Shaped

from vae_jax import gaussian
from vae_jax.keys import as_key
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike, PRNGKey


def as_examples(name: str, values: ArrayLike) -> Float[Array, "examples latent"]:
    """A row an example, at least two of them, in float32 or wider."""
    array = as_float(values)
    if array.ndim != 2 or len(array) < 2 or array.shape[1] == 0:
        several = (
            f" Flatten a latent of several axes: `{name}.reshape(len({name}), -1)`; "
            "`collapse_report` takes it as it is."
        )
        raise ValueError(
            f"`{name}` must have shape (examples, latent) with at least 2 examples and 1 "
            f"unit; got {array.shape}.{several if array.ndim > 2 else ''}"
        )
    return array


def as_codes(name: str, values: ArrayLike) -> Float[Array, " examples *latent"]:
    """An example an entry of the first axis, at least two; the rest is the latent's."""
    array = as_float(values)
    if array.ndim < 2 or len(array) < 2 or 0 in array.shape:
        raise ValueError(
            f"`{name}` must have shape (examples, *latent) with at least 2 examples and 1 "
            f"unit; got {array.shape}."
        )
    return array


def as_flat_posterior(
    means: ArrayLike, logvars: ArrayLike
) -> tuple[Float[Array, "examples latent"], Float[Array, "examples latent"]]:
    """Means and log-variances of one shape, all axes of the latent in a row."""
    mean, logvar = as_codes("means", means), as_float(logvars)
    check_same_shape("logvars", logvar, "means", mean)
    return flat(mean), flat(logvar).astype(mean.dtype)


def flat(array: Float[Array, " examples *latent"]) -> Float[Array, "examples latent"]:
    """An example a row, the units in the order in which they lie."""
    return array.reshape(len(array), -1)


def as_posterior(
    means: ArrayLike, logvars: ArrayLike
) -> tuple[Float[Array, "examples latent"], Float[Array, "examples latent"]]:
    """Means and log-variances of one shape."""
    mean, logvar = as_examples("means", means), as_float(logvars)
    check_same_shape("logvars", logvar, "means", mean)
    return mean, logvar.astype(mean.dtype)


def sample(
    key: PRNGKey,
    mean: Float[Array, "examples latent"],
    logvar: Float[Array, "examples latent"],
) -> tuple[Float[Array, "examples latent"], Float[Array, "examples latent"]]:
    """The noise of a sample of every posterior, in its standard deviations, and the sample.

    A narrow posterior loses its noise in the rounding of z; what compares densities takes
    the noise itself.
    """
    noise = jax.random.normal(as_key("key", key), mean.shape, mean.dtype)
    return noise, mean + jnp.exp(0.5 * logvar) * noise


def log_density(
    noise: Float[Array, "examples latent"], logvar: Float[Array, "examples latent"]
) -> Float[Array, "examples latent"]:
    """`log q(z|x)` of a sample, per unit, from its noise."""
    return -0.5 * (gaussian.LOG_2PI + logvar + jnp.square(noise))


def unless_nan(
    count: Shaped[Array, "..."], unknown: Bool[Array, "..."]
) -> Float[Array, "..."]:
    """A count as a real number, NaN where what was counted is not known.

    Integers have no NaN, and a count of what cannot be compared looks like any other.
    """
    # Python's NaN, no array of it, which `jax_debug_nans` would take for a fault
    return jnp.where(unknown, jnp.nan, count.astype(jnp.float32))


def standard_error(values: Float[Array, " examples"]) -> Float[Array, ""]:
    """Of the mean of independent values."""
    return jnp.std(values, ddof=1) / jnp.sqrt(
        jnp.asarray(len(values), dtype=values.dtype)
    )


def rounding(array: Array) -> float:
    """Relative distance between two numbers of its type: 1.2e-7 in float32."""
    return float(np.finfo(array.dtype).eps)
