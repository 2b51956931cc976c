"""The objective of one batch: sample z, decode, charge for the rate."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped

from vae_jax import gaussian, likelihoods, losses, priors
from vae_jax.conditions import plain
from vae_jax.training._state import StepHyper, StepKeys
from vae_jax.types import Params
from vae_jax.vae import VAE

ENCODER = 2**31 - 1
"""Folded into the dropout key of an encoder: its masks are not those of the decoder."""


class Terms(NamedTuple):
    """The parts of a loss, one value an example, in nats.

    Attributes:
        distortion: negative log-likelihood.
        rate: KL to the prior.
        penalised_rate: what a remedy made of the rate.
        kl: to the prior, per unit; in one column where it is sampled as a whole, and None
            of an objective that does not say.

    >>> Terms._fields
    ('distortion', 'rate', 'penalised_rate', 'kl')
    """

    distortion: Float[Array, " batch"]
    rate: Float[Array, " batch"]
    penalised_rate: Float[Array, " batch"]
    kl: Float[Array, "batch _"] | None = None


Objective = Callable[
    [Params, Shaped[Array, " batch *event"], StepHyper, StepKeys],
    tuple[Float[Array, " batch"], Terms],
]
"""`objective(params, batch, hyper, keys) -> (loss per example, terms)`."""


class Latent(NamedTuple):
    """What the encoder made of a batch.

    Attributes:
        mean, logvar: of the posterior.
        z: a sample of it.
        kl: to the prior, per unit; in one column where it is sampled as a whole.

    >>> Latent._fields
    ('mean', 'logvar', 'z', 'kl')
    """

    mean: Float[Array, "batch latent"]
    logvar: Float[Array, "batch latent"]
    z: Float[Array, "batch latent"]
    kl: Float[Array, "batch _"]


Regulariser = Callable[[Latent, StepHyper, StepKeys], Float[Array, " batch"]]
"""`regulariser(latent, hyper, keys) -> (batch,)`: nats charged beside the rate."""

Auxiliary = Callable[
    [Params, Latent, Shaped[Array, " batch *event"], StepHyper], Float[Array, " batch"]
]
"""`auxiliary(params, latent, batch, hyper) -> (batch,)`: nats beside the ELBO."""

RatePenalty = Callable[
    [Float[Array, "batch latent"], StepHyper], Float[Array, " batch"]
]
"""`penalty(kl, hyper) -> (batch,)`: what the loss charges for the KL per unit."""


def plain_rate(
    kl: Float[Array, "batch latent"], hyper: StepHyper
) -> Float[Array, " batch"]:
    """No remedy: the rate itself, `sum_j KL_j`.

    >>> plain_rate(jnp.ones((2, 3)), StepHyper(1.0, 1e-3))
    Array([3., 3.], dtype=float32)
    """
    del hyper
    return jnp.sum(kl, axis=-1)


def sample_posterior(
    keys: Array,
    mean: Float[Array, "batch latent"],
    logvar: Float[Array, "batch latent"],
) -> Float[Array, "batch latent"]:
    """One z an example, each from its own key.

    >>> z = sample_posterior(
    ...     jax.random.split(jax.random.key(0), 4), jnp.zeros((4, 2)), jnp.zeros((4, 2))
    ... )
    >>> z.shape
    (4, 2)
    """
    return jax.vmap(gaussian.reparameterize)(keys, mean, logvar)


def log_prior(
    vae: VAE, params: Params, z: Float[Array, "batch latent"]
) -> Float[Array, " batch"]:
    """`log p(z)` of the model's prior, in nats.

    >>> round(float(log_prior(VAE(len, len, len), {}, jnp.zeros((1, 2)))[0]), 4)
    -1.8379
    """
    if vae.prior is not None:
        return vae.prior.log_prob(params, z)
    zeros = jnp.zeros_like(z)
    return jnp.sum(gaussian.log_prob(z, zeros, zeros), axis=-1)


def kl_to_prior(
    vae: VAE,
    params: Params,
    mean: Float[Array, "batch latent"],
    logvar: Float[Array, "batch latent"],
    z: Float[Array, "batch latent"],
) -> Float[Array, "batch _"]:
    """KL of each posterior to the model's prior: per unit, or one sampled column.

    >>> vae, one = VAE(len, len, len), jnp.ones((1, 2))
    >>> kl_to_prior(vae, {}, one, 0 * one, one).tolist()
    [[0.5, 0.5]]
    """
    if vae.prior is None:
        return gaussian.kl_standard(mean, logvar)
    if vae.prior.kl is not None:
        return vae.prior.kl(params, mean, logvar)
    return priors.sampled_kl(vae.prior, params, z, mean, logvar)[:, None]


def make_objective(
    vae: VAE,
    likelihood: likelihoods.Likelihood,
    penalty: RatePenalty = plain_rate,
    *,
    regulariser: Regulariser | None = None,
    auxiliary: Auxiliary | None = None,
    optimal_variance: bool = False,
    axis_name: str | None = None,
) -> Objective:
    """The beta-ELBO with remedies: `loss_i = distortion_i + beta * penalised_rate_i`.

    `penalised_rate = penalty(KL) + regulariser(posterior, z)`.

    Args:
        vae: the model; a conditional one takes batches that are `Conditioned`.
        likelihood: log-density of the data given what the decoder returns.
        penalty: what is charged for the rate; `plain_rate` for the rate itself.
        regulariser: what is charged beside it; `mmd_regulariser` is one.
        auxiliary: a loss of its own, which beta does not weigh and no term shows.
        optimal_variance: sets the variance of a Gaussian decoder to its optimum for the
            batch, the mean squared error (Rybkin et al. 2021, sigma-VAE).
        axis_name: mapped axis over which a batch is split, if it is; by default that of
            the step.

    Returns:
        `objective(params, batch, hyper, keys) -> (loss per example, Terms)`, in nats.

    Needs a model and data to show; see `make_step` and the README.
    """

    def objective(params, batch, hyper, keys):  # type: ignore[no-untyped-def]
        own_keys = jax.vmap(jax.random.fold_in, (0, None))(keys.dropout, ENCODER)
        posterior = vae.encode(params, batch, key=own_keys, knobs=hyper.knobs)
        z = sample_posterior(keys.noise, posterior.mean, posterior.logvar)
        output = vae.decode(params, z, batch, key=keys.dropout, knobs=hyper.knobs)
        if optimal_variance:
            mean, _ = output
            variance = likelihoods.gaussian_optimal_variance(
                mean, plain(batch), axis_name=axis_name
            )
            output = (mean, jnp.log(variance))
        latent = Latent(*posterior, z, kl_to_prior(vae, params, *posterior, z))
        terms = losses.elbo_terms(likelihood.log_prob(output, plain(batch)), latent.kl)
        penalised = penalty(latent.kl, hyper)
        if regulariser is not None:
            penalised += regulariser(latent, hyper, keys)
        loss = losses.total_loss(terms.distortion, penalised, hyper.beta)
        if auxiliary is not None:
            loss += auxiliary(params, latent, plain(batch), hyper)
        return loss, Terms(terms.distortion, terms.rate, penalised, terms.kl)

    return objective
