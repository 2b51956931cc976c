"""Three interventions on z: does the decoder notice, and does it notice what?

Somebody else's z is as likely as one's own, so the shuffle asks whether z says which x it
is. The prior's mean is the best z of a decoder that ignores z. A sample of the prior may
lie where no posterior ever does: it costs more than the shuffle if q(z) is off the prior.

Drops of the log-likelihood are in nats per example.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax.diagnostics._checks import as_examples, standard_error
from vae_jax.diagnostics._shuffle import ShuffleGap, z_shuffle_gap
from vae_jax.keys import as_key
from vae_jax.types import ArrayLike, PRNGKey


class RelianceGap(NamedTuple):
    """Mean drop of the log-likelihood in nats, with its standard error.

    >>> RelianceGap._fields
    ('value', 'standard_error')
    """

    value: Float[Array, ""]
    standard_error: Float[Array, ""]


class ZReliance(NamedTuple):
    """What log p(x|z) loses when z is replaced; 0 where the decoder ignores z.

    Attributes:
        shuffled: by the z of another example, as `z_shuffle_gap`.
        zeroed: by 0, the mean of the prior. It can be negative: a z that misleads the
            decoder is worse than none.
        resampled: by a sample of the prior.

    >>> ZReliance._fields
    ('shuffled', 'zeroed', 'resampled')
    """

    shuffled: ShuffleGap
    zeroed: RelianceGap
    resampled: RelianceGap


def z_reliance(
    key: PRNGKey,
    log_prob: Callable[[Array, Any], Array],
    z: Float[ArrayLike, "examples latent"],
    x: Any,
) -> ZReliance:
    """How much log p(x|z) drops when z is shuffled, set to 0 or drawn from N(0, I).

    `mean_i [log p(x_i|z_i) - log p(x_i|z'_i)]` for each replacement z'.

    Args:
        key: for the shuffle and the samples of the prior.
        log_prob: `log_prob(z, x) -> (examples,)`, the log-likelihood of each example.
        z: a sample of the posterior of each example.
        x: the data, in whatever form `log_prob` takes it.

    Raises:
        TypeError: no key.
        ValueError: fewer than 2 examples, or `log_prob` does not give one number each.

    >>> def log_prob(z, x):
    ...     return -jnp.sum((x - z) ** 2, axis=-1) / 2
    >>> z = jnp.array([[0.0], [2.0]])
    >>> found = z_reliance(jax.random.key(0), log_prob, z, z)
    >>> float(found.shuffled.value), float(found.zeroed.value)
    (2.0, 1.0)
    """
    codes = as_examples("z", z)
    shuffle_key, prior_key = jax.random.split(as_key("key", key))
    shuffled = z_shuffle_gap(shuffle_key, log_prob, codes, x)
    own = log_prob(codes, x)

    def gap(other: Array) -> RelianceGap:
        drop = own - log_prob(other, x)
        return RelianceGap(jnp.mean(drop), standard_error(drop))

    resampled = gap(jax.random.normal(prior_key, codes.shape, codes.dtype))
    return ZReliance(shuffled, gap(jnp.zeros_like(codes)), resampled)
