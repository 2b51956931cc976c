"""When a code is worth its rate, next to a decoder that ignores it.

Let a collapsed decoder predict pixel i by a parameter with score `s_i = d log p / d theta`
and Fisher information f_i: of a Bernoulli logit `x - p` and `p (1 - p)`, of a Gaussian
mean `(x - mean) / variance` and `1 / variance`. Let z add `w_i z` to the parameters, with
small w. The best encoder has the mean `w's / beta`, and to second order in w the objective
changes by

    (w' diag(E f) w - w' E[s s'] w / beta) / 2.

So the collapsed decoder is a minimum in these directions where beta is above the largest
eigenvalue of the scores' covariance in units of the information. For a decoder whose pixels
are independent given z that eigenvalue is the strength of the strongest pattern; a decoder
that sees previous pixels leaves weaker patterns in its scores, and collapses at a smaller
beta; the scores of one that predicts perfectly have none, and its threshold is 1.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike


def collapse_threshold(
    scores: Float[ArrayLike, "examples pixels"],
    information: Float[ArrayLike, "examples pixels"],
) -> Float[Array, ""]:
    """The beta above which a decoder that ignores z is a minimum.

    `beta* = lambda_max(F^(-1/2) E[s s'] F^(-1/2))`, `F = diag(E[f])`.

    A code that adds the same offsets in every context is considered; one that speaks in
    another way in every context may be worth more. For a Gaussian decoder without sight of
    x it is `lambda_1 / variance`: Lucas et al. (2019), arXiv:1911.02469.

    Args:
        scores: s of every example and pixel, in nats per unit of the parameter.
        information: f, not negative. A pixel without any is left out.

    Returns:
        beta*, a weight of nats of rate against nats of distortion.

    Raises:
        ValueError: shapes that differ or hold no example, or a negative information.

    >>> x = jnp.array([[2.0, 2.0], [-2.0, -2.0]])
    >>> round(float(collapse_threshold(x / 4, jnp.full((2, 2), 1 / 4))), 3)
    2.0
    """
    checks.in_range("information", information, 0)
    scores, information = as_float(scores), as_float(information)
    if scores.ndim != 2 or scores.size == 0:
        raise ValueError(
            "`scores` must have the shape (examples, pixels), with one of each at least; "
            f"got {scores.shape}."
        )
    check_same_shape("information", information, "scores", scores)
    mean = jnp.mean(information, axis=0)
    scale = jnp.where(mean > 0, jnp.where(mean > 0, mean, 1) ** -0.5, 0)
    scaled = scores * scale[None]
    covariance = scaled.T @ scaled / len(scores)
    largest: Array = jnp.linalg.eigvalsh(covariance)[-1]
    return largest
