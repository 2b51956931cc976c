"""What a likelihood is, and the sum over the event that all of them share."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax.types import ArrayLike


class Likelihood(NamedTuple):
    """A family of densities of the data; `output` is what the decoder returns.

    Attributes:
        log_prob: `log_prob(output, x) -> (*batch,)`, normalised, summed over the event.
        mean: `mean(output) -> like x`.
        sample: `sample(key, output) -> like x`; one key for the whole array.

    >>> Likelihood._fields
    ('log_prob', 'mean', 'sample')
    """

    log_prob: Callable[[Any, ArrayLike], Array]
    mean: Callable[[Any], Array]
    sample: Callable[[Array, Any], Array]


def sum_event(values: Float[Array, "..."], batch_ndim: int = 1) -> Float[Array, "..."]:
    """Sum every axis after the first `batch_ndim`.

    >>> sum_event(jnp.ones((2, 3, 4))).tolist()
    [12.0, 12.0]
    """
    if not 0 <= batch_ndim <= values.ndim:
        raise ValueError(
            f"`batch_ndim` must be between 0 and the {values.ndim} axes of `x`; got "
            f"{batch_ndim}."
        )
    return jnp.sum(values, axis=tuple(range(batch_ndim, values.ndim)))
