"""The examples of a batch, of which a mapped axis may hold only a part on each device.

Where no `axis_name` is given it is that of the step, see `vae_jax.mapped`.
"""

import math
from typing import Literal, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.likelihoods._event import check_total_weight
from vae_jax.mapped import batch_axis
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike

Mean = Literal["batch", "example"]
"""Whether a penalty is of the mean over the batch, or of each example."""


def as_batch(
    name: str, values: ArrayLike, option: str | None = None
) -> Float[Array, "batch latent"]:
    """The array in float32 or wider, refused unless it has examples and units.

    `option` is what the caller has for a latent of several axes.

    >>> as_batch("kl", jnp.ones((2, 3))).shape
    (2, 3)
    """
    values = as_float(values)
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(
            f"`{name}` must have the shape (batch, latent); got {values.shape}."
            f"{_shape_fix(name, values.ndim, option)}"
        )
    return values


def _shape_fix(name: str, ndim: int, option: str | None) -> str:
    """What to do about a batch of too few axes, or of too many; nothing if it is empty."""
    if ndim == 1:
        return (
            " One example inside `vmap` is no batch: give the whole batch outside it."
        )
    if ndim < 3:
        return ""
    flatten = f"a latent of several axes: `{name}.reshape(len({name}), -1)`."
    return f" Say {option}, or flatten {flatten}" if option else f" Flatten {flatten}"


def as_rates(
    kl: ArrayLike,
    mean: str = "example",
    axis_name: str | None = None,
    latent_ndim: int = 1,
) -> Float[Array, "*batch latent"]:
    """A KL per unit of what is charged by the batch or by the example.

    Of the batch it is `(batch, latent)`, or one example inside a mapped axis that has a
    name; of the example any axes may stand before the units, or none. The last
    `latent_ndim` axes are the latent's, and come out in a row.

    >>> as_rates(jnp.ones(3)).shape
    (3,)
    >>> as_rates(jnp.ones((5, 4, 4, 2)), "batch", latent_ndim=3).shape
    (5, 32)
    """
    kl = flat_units(as_float(kl), latent_ndim)
    if mean == "batch" and not (kl.ndim == 1 and axis_name is not None):
        return as_batch("kl", kl, f"latent_ndim={kl.ndim + latent_ndim - 2}")
    if kl.ndim == 0 or 0 in kl.shape:
        raise ValueError(f"`kl` must have the shape (*batch, latent); got {kl.shape}.")
    return kl


def flat_units(
    kl: Float[Array, "*batch_latent"], latent_ndim: int
) -> Float[Array, "*batch latent"]:
    """The last `latent_ndim` axes as one, in the order in which they lie.

    >>> flat_units(jnp.ones((5, 7, 2)), 2).shape
    (5, 14)
    """
    latent_ndim = checks.whole("latent_ndim", latent_ndim, 1)
    if latent_ndim == 1:
        return kl
    if kl.ndim < latent_ndim:
        raise ValueError(
            f"`kl` must have the {latent_ndim} axes of the latent that `latent_ndim` says; "
            f"got {kl.shape}. Do not sum or average the KL over units, or say another "
            "`latent_ndim`."
        )
    batch = kl.shape[: kl.ndim - latent_ndim]
    return kl.reshape(*batch, math.prod(kl.shape[len(batch) :]))


def check_mean(mean: str, weights: ArrayLike | None, axis_name: str | None) -> None:
    """Refuse an unknown mean, and what only the mean over a batch reads.

    >>> check_mean("example", None, None)
    """
    checks.option("mean", mean, get_args(Mean))
    if mean == "batch":
        return
    for name, value in (("weights", weights), ("axis_name", axis_name)):
        if value is not None:
            raise ValueError(
                f"`{name}` changes nothing with mean='example', where no example knows of "
                "another; leave it out, and weigh what is returned."
            )


def level(
    values: Float[Array, "*batch groups"],
    mean: str,
    weights: ArrayLike | None,
    axis_name: str | None,
) -> Float[Array, "*left groups"]:
    """What a penalty is of: the values of each example, or their mean over the batch.

    >>> level(jnp.array([[1.0], [2.0]]), "batch", None, None).tolist()
    [1.5]
    """
    if mean == "example":
        return values
    if values.ndim == 1:  # one example of a mapped axis
        weights = None if weights is None else as_float(weights)[None]
        return batch_mean(values[None], weights, axis_name)
    return batch_mean(values, weights, axis_name)


def example_weights(
    values: Float[Array, " batch *rest"], weights: ArrayLike | None
) -> Float[Array, " batch"]:
    """The weights of the examples, 1 unless they are given.

    >>> example_weights(jnp.zeros((2, 3)), None).tolist()
    [1.0, 1.0]
    """
    if weights is None:
        return jnp.ones(len(values), values.dtype)
    own = as_float(weights)
    if own.shape != values.shape[:1]:
        raise ValueError(
            f"`weights` must have the shape of the batch, {values.shape[:1]}; got "
            f"{own.shape}."
        )
    checks.in_range("weights", weights, 0, high_open=True)
    return own


def batch_mean(
    values: Float[Array, "batch latent"],
    weights: ArrayLike | None,
    axis_name: str | None,
) -> Float[Array, " latent"]:
    """Weighted mean over the examples of all devices.

    >>> batch_mean(jnp.array([[1.0], [2.0], [9.0]]), jnp.array([1.0, 1.0, 0.0]), None)
    Array([1.5], dtype=float32)
    """
    own, axis_name = example_weights(values, weights), batch_axis(axis_name)
    total, count = jnp.sum(own[:, None] * values, axis=0), jnp.sum(own)
    if axis_name is not None:
        total, count = jax.lax.psum((total, count), axis_name)
    elif weights is not None:
        check_total_weight(count)
    return total / count


def gather(
    values: Float[Array, " batch *rest"], axis_name: str | None
) -> Float[Array, " examples *rest"]:
    """The examples of all devices, in their order.

    >>> gather(jnp.arange(2.0), None).tolist()
    [0.0, 1.0]
    """
    axis_name = batch_axis(axis_name)
    if axis_name is None:
        return values
    everyone: Array = jax.lax.all_gather(values, axis_name, tiled=True)
    return everyone
