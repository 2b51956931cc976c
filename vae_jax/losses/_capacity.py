"""Capacity: the rate is held at a target, which a schedule may raise."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from vae_jax import checks
from vae_jax.losses._batch import Mean, as_rates, check_mean, level
from vae_jax.types import ArrayLike


def capacity(
    kl: Float[ArrayLike, "*batch_latent"],
    target: Num[ArrayLike, ""],
    strength: Num[ArrayLike, ""],
    *,
    mean: Mean = "batch",
    latent_ndim: int = 1,
    weights: Float[ArrayLike, " batch"] | None = None,
    axis_name: str | None = None,
) -> Float[Array, "*batch"]:
    """`strength * |mean_batch(sum_j KL_j) - target|` nats, the same for every example.

    It takes the place of `beta * rate`: the loss is `distortion + capacity`. It is the
    distance of the batch mean, as most code has it: examples may differ. Burgess et al.
    (2018), Eq. 8, arXiv:1804.03599, who raise the target during training, write the
    distance of each example: `mean="example"`, which holds every one of them at the target.

    Its gradient is `strength` times that of the rate, with a minus sign below the target.
    At equality it is that of the upper side, so that target 0 is `strength * rate`, value
    and gradient.

    With strength 1 and a constant target it is the target rate of Alemi et al. (2018),
    arXiv:1711.00464: `distortion + |target - rate|`. Under a decoder so powerful that
    `distortion + rate` is the same at every rate, that is flat above the target; with a
    strength above 1 its minimum is there.

    Args:
        kl: per example and unit. With `mean="example"` one example may be given by itself,
            as inside `vmap`; with `mean="batch"` it needs the `axis_name` of that `vmap`.
        target: nats in total, at least 0; data, so a ramp is a row of its values.
        strength: gamma of the paper, at least 0.
        mean: whether the distance is of the mean over the batch, or of each example.
        latent_ndim: trailing axes that are the latent's: 1 of (batch, latent), 2 of (batch,
            positions, width), 3 of (batch, height, width, channels).
        weights: of the examples in the batch mean; 0 leaves a padded one out.
        axis_name: mapped axis that the batch is split over, if it is.

    Raises:
        TypeError: `latent_ndim` is no whole number.
        ValueError: `kl` without its axes, weights of another batch, a target or a strength
            that is negative or not one number, or weights or an axis for no mean.

    >>> capacity(jnp.array([[0.0], [2.0]]), 1.5, 10.0).tolist()
    [5.0, 5.0]
    >>> capacity(jnp.array([[0.0], [2.0]]), 1.5, 10.0, mean="example").tolist()
    [15.0, 5.0]
    """
    check_mean(mean, weights, axis_name)
    checks.number("target", target, 0, high_open=True)
    checks.number("strength", strength, 0, high_open=True)
    kl = as_rates(kl, mean, axis_name, latent_ndim)
    rate = jnp.sum(level(kl, mean, weights, axis_name), axis=-1)
    above = rate - jnp.asarray(target, kl.dtype)
    distance = jnp.where(above < 0, -above, above)  # says what the slope at 0 is
    return jnp.broadcast_to(jnp.asarray(strength, kl.dtype) * distance, kl.shape[:-1])
