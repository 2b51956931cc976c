"""Model, likelihood, data preparation and penalty, from their names in a config."""

import importlib

from vae_jax import data, likelihoods, losses, models, training
from vae_jax.configs import RunConfig, did_you_mean
from vae_jax.vae import VAE


def prepare(config: RunConfig, max_value: int) -> training.Prepare:
    """`(keys, images) -> x`: how stored images become the model's input.

    >>> images = jnp.full((1, 2), 12, jnp.uint8)
    >>> prepare(RunConfig(), 16)(None, images).tolist()
    [[1.0, 1.0]]
    """
    if config.binarize == "dynamic":
        return lambda keys, images: data.binarize_dynamic(keys, images, max_value)
    if config.binarize == "static":
        return lambda keys, images: data.binarize_static(images, max_value)
    if config.dequantize:
        return lambda keys, images: data.dequantize(keys, images, max_value)
    return lambda keys, images: data.scale(images, max_value)


def likelihood(config: RunConfig) -> likelihoods.Likelihood:
    """The family of the data's density.

    >>> likelihood(RunConfig()).log_prob(jnp.zeros((1, 2)), jnp.ones((1, 2))).shape
    (1,)
    """
    if config.likelihood == "bernoulli":
        return likelihoods.bernoulli()
    return likelihoods.gaussian()


def model(config: RunConfig, event_shape: tuple[int, ...]) -> VAE:
    """The model of a config; `package.module:function` is called with (config, shape).

    Raises:
        ValueError: the function cannot be found or does not return a `VAE`.

    >>> model(RunConfig(model="linear"), (8, 8)).encode.__call__ is not None
    True
    """
    # the variance of the sigma-VAE is set by the objective, not by the decoder
    name = config.likelihood
    family = "gaussian" if name == "gaussian_optimal" else name
    if ":" in config.model:
        return _user_model(config, event_shape)
    if config.model == "linear":
        return models.linear(event_shape, config.latent_dim, likelihood=family)
    make = models.mlp if config.model == "mlp" else models.autoregressive
    return make(event_shape, config.latent_dim, hidden=config.hidden, likelihood=family)


def _user_model(config: RunConfig, event_shape: tuple[int, ...]) -> VAE:
    module_name, _, name = config.model.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"`model` names the module {module_name!r}, which cannot be imported: "
            f"{error}. Run from its folder, or install it."
        ) from error
    if not hasattr(module, name):
        raise ValueError(
            f"`model` names {name!r}, which {module_name} does not have."
            f"{did_you_mean(name, dir(module))}"
        )
    made = getattr(module, name)(config, event_shape)
    if not isinstance(made, VAE):
        raise ValueError(
            f"`model` {config.model} must return a vae_jax.VAE; got {type(made)}."
        )
    return made


def penalty(config: RunConfig) -> training.RatePenalty:
    """What the loss charges for the rate; a threshold of 0 charges all of it.

    >>> from vae_jax.training import StepHyper
    >>> penalty(RunConfig())(jnp.ones((2, 3)), StepHyper(1.0, 1e-3, 2.0)).tolist()
    [6.0, 6.0]
    """
    options = {
        "over": config.free_bits_over,
        "mean": config.free_bits_mean,
        "rule": config.free_bits_rule,
    }
    return lambda kl, hyper: losses.free_bits(kl, hyper.free_bits, **options)  # type: ignore[arg-type]
