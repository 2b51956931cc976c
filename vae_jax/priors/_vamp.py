"""The VampPrior: a mixture of the model's own posteriors.

`log_prob` and `kl` are in nats.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from vae_jax import checks
from vae_jax.keys import as_key
from vae_jax.numerics import as_float
from vae_jax.priors._latent import as_latent
from vae_jax.priors._mixture import mixture_log_prob, mixture_sample
from vae_jax.types import ArrayLike, Params
from vae_jax.vae import DiagGaussian, Prior

MARGIN = 0.01
"""How far from 0 and 1 a bounded pseudo-input begins: further out it hardly learns."""


def vampprior(
    encode: Callable[..., DiagGaussian],
    start: Float[ArrayLike, " components *event"],
    *,
    noise: Float[ArrayLike, ""] = 0.01,
    bounded: bool = False,
) -> Prior:
    """`p(z) = (1 / K) sum_k q(z | u_k)`: the encoder's posteriors at K learned inputs.

    Tomczak & Welling (2018), arXiv:1705.07120. There is no closed form of the KL: see
    `sampled_kl`.

    Parameters: `pseudo_inputs`, `(components, *event)`; with `bounded` they are what the
    sigmoid is applied to. `log_prob` and `sample` read the encoder too, and so want the
    parameters of the whole model beside them: `{**params, "model": model_params}`.

    Args:
        encode: `encode(model_params, x) -> DiagGaussian`, as in `VAE`.
        start: where the K pseudo-inputs begin: examples of the data, or its mean K times.
        noise: standard deviation of what `init` adds to each, at least 0; data.
        bounded: keeps pseudo-inputs within (0, 1), as images are, by a sigmoid.

    Raises:
        ValueError: no component; a noise that is negative or not one number; a bounded
            start outside [0, 1]; codes of another number of units than the encoder's;
            parameters without the model's.

    >>> encode = lambda model_params, x: DiagGaussian(x, jnp.zeros_like(x))
    >>> prior = vampprior(encode, jnp.zeros((3, 2)), noise=0.0)
    >>> params = {**prior.init(jax.random.key(0)), "model": {}}
    >>> round(float(prior.log_prob(params, jnp.zeros(2))), 4)
    -1.8379
    """
    checks.number("noise", noise, 0, high_open=True)
    first = as_float(start)
    _check_start(first, bounded)

    def init(key: Key[Array, ""]) -> Params:
        added = jax.random.normal(as_key("key", key), first.shape, first.dtype)
        inputs = first + jnp.asarray(noise, first.dtype) * added
        if bounded:
            inputs = jax.scipy.special.logit(jnp.clip(inputs, MARGIN, 1 - MARGIN))
        return {"pseudo_inputs": inputs}

    def components(params: Params) -> DiagGaussian:
        if "model" not in params:
            raise ValueError(
                "`params` of a VampPrior must hold the parameters of the model for its "
                "encoder: pass {**params, 'model': model_params}; got the keys "
                f"{sorted(params)}."
            )
        inputs = as_float(params["pseudo_inputs"])
        inputs = jax.nn.sigmoid(inputs) if bounded else inputs
        return encode(params["model"], inputs)

    def log_prob(
        params: Params, z: Float[ArrayLike, "*batch latent"]
    ) -> Float[Array, "*batch"]:
        law = components(params)
        z = as_latent("z", z, jnp.shape(law.mean)[-1])
        return mixture_log_prob(z, _equal(law), law)

    def sample(
        key: Key[Array, ""], params: Params, shape: tuple[int, ...] = ()
    ) -> Float[Array, "*shape latent"]:
        law = components(params)
        return mixture_sample(key, _equal(law), law, shape)

    return Prior(init, log_prob, sample)


def _equal(components: DiagGaussian) -> Array:
    """The logits of equal weights."""
    mean = as_float(components.mean)
    return jnp.zeros(len(mean), mean.dtype)


def _check_start(start: Array, bounded: bool) -> None:
    if start.ndim == 0 or len(start) < 1:
        raise ValueError(
            "`start` must have the shape (components, *event) with at least one component; "
            f"got {start.shape}."
        )
    values = checks.concrete("start", start) if bounded else None
    if values is not None:
        wrong = ~((values >= 0) & (values <= 1))
        if wrong.any():
            raise ValueError(
                "`start` must lie within [0, 1] for bounded pseudo-inputs; got "
                f"{values[wrong].flat[0]}. Scale it, or leave `bounded` out."
            )
