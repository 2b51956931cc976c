"""Reconstruction losses by their everyday names, summed over the event.

Summed over the event, in nats up to the constants that are named.
"""

import jax.numpy as jnp
from jax.scipy.special import xlog1py, xlogy
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.likelihoods import bernoulli_log_prob, sum_event
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike


def mse(
    x_hat: Float[ArrayLike, "..."], x: Float[ArrayLike, "..."], batch_ndim: int = 1
) -> Float[Array, "..."]:
    """Squared error, `sum_i (x_i - x_hat_i)^2`: summed, not averaged, over pixels.

    The Gaussian negative log-likelihood with variance 1/2, without its constant
    `D/2 log pi`: `likelihoods.gaussian_log_prob(x_hat, x, log(1/2))`.

    Args:
        x_hat: `(*batch, *event)`.
        x: the same shape.
        batch_ndim: leading axes that are kept; 0 for one example, as inside `vmap`.

    Raises:
        ValueError: the shapes differ.

    >>> mse(jnp.zeros((1, 3)), jnp.ones((1, 3))).tolist()
    [3.0]
    """
    x_hat, x = as_float(x_hat), as_float(x)
    check_same_shape("x", x, "x_hat", x_hat)
    return sum_event(jnp.square(x - x_hat), batch_ndim)


def bce(
    logits: Float[ArrayLike, "..."], x: Float[ArrayLike, "..."], batch_ndim: int = 1
) -> Float[Array, "..."]:
    """Binary cross-entropy on logits, `sum_i softplus(l_i) - x_i l_i` nats.

    The Bernoulli negative log-likelihood, `-likelihoods.bernoulli_log_prob`: a cost, whose
    sign is changed for `elbo_terms(-losses.bce(logits, x), kl)`.

    Args:
        logits: `(*batch, *event)`.
        x: the same shape, from 0 to 1.
        batch_ndim: leading axes that are kept; 0 for one example, as inside `vmap`.

    Raises:
        ValueError: the shapes differ, or a known `x` is not between 0 and 1.

    >>> round(float(bce(jnp.zeros((1, 1)), jnp.ones((1, 1)))[0]), 4)
    0.6931
    """
    return -bernoulli_log_prob(logits, x, batch_ndim)


def bce_from_probs(
    probs: Float[ArrayLike, "..."], x: Float[ArrayLike, "..."], batch_ndim: int = 1
) -> Float[Array, "..."]:
    """Binary cross-entropy on probabilities; prefer `bce` on logits.

    `-sum_i x_i log p_i + (1 - x_i) log(1 - p_i)` nats. Infinite where a pixel is
    certain and wrong (p of 0 or 1), which `bce` never is, and short of digits near 1.
    Where it is certain and right, value and gradient are finite.

    Args:
        probs: `(*batch, *event)`, from 0 to 1.
        x: the same shape, from 0 to 1.
        batch_ndim: leading axes that are kept; 0 for one example, as inside `vmap`.

    Raises:
        ValueError: the shapes differ, or known numbers are not between 0 and 1.

    >>> bce_from_probs(jnp.array([[0.0]]), jnp.array([[1.0]])).tolist()
    [inf]
    """
    checks.in_range("probs", probs, 0, 1)
    checks.in_range("x", x, 0, 1)
    probs, x = as_float(probs), as_float(x)
    check_same_shape("x", x, "probs", probs)
    # x log p at 0 log 0 is 0, and so is its slope
    on = jnp.where((x == 0) & (probs == 0), 1.0, probs)
    off = jnp.where((x == 1) & (probs == 1), 0.0, probs)
    return -sum_event(xlogy(x, on) + xlog1py(1.0 - x, -off), batch_ndim)
