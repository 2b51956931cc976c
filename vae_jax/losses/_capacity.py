"""Capacity: the rate is held at a target, which a schedule may raise."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from vae_jax.losses._batch import as_batch, batch_mean
from vae_jax.types import ArrayLike


def capacity(
    kl: Float[ArrayLike, "batch latent"],
    target: Num[ArrayLike, ""],
    strength: Num[ArrayLike, ""],
    *,
    weights: Float[ArrayLike, " batch"] | None = None,
    axis_name: str | None = None,
) -> Float[Array, " batch"]:
    """`strength * |mean_batch(sum_j KL_j) - target|` nats, the same for every example.

    It takes the place of `beta * rate`: the loss is `distortion + capacity`. It is the
    distance of the batch mean, not the mean of the distances: examples may differ. Its
    gradient is `strength` times that of the rate, with a minus sign below the target. At
    equality it is that of the upper side, so that target 0 is `strength * rate`, value and
    gradient. Burgess et al. (2018), arXiv:1804.03599, raise the target during training.

    With strength 1 and a constant target it is the target rate of Alemi et al. (2018),
    arXiv:1711.00464: `distortion + |target - rate|`. Under a decoder so powerful that
    `distortion + rate` is the same at every rate, that is flat above the target; with a
    strength above 1 its minimum is there.

    Args:
        kl: per example and unit.
        target: nats in total; data, so a ramp is a row of its values.
        strength: gamma of the paper.
        weights: of the examples in the batch mean; 0 leaves a padded one out.
        axis_name: mapped axis that the batch is split over, if it is.

    Raises:
        ValueError: `kl` without an axis for the units, or weights of another batch.

    >>> capacity(jnp.array([[0.0], [2.0]]), 1.5, 10.0).tolist()
    [5.0, 5.0]
    """
    kl = as_batch("kl", kl)
    rate = jnp.sum(batch_mean(kl, weights, axis_name))
    above = rate - jnp.asarray(target, kl.dtype)
    distance = jnp.where(above < 0, -above, above)  # says what the slope at 0 is
    return jnp.broadcast_to(jnp.asarray(strength, kl.dtype) * distance, kl.shape[:1])
