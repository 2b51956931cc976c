"""What is charged beside the rate: distances of the aggregate posterior."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from vae_jax import losses
from vae_jax.training._objective import Latent, Regulariser
from vae_jax.training._state import StepHyper, StepKeys
from vae_jax.types import Array, ArrayLike

PRIOR = 2**31 - 3
"""Folded into the noise keys for the samples of the prior."""


def mmd_regulariser(
    weight: Float[ArrayLike, ""],
    kernel: losses.Kernel = losses.imq_kernel,
    axis_name: str | None = None,
) -> Regulariser:
    """`weight` times the squared MMD of q(z) to N(0, I), unbiased; the weight may be data.

    With `beta` below 1 it is InfoVAE: `beta = 1 - alpha` and, as it is multiplied by beta
    too, `beta * weight = alpha + lambda - 1`. Zhao et al. (2019), arXiv:1706.02262.

    >>> from vae_jax.training import StepHyper, StepKeys, example_keys, member_key, Stream
    >>> keys = example_keys(member_key(0), Stream.NOISE, 0, 8)
    >>> far, hyper = jnp.full((8, 2), 9.0), StepHyper(1.0, 1e-3)
    >>> latent, both = Latent(far, far, far, far), StepKeys(keys, keys)
    >>> charged = mmd_regulariser(2.0)(latent, hyper, both)
    >>> charged.shape, bool((charged > 1).all())
    ((8,), True)
    """

    def regulariser(latent: Latent, hyper: StepHyper, keys: StepKeys) -> Array:
        del hyper
        own = jax.vmap(jax.random.fold_in, (0, None))(keys.noise, PRIOR)
        shape, dtype = latent.z.shape[1:], latent.z.dtype
        prior = jax.vmap(lambda key: jax.random.normal(key, shape, dtype))(own)
        distance = losses.mmd(latent.z, prior, kernel=kernel, axis_name=axis_name)
        return jnp.asarray(weight, dtype) * distance

    return regulariser


def total_correlation_regulariser(
    weight: Float[ArrayLike, ""], dataset_size: int, axis_name: str | None = None
) -> Regulariser:
    """`weight` times the total correlation of q(z), beside what the rate charges.

    beta-TC-VAE with its beta at `1 + weight`: Chen et al. (2018), arXiv:1802.04942.

    Args:
        weight: above the 1 in the rate; may be data.
        dataset_size: of the training set.
        axis_name: mapped axis that the batch is split over, if it is; by default that of
            the step.

    >>> from vae_jax.training import StepHyper, StepKeys
    >>> same, hyper = jnp.ones((8, 2)), StepHyper(1.0, 1e-3)
    >>> keys = StepKeys(*jax.random.split(jax.random.key(0), (2, 8)))
    >>> latent = Latent(same, 0 * same, same, same)
    >>> charged = total_correlation_regulariser(5.0, 8)(latent, hyper, keys)
    >>> round(abs(float(charged[0])), 4)
    0.0
    """

    def regulariser(latent: Latent, hyper: StepHyper, keys: StepKeys) -> Array:
        del keys, hyper
        parts = losses.tc_decomposition(
            latent.z,
            latent.mean,
            latent.logvar,
            dataset_size,
            weighting="balanced",
            axis_name=axis_name,
        )
        return jnp.asarray(weight, latent.z.dtype) * parts.total_correlation

    return regulariser
