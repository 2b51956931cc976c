"""What the encoder loses: the distance of its ELBO from log p(x), and in which half.

`log p(x) - ELBO = [log p(x) - ELBO*] + [ELBO* - ELBO]`, ELBO* that of the best posterior of
the same family for this very x. The first part is the family's (approximation gap), the
second the encoder's (amortisation gap). A lagging encoder shows in the second.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax.diagnostics._checks import standard_error
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike


class Gap(NamedTuple):
    """Mean over the examples in nats, with its standard error.

    >>> Gap._fields
    ('value', 'standard_error')
    """

    value: Float[Array, ""]
    standard_error: Float[Array, ""]


class InferenceGap(NamedTuple):
    """The inference gap and its two parts, which add up to it.

    Attributes:
        total: log-likelihood - ELBO.
        approximation: log-likelihood - refined ELBO.
        amortisation: refined ELBO - ELBO.

    >>> InferenceGap._fields
    ('total', 'approximation', 'amortisation')
    """

    total: Gap
    approximation: Gap
    amortisation: Gap


def inference_gap(
    elbo: Float[ArrayLike, " examples"],
    refined_elbo: Float[ArrayLike, " examples"],
    log_likelihood: Float[ArrayLike, " examples"],
) -> InferenceGap:
    """Means over the examples of the inference gap and of its parts, in nats.

    The errors are of the differences, example by example, which vary much less than their
    terms. No part is negative at the truth. With an importance-weighted bound in the place
    of log p(x), the total and the approximation gap are lower bounds; and a negative part
    says that an estimate is too noisy, that bound too loose or the refinement not done. So
    nothing is clipped.

    Args:
        elbo: of the encoder's posterior, at beta = 1.
        refined_elbo: after the mean and log-variance of each example are optimised.
        log_likelihood: `log p(x)`, exact or estimated.

    Raises:
        ValueError: the shapes differ, or there are fewer than 2 examples.

    Cremer et al. (2018), arXiv:1801.03558.

    >>> gap = inference_gap(
    ...     jnp.array([-5.0, -4.0]), jnp.array([-4.0, -4.0]), jnp.array([-3.0, -4.0])
    ... )
    >>> [float(part.value) for part in gap]
    [1.0, 0.5, 0.5]
    """
    own, refined, best = (as_float(a) for a in (elbo, refined_elbo, log_likelihood))
    if own.ndim != 1 or len(own) < 2:
        raise ValueError(
            f"`elbo` must have shape (examples,) with at least 2 examples; got {own.shape}."
        )
    check_same_shape("refined_elbo", refined, "elbo", own)
    check_same_shape("log_likelihood", best, "elbo", own)
    parts = (best - own, best - refined, refined - own)
    return InferenceGap(*(Gap(jnp.mean(part), standard_error(part)) for part in parts))
