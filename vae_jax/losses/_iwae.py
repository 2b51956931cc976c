"""The importance-weighted bound, and what its weights say.

All of it is of `log_weights`, `log w_k = log p(x, z_k) - log q(z_k | x)` in nats, with the
samples on one axis; `log_importance_weights` makes them.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.numerics import as_float, log_mean_exp
from vae_jax.types import ArrayLike


def iwae_bound(
    log_weights: Float[ArrayLike, "..."], axis: int = 0
) -> Float[Array, "..."]:
    """`log (1/K) sum_k w_k` nats, with `w_k = p(x, z_k) / q(z_k | x)`; a lower bound.

    Non-decreasing in K in expectation, and equal to the sampled ELBO at K = 1. Burda et
    al. (2016), Eq. 8, arXiv:1509.00519.

    Raises:
        ValueError: no such axis, or no samples along it.

    >>> float(iwae_bound(jnp.array([-1000.0, -1000.0])))
    -1000.0
    """
    return log_mean_exp(_samples(log_weights, axis), axis=axis)


def iwae_loss(
    log_weights: Float[ArrayLike, "..."], axis: int = 0
) -> Float[Array, "..."]:
    """`-(logsumexp_k log w_k - log K)` nats: minus the bound, to be minimised.

    At K = 1 it is `beta_elbo_loss` at beta = 1 with the KL of the sample in the place of
    its mean.

    Raises:
        ValueError: no such axis, or no samples along it.

    >>> float(iwae_loss(jnp.array([-1000.0, -1000.0])))
    1000.0
    """
    return -iwae_bound(log_weights, axis=axis)


def normalised_weights(
    log_weights: Float[ArrayLike, "..."], axis: int = 0
) -> Float[Array, "..."]:
    """`w_k / sum_j w_j`: they sum to 1, and the best sample has the largest.

    The gradient of the bound in `log_weights`. Gradients pass through; as fixed weights of
    an estimator they need `jax.lax.stop_gradient`. NaN if every weight is 0.

    Raises:
        ValueError: no such axis, or no samples along it.

    >>> normalised_weights(jnp.array([0.0, -2000.0, 0.0])).tolist()
    [0.5, 0.0, 0.5]
    """
    return jax.nn.softmax(_samples(log_weights, axis), axis=axis)


def effective_sample_size(
    log_weights: Float[ArrayLike, "..."], axis: int = 0
) -> Float[Array, "..."]:
    """`(sum_k w_k)^2 / sum_k w_k^2` samples: K if all weigh the same, 1 if one has all.

    Near 1, more samples add little and the bound rests on a single z. Kish (1965).

    Raises:
        ValueError: no such axis, or no samples along it.

    >>> float(effective_sample_size(jnp.array([-1000.0, -1000.0, -3000.0])))
    2.0
    """
    weights = normalised_weights(log_weights, axis=axis)
    return 1.0 / jnp.sum(jnp.square(weights), axis=axis)


def _samples(log_weights: ArrayLike, axis: int) -> Array:
    """In float32 or wider, with at least one sample along the axis."""
    array = as_float(log_weights)
    if array.ndim == 0:
        raise ValueError("`log_weights` must have an axis of samples; got one number.")
    checks.whole("axis", axis, -array.ndim, array.ndim - 1)
    if array.shape[axis] == 0:
        raise ValueError(
            f"`log_weights` must have samples along axis {axis}; got {array.shape}."
        )
    return array
