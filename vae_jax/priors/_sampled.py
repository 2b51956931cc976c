"""The rate of a prior whose KL has no closed form."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import gaussian
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike, Params
from vae_jax.vae import Prior


def sampled_kl(
    prior: Prior,
    params: Params,
    z: Float[ArrayLike, "*batch latent"],
    mean: Float[ArrayLike, "*batch latent"],
    logvar: Float[ArrayLike, "*batch latent"],
) -> Float[Array, "*batch"]:
    """`log q(z|x) - log p(z)` nats, summed over the units, at one sample `z ~ q(z|x)`.

    Its expectation is the KL and it may be negative. Both densities are taken at the same
    z, so that where q is the prior it is 0 and not noise around 0.

    Args:
        prior: any; of one that has `kl`, that is the better estimate.
        params: of the prior, as its `log_prob` takes them.
        z: from `gaussian.reparameterize`, for gradients to pass.
        mean: of q.
        logvar: of q.

    Raises:
        ValueError: the shapes differ, or do not fit the prior.

    >>> from vae_jax import priors
    >>> z, zero = jnp.array([[0.3, -1.2]]), jnp.zeros((1, 2))
    >>> sampled_kl(priors.standard(2), {}, z, zero, zero).tolist()
    [0.0]
    """
    posterior = jnp.sum(gaussian.log_prob(z, mean, logvar), axis=-1)
    own = as_float(prior.log_prob(params, z))
    check_same_shape("prior.log_prob(params, z)", own, "log q(z|x)", posterior)
    return posterior - own
