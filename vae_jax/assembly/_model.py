"""The model of a config, with the posterior and the prior that it names."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from vae_jax import models, priors, training
from vae_jax.assembly._parts import likelihood
from vae_jax.assembly._user_model import user_model
from vae_jax.configs import TEXT_MODELS, RunConfig
from vae_jax.vae import VAE, Prior, with_prior


def model(
    config: RunConfig, event_shape: tuple[int, ...], max_value: int | None = None
) -> VAE:
    """The model of a config, with its posterior and prior.

    Args:
        config: of the run.
        event_shape: of one example.
        max_value: that of the data; a model of sentences needs it, for their largest token.

    `package.module:function` is called with (config, event_shape) and returns a `VAE`; see
    `user_function` for where it is looked for.

    Raises:
        ValueError: the function cannot be found or called so, raises, or does not return a
            `VAE` that fits the data; no `max_value` where it is needed.

    >>> model(RunConfig(model="linear"), (8, 8)).prior is None
    True
    """
    vae = _plain_model(config, event_shape, max_value)
    if config.posterior == "delta":
        vae = training.delta_posterior(vae)
    if config.posterior == "batch_norm":
        vae = training.batch_norm_posterior(vae, config.latent_dim)
    if config.refine_steps:
        vae = training.semi_amortised_posterior(
            vae, likelihood(config, max_value), num_steps=config.refine_steps
        )
    if config.prior != "standard":
        vae = with_prior(vae, _prior(config, vae, event_shape))
    # whoever writes a model says what its parameters are
    return vae if ":" in config.model else vae._replace(init=_single(vae.init))


def _single(init: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same draws and dtypes with JAX's x64 flag, which is no setting of a run."""

    def call(key: Any) -> Any:
        with jax.enable_x64(False):
            return init(key)

    return call


def _plain_model(
    config: RunConfig, event_shape: tuple[int, ...], max_value: int | None
) -> VAE:
    if ":" in config.model:
        vae = user_model(config, event_shape, max_value)
    elif config.model in TEXT_MODELS:
        if max_value is None:
            raise ValueError(
                "`max_value`, the largest token, says how many words "
                f"model={config.model!r} writes; got None. Give `dataset.max_value`."
            )
        vae = _text_model(config, event_shape[0], max_value + 1)
    else:
        vae = _image_model(config, event_shape)
    if config.compute == "float32":
        return vae
    return models.compute_in(vae, jnp.bfloat16)


def _text_model(config: RunConfig, length: int, vocab_size: int) -> VAE:
    sizes = length, vocab_size, config.latent_dim
    if config.model == "lstm":
        return models.lstm(
            *sizes,
            embedding=config.embedding,
            hidden=config.hidden,
            init_bound=config.init_bound,
            remat=config.remat,
        )
    width, num_layers = one_width(config)
    return models.transformer(
        *sizes,
        latent_use=config.latent_use,
        width=width,
        num_layers=num_layers,
        num_heads=config.num_heads,
        remat=config.remat,
    )


def one_width(config: RunConfig) -> tuple[int, int]:
    """The width that all layers share, and how many they are.

    Raises:
        ValueError: widths differ, or there is no layer.

    >>> one_width(RunConfig(hidden=(32, 32, 32)))
    (32, 3)
    """
    if len(set(config.hidden)) != 1:
        raise ValueError(
            f"`hidden` of model={config.model!r} must be one width, repeated for every "
            f"layer; got {config.hidden}."
        )
    return config.hidden[0], len(config.hidden)


def _image_model(config: RunConfig, event_shape: tuple[int, ...]) -> VAE:
    # the variance of the sigma-VAE is set by the objective, not by the decoder
    name = config.likelihood
    family = "gaussian" if name == "gaussian_optimal" else name
    assert family != "categorical", "the density of sentences"
    shape, hidden = (event_shape, config.latent_dim), config.hidden
    if config.model == "pixelcnn":
        if family == "logistic_mixture" and len(event_shape) == 2:
            # couples channels, if only one
            shape = (*event_shape, 1), config.latent_dim
        return models.pixelcnn(
            *shape,
            hidden=hidden,
            kernel=config.kernel,
            likelihood=family,
            components=config.components,
            remat=config.remat,
        )
    assert family != "logistic_mixture", "the density of what a PixelCNN returns"
    if config.model == "linear":
        return models.linear(*shape, likelihood=family)
    if config.model == "mlp":
        return models.mlp(*shape, hidden=hidden, likelihood=family, skip=config.skip)
    if config.model == "convolutional":
        return models.convolutional(
            *shape,
            hidden=hidden,
            blocks=config.blocks,
            likelihood=family,
            remat=config.remat,
        )
    make = {"lipschitz": models.lipschitz, "autoregressive": models.autoregressive}
    return make[config.model](*shape, hidden=hidden, likelihood=family)


def _prior(config: RunConfig, vae: VAE, event_shape: tuple[int, ...]) -> Prior:
    """The law of z."""
    size = config.latent_dim
    if config.prior == "diagonal":
        return priors.diagonal(size)
    if config.prior == "mixture":
        return priors.mixture(size, config.prior_components)
    if config.prior == "autoregressive":
        return priors.autoregressive(size, size, config.prior_correlation)
    grey = jnp.full((config.prior_components, *event_shape), 0.5, jnp.float32)
    return priors.vampprior(vae.encode, grey, noise=0.25, bounded=True)
