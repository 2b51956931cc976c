"""Likelihood, data preparation and the parts of an objective, by their names."""

import jax.numpy as jnp

from vae_jax import data, likelihoods, losses, training
from vae_jax.assembly._text import sentences
from vae_jax.configs import RunConfig
from vae_jax.types import Array
from vae_jax.vae import VAE


def prepare(config: RunConfig, max_value: int) -> training.Prepare:
    """`(keys, images) -> x`: how stored images become the model's input.

    >>> images = jnp.full((1, 2), 12, jnp.uint8)
    >>> prepare(RunConfig(), 16)(None, images).tolist()
    [[1.0, 1.0]]
    """
    if config.likelihood == "categorical":
        return lambda keys, tokens: tokens
    if config.binarize == "dynamic":
        return lambda keys, images: data.binarize_dynamic(keys, images, max_value)
    if config.binarize == "static":
        return lambda keys, images: data.binarize_static(images, max_value)
    if config.dequantize:
        return lambda keys, images: data.dequantize(keys, images, max_value)
    if config.likelihood == "logistic_mixture":
        return lambda keys, images: _signed(images, max_value)
    return lambda keys, images: data.scale(images, max_value)


def _signed(images: Array, max_value: int) -> Array:
    """Levels between -1 and 1, with an axis of channels."""
    levels = 2 * data.scale(images, max_value) - 1
    return levels[..., None] if levels.ndim == 3 else levels


def likelihood(
    config: RunConfig, max_value: int | None = None
) -> likelihoods.Likelihood:
    """The family of the data's density.

    `max_value` is that of the data; a density of grey levels needs it, for their number.

    Raises:
        ValueError: no `max_value` where it is needed.

    >>> likelihood(RunConfig()).log_prob(jnp.zeros((1, 2)), jnp.ones((1, 2))).shape
    (1,)
    """
    if config.likelihood == "categorical":
        return sentences()
    if config.likelihood == "bernoulli":
        return likelihoods.bernoulli()
    if config.likelihood == "logistic_mixture":
        if max_value is None:
            raise ValueError(
                "`max_value`, the largest grey level, says how many there are for "
                "likelihood='logistic_mixture'; got None. Give `dataset.max_value`."
            )
        return likelihoods.discretized_logistic_mixture(max_value + 1)
    return likelihoods.gaussian()


def penalty(config: RunConfig) -> training.RatePenalty:
    """What the loss charges for the rate: capacity where it has a weight, else free bits.

    A threshold of 0 charges all of it.

    >>> from vae_jax.training import StepHyper
    >>> charge = penalty(RunConfig())
    >>> charge(jnp.ones((2, 3)), StepHyper(1.0, 1e-3, 2.0)).tolist()
    [6.0, 6.0]
    >>> held = StepHyper(1.0, 1e-3, capacity=1.0, capacity_weight=10.0)
    >>> charge(jnp.ones((2, 3)), held).tolist()
    [20.0, 20.0]
    """
    over, mean = config.free_bits_over, config.free_bits_mean

    def charge(kl: Array, hyper: training.StepHyper) -> Array:
        floored = losses.free_bits(
            kl, hyper.free_bits, over=over, mean=mean, rule=config.free_bits_rule
        )
        weight = jnp.asarray(hyper.capacity_weight, kl.dtype)
        held = losses.capacity(kl, hyper.capacity, weight)
        return jnp.where(weight > 0, held, floored)

    return charge


def regulariser(config: RunConfig, num_examples: int) -> training.Regulariser | None:
    """What is charged beside the rate.

    >>> regulariser(RunConfig(), 1200) is None
    True
    """
    if config.regulariser == "mmd":
        return training.mmd_regulariser()
    if config.regulariser == "total_correlation":
        return training.total_correlation_regulariser(num_examples)
    return None


def feedback(config: RunConfig) -> training.Feedback | None:
    """What steers beta.

    >>> feedback(RunConfig()) is None
    True
    """
    known = {
        "geco": training.geco_feedback,
        "minimum_rate": training.minimum_rate_feedback,
        "target_rate": training.target_rate_feedback,
        "control_vae": training.control_vae_feedback,
    }
    return None if config.feedback == "none" else known[config.feedback]()


def objective(
    config: RunConfig, vae: VAE, density: likelihoods.Likelihood, num_examples: int
) -> training.Objective:
    """The loss of a config: the ELBO with its remedies, or the importance-weighted bound.

    Args:
        config: the run.
        vae: its model.
        density: its likelihood.
        num_examples: of the training set.

    Needs a model; `job` builds one.
    """
    if config.importance_samples:
        return training.make_importance_objective(
            vae,
            density,
            config.importance_samples,
            gradient=config.importance_gradient,
        )
    return training.make_objective(
        vae,
        density,
        penalty(config),
        regulariser=regulariser(config, num_examples),
        optimal_variance=config.likelihood == "gaussian_optimal",
    )
