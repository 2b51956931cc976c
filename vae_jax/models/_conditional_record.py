"""The conditional VAE of a model that a run names."""

from vae_jax.likelihoods import Density
from vae_jax.models._conditional import NAME, conditional, decoder_code
from vae_jax.models._record import Model
from vae_jax.records import Facts, unchecked
from vae_jax.types import Array, ArrayLike, Params
from vae_jax.vae import VAE

READINGS = {"tokens": "token", "counts": "factors"}
"""How an encoder is told a label, by what the likelihood wants; else by an image."""


def conditional_model(
    model: Model,
    facts: Facts,
    density: Density,
    *,
    width: int,
    num_conditions: int | None = None,
    encoder: bool = True,
    prior: bool = False,
) -> VAE:
    """A run's model, told the labels or covariates of its data; see `conditional`.

    Args:
        model: any, of images or sentences.
        facts: of the data.
        density: the likelihood.
        width: of the vector of a label that the decoder is given.
        num_conditions: covariates; the labels of the data where none are given.
        encoder: whether the encoder is told.
        prior: whether the prior is.

    >>> from vae_jax.likelihoods import Bernoulli
    >>> from vae_jax.models import LinearModel
    >>> facts = Facts((8, 8), 16, 1200, num_labels=10)
    >>> vae = conditional_model(LinearModel(), facts, Bernoulli(), width=4)
    >>> vae.prior is None
    True
    """
    reading = READINGS.get(density.wants, "image") if encoder else "nothing"
    read = facts
    if reading == "token":
        read = facts._replace(
            event_shape=(facts.event_shape[0] + 1, *facts.event_shape[1:]),
            max_value=facts.max_value + facts.num_labels,
        )
    wide = {**vars(model), "latent_dim": model.latent_dim + width}
    writer: Model = unchecked(type(model), wide)
    return conditional(
        model.make(read, density),
        writer.make(facts, density),
        facts.event_shape,
        model.latent_dim,
        facts.num_labels if num_conditions is None else num_conditions,
        width,
        reading=reading,  # type: ignore[arg-type]
        first_token=facts.max_value + 1,
        prior=prior,
    )


def decoder_at(
    params: Params, z: ArrayLike, condition: ArrayLike
) -> tuple[Params, Array]:
    """The decoder of a trained conditional model, and what it is given at a condition.

    Whatever priors, posteriors and remedies have added to the parameters is taken away.

    Args:
        params: of the whole model.
        z: codes, a row each.
        condition: of each of them.

    >>> import jax.numpy as jnp
    >>> table = {"decoder": {"code": jnp.array([[5.0], [7.0]])}}
    >>> params = {"model": {"condition": table, "decoder": "its own"}, "prior": {}}
    >>> own, code = decoder_at(params, jnp.zeros((2, 1)), jnp.array([1, 0]))
    >>> own, code.tolist()
    ('its own', [[0.0, 7.0], [0.0, 5.0]])
    """
    while NAME not in params:
        params = params["model"]
    return params["decoder"], decoder_code(params, z, condition)
