"""The importance-weighted bound."""

from jaxtyping import Array, Float

from vae_jax.numerics import log_mean_exp
from vae_jax.types import ArrayLike


def iwae_bound(
    log_weights: Float[ArrayLike, "..."], axis: int = 0
) -> Float[Array, "..."]:
    """`log (1/K) sum_k w_k` nats, with `w_k = p(x, z_k) / q(z_k | x)`; a lower bound.

    Non-decreasing in K in expectation, and equal to the sampled ELBO at K = 1. Burda et
    al. (2016), Eq. 8, arXiv:1509.00519.

    >>> import jax.numpy as jnp
    >>> float(iwae_bound(jnp.array([-1000.0, -1000.0])))
    -1000.0
    """
    return log_mean_exp(log_weights, axis=axis)
