"""A model of one number a pixel as a model of counts."""

from typing import Any

import jax.numpy as jnp

from vae_jax.models._assemble import DEFAULT_KNOBS, default_dtype
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike, Params, PRNGKey
from vae_jax.vae import VAE, DiagGaussian, Knobs, own_params, with_params

NAME = "counts"
"""Of the parameters beside the model's."""


def of_counts(
    vae: VAE,
    event_shape: tuple[int, ...],
    latent_dim: int,
    *,
    dispersed: bool = False,
    inflated: bool = False,
) -> VAE:
    """The model with `log(1 + x)` for its input and the parameters of a law of counts.

    What it decodes is the logarithm of a mean. Its `decode` returns that alone, for a
    Poisson law; a pair with the log-concentrations, which are learned and the same for
    every example, for a negative binomial one; a triple with the logits of extra zeros,
    which are linear in z, for a zero-inflated one. Lopez et al. (2018), scVI,
    doi:10.1038/s41592-018-0229-2.

    Args:
        vae: decodes one number a pixel.
        event_shape: of one example.
        latent_dim: units of z.
        dispersed: with concentrations.
        inflated: with extra zeros as well.

    >>> import jax
    >>> from vae_jax.models import mlp
    >>> plain = mlp((5,), 2, hidden=(4,), likelihood="bernoulli")
    >>> vae = of_counts(plain, (5,), 2, dispersed=True)
    >>> log_mean, log_c = vae.decode(vae.init(jax.random.key(0)), jnp.zeros((3, 2)))
    >>> log_mean.shape, log_c.shape
    ((3, 5), (3, 5))
    """

    def own(key: PRNGKey) -> Params:
        del key
        made = {"log_concentration": jnp.zeros(event_shape, default_dtype())}
        if inflated:
            made["zero_bias"] = jnp.zeros(event_shape, default_dtype())
            made["zero_kernel"] = jnp.zeros((latent_dim, *event_shape), default_dtype())
        return made

    whole = with_params(vae, NAME, own) if dispersed or inflated else vae

    def encode(
        params: Params, x: ArrayLike, *, key: Any = None, knobs: Knobs = DEFAULT_KNOBS
    ) -> DiagGaussian:
        return whole.encode(params, jnp.log1p(as_float(x)), key=key, knobs=knobs)

    def decode(
        params: Params,
        z: ArrayLike,
        x: ArrayLike | None = None,
        *,
        key: Any = None,
        knobs: Knobs = DEFAULT_KNOBS,
    ) -> Any:
        seen = None if x is None else jnp.log1p(as_float(x))
        log_mean = whole.decode(params, z, seen, key=key, knobs=knobs)
        if whole is vae:
            return log_mean
        mine = own_params(params, NAME)
        log_c = jnp.broadcast_to(mine["log_concentration"], log_mean.shape)
        if not inflated:
            return log_mean, log_c
        logits = jnp.tensordot(as_float(z), mine["zero_kernel"], 1)
        return log_mean, log_c, logits + jnp.expand_dims(mine["zero_bias"], 0)

    def calibrate(params: Params, x: ArrayLike, **options: Any) -> Params:
        assert whole.calibrate is not None
        return whole.calibrate(params, jnp.log1p(as_float(x)), **options)

    return whole._replace(
        encode=encode,
        decode=decode,
        calibrate=None if whole.calibrate is None else calibrate,
    )
