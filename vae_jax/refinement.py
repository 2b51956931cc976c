"""Semi-amortised inference: the encoder's guess, improved for each example by itself.

An encoder that lags behind the decoder lets the posterior collapse; a few steps of
gradient ascent on each example's own bound close the gap while both learn through them.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike

PosteriorObjective = Callable[
    [Float[Array, "batch latent"], Float[Array, "batch latent"]],
    Float[ArrayLike, " batch"],
]
"""`objective(mean, logvar) -> (batch,)`, maximised; example i reads row i alone."""


class Refined(NamedTuple):
    """A posterior after its steps; `vae.DiagGaussian(*refined)`.

    >>> Refined._fields
    ('mean', 'logvar')
    """

    mean: Float[Array, "batch latent"]
    logvar: Float[Array, "batch latent"]


def refine_posterior(
    objective: PosteriorObjective,
    mean: Float[ArrayLike, "batch latent"],
    logvar: Float[ArrayLike, "batch latent"],
    *,
    num_steps: int,
    learning_rate: Float[ArrayLike, ""],
    momentum: Float[ArrayLike, ""] = 0.0,
    max_norm: Float[ArrayLike, ""] | None = None,
    unrolled: bool = True,
) -> Refined:
    """Gradient ascent on every example's own objective, from where the encoder starts.

    With `s = (mean, logvar)`: `v <- momentum v + clip(d objective / d s)`,
    `s <- s + learning_rate v`. The loss of the refined posterior trains the encoder through
    its start and the decoder through every step. Kim et al. (2018), "Semi-amortized
    variational autoencoders", arXiv:1802.02550.

    Args:
        objective: nats, such as the ELBO. Noise that it closes over is that of every step.
        mean: of the encoder.
        logvar: of the encoder.
        num_steps: of the unrolled loop. Memory grows with it; around the objective,
            `jax.checkpoint` keeps that of one step.
        learning_rate: of mean and logvar both, finite and not negative; data.
        momentum: of the heavy ball, at least 0 and below 1; data.
        max_norm: longest gradient of an example, over mean and logvar together, in nats per
            unit, above 0; data. Kim et al. clip the norm of a whole batch instead.
        unrolled: differentiate through the steps, to second order. If not, slopes are
            constants: the encoder's gradient is the one at the refined posterior.

    Raises:
        ValueError: a setting that is not one number in its range, or shapes that differ.
        TypeError: `num_steps` is no whole number.

    >>> def elbo(mean, logvar):  # of the posterior N(1, 1), up to a constant
    ...     return -0.5 * jnp.sum((mean - 1) ** 2 + jnp.exp(logvar) - logvar, axis=-1)
    >>> start = jnp.zeros((1, 1))
    >>> refine_posterior(elbo, start, start, num_steps=2, learning_rate=0.5).mean.tolist()
    [[0.75]]
    """
    start = Refined(as_float(mean), as_float(logvar))
    num_steps = checks.whole("num_steps", num_steps, 0)
    checks.number("learning_rate", learning_rate, 0, high_open=True)
    checks.number("momentum", momentum, 0, 1, high_open=True)
    if max_norm is not None:
        checks.number("max_norm", max_norm, 0, low_open=True)
    if start.mean.ndim != 2:
        raise ValueError(
            f"`mean` must have the shape (batch, latent); got {start.mean.shape}."
        )
    check_same_shape("logvar", start.logvar, "mean", start.mean)
    rate, decay = (jnp.asarray(v, start.mean.dtype) for v in (learning_rate, momentum))

    def step(
        carry: tuple[Refined, Refined], _: None
    ) -> tuple[tuple[Refined, Refined], None]:
        state, velocity = carry
        slope = _slope(objective, state)
        slope = slope if unrolled else jax.lax.stop_gradient(slope)
        slope = slope if max_norm is None else _clip(slope, max_norm)
        velocity = jax.tree.map(lambda v, s: decay * v + s, velocity, slope)
        return (
            jax.tree.map(lambda p, v: p + rate * v, state, velocity),
            velocity,
        ), None

    at_rest = jax.tree.map(jnp.zeros_like, start)
    (refined, _), _ = jax.lax.scan(step, (start, at_rest), length=num_steps)
    return refined


def _slope(objective: PosteriorObjective, state: Refined) -> Refined:
    """The gradient of every example's own objective."""

    def checked(state: Refined) -> Array:
        values = as_float(objective(*state))
        if values.shape != state.mean.shape[:1]:
            raise ValueError(
                f"`objective` must return one value an example, {state.mean.shape[:1]}; "
                f"got {values.shape}. Sum over latent units, not over the batch."
            )
        return jnp.sum(values)

    slope: Refined = jax.grad(checked)(state)
    return slope


def _clip(slope: Refined, max_norm: ArrayLike) -> Refined:
    """Shortened to `max_norm` where it is longer; what is not finite stays so."""
    both = jnp.concatenate(slope, axis=-1)
    longest = jnp.asarray(max_norm, both.dtype)
    # in units of its largest entry: the squares of large gradients do not overflow
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(both), axis=-1))
    unit = jnp.where(largest > 0, largest, 1.0)
    squares = jnp.sum(jnp.square(both / unit[:, None]), axis=-1)
    short = unit * jnp.sqrt(squares) <= longest
    # the root is differentiated only where it is not of 0
    norm = unit * jnp.sqrt(jnp.where(short, 1.0, squares))
    # nor is an infinite bound divided where it is not needed
    factor = jnp.where(short, 1.0, jnp.where(short, 1.0, longest) / norm)[:, None]
    return Refined(slope.mean * factor, slope.logvar * factor)
