"""A VAE in which nothing is sampled: 30 bins of x, 30 of z, every sum exact, in float64.

The construction of Alemi et al. (2018), arXiv:1711.00464: a binary variable z* seen through
Gaussian noise and 30 bins, with half a nat of information between the two; an encoder
`e(z|x)` and a decoder `d(x|z)` that are softmaxes of squares, and a free marginal `m(z)`.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy import optimize, special

NUM_BINS, EDGE = 30, 4.0
"""Bins of x, and of z, between minus and plus this."""

SHARES = np.array([0.7, 0.3])
"""Of z* = -1 and z* = +1."""

INFORMATION = 0.5
"""Between x and z*, in nats; the noise is chosen for it."""

INIT_SCALE, LEARNING_RATE, NUM_STEPS = 0.3, 1e-2, 20_000


class Toy(NamedTuple):
    """Parameters: one number a bin of what each is a function of."""

    encoder_scale: jax.Array
    encoder_shift: jax.Array
    decoder_scale: jax.Array
    decoder_shift: jax.Array
    marginal: jax.Array


class Weights(NamedTuple):
    """What is minimised: `distortion + beta * rate + penalty * |rate - INFORMATION|`."""

    beta: jax.Array
    penalty: jax.Array


class Source(NamedTuple):
    """The truth: the bins, `p(x)`, `p(x|z*)`, and the noise that gives the information."""

    centres: np.ndarray
    shares: np.ndarray
    given_code: np.ndarray
    noise: float


def entropy(shares: np.ndarray) -> np.ndarray:
    """In nats, over the last axis.

    >>> print(f"{entropy(np.array([0.5, 0.5])):.4f}")
    0.6931
    """
    return special.entr(shares).sum(axis=-1)


def source() -> Source:
    """The bins of two Gaussians whose noise lets `INFORMATION` nats through.

    >>> found = source()
    >>> print(f"{found.noise:.5f} {entropy(found.shares):.6f}")
    0.59626 2.731873
    """
    edges = np.linspace(-EDGE, EDGE, NUM_BINS + 1)

    def given(noise: float) -> np.ndarray:
        below = special.ndtr((edges - np.array([[-1.0], [1.0]])) / noise)
        mass = np.diff(below, axis=-1)
        return mass / mass.sum(axis=-1, keepdims=True)

    def excess(noise: float) -> float:
        rows = given(noise)
        shared = entropy(SHARES @ rows) - SHARES @ entropy(rows)
        return float(shared - INFORMATION)

    noise = float(optimize.brentq(excess, 0.2, 2.0, xtol=1e-13))
    rows = given(noise)
    return Source((edges[1:] + edges[:-1]) / 2, SHARES @ rows, rows, noise)


def log_channels(
    toy: Toy, centres: np.ndarray
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """`log e(z|x)`, `log d(x|z)` and `log m(z)`: rows are x, z, and the one of m."""
    scale, shift = toy.encoder_scale[None, :], toy.encoder_shift[None, :]
    encoder = -jnp.square(scale * centres[:, None] - shift)
    scale, shift = toy.decoder_scale[None, :], toy.decoder_shift[None, :]
    decoder = -jnp.square(scale * centres[:, None] - shift)
    return tuple(
        jax.nn.log_softmax(logits, axis=-1)
        for logits in (encoder, decoder, toy.marginal)
    )


def measure(toy: Toy, centres: np.ndarray, shares: np.ndarray) -> dict[str, jax.Array]:
    """Every sum in nats: `distortion`, `rate`, its two parts, and how wrong the model is.

    `rate = information + marginal_kl`, and `distortion + rate` is the entropy of x and
    two divergences, that of the model from the truth and that of the encoder from the
    posterior.
    """
    encoder, decoder, marginal = log_channels(toy, centres)
    joint = shares[:, None] * jnp.exp(encoder)
    code = joint.sum(axis=0)
    model = jax.nn.logsumexp(marginal[:, None] + decoder, axis=0)
    log_code = jnp.log(jnp.maximum(code, jnp.finfo(code.dtype).tiny))
    return {
        "distortion": -jnp.sum(joint * decoder.T),
        "rate": jnp.sum(joint * (encoder - marginal[None, :])),
        "information": jnp.sum(joint * (encoder - log_code[None, :])),
        "marginal_kl": jnp.sum(code * (log_code - marginal)),
        "model_kl": jnp.sum(shares * (jnp.log(shares) - model)),
    }


def objective(
    toy: Toy, weights: Weights, centres: np.ndarray, shares: np.ndarray
) -> jax.Array:
    """What the two weights ask for, in nats."""
    encoder, decoder, marginal = log_channels(toy, centres)
    joint = shares[:, None] * jnp.exp(encoder)
    distortion = -jnp.sum(joint * decoder.T)
    rate = jnp.sum(joint * (encoder - marginal[None, :]))
    off = jnp.abs(rate - INFORMATION)
    return distortion + weights.beta * rate + weights.penalty * off


def start(seed: jax.Array) -> Toy:
    """Normal numbers of standard deviation `INIT_SCALE`, in float64."""
    keys = jax.random.split(jax.random.key(seed), len(Toy._fields))
    drawn = jax.vmap(lambda key: jax.random.normal(key, (NUM_BINS,), jnp.float64))
    return Toy(*(INIT_SCALE * drawn(keys)))


@partial(jax.jit, static_argnames="num_steps")
def _trained(
    seeds: jax.Array,
    weights: Weights,
    centres: jax.Array,
    shares: jax.Array,
    num_steps: int,
) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
    optimizer = optax.adam(LEARNING_RATE)
    slope = jax.grad(objective)

    def one(seed: jax.Array, own: Weights) -> tuple[dict, dict]:
        def step(_: jax.Array, carry: tuple) -> tuple:
            toy, state = carry
            found = slope(toy, own, centres, shares)
            # optax raises a number to the power of a count
            with jax.numpy_dtype_promotion("standard"):
                change, state = optimizer.update(found, state)
            return optax.apply_updates(toy, change), state

        toy = start(seed)
        toy, _ = jax.lax.fori_loop(0, num_steps, step, (toy, optimizer.init(toy)))
        encoder, decoder, marginal = map(jnp.exp, log_channels(toy, centres))
        channels = {"encoder": encoder, "decoder": decoder, "marginal": marginal}
        left = jnp.linalg.norm(jnp.concatenate(slope(toy, own, centres, shares)))
        return {**measure(toy, centres, shares), "gradient": left}, channels

    return jax.vmap(one)(seeds, weights)


def train(
    seeds: Sequence[int],
    betas: Sequence[float],
    penalties: Sequence[float],
    num_steps: int = NUM_STEPS,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Train every member at once, with Adam, as one compiled program in float64.

    Args:
        seeds: of the start of each member.
        betas: weight of the rate of each.
        penalties: weight of `|rate - INFORMATION|` of each.
        num_steps: of Adam.

    Returns:
        What `measure` has, a row a member, and the norm of the `gradient` that is left;
        and its `encoder`, `decoder` and `marginal`.
    """
    true = source()
    with jax.enable_x64(True):
        weights = Weights(
            *(jnp.asarray(np.asarray(v), jnp.float64) for v in (betas, penalties))
        )
        found = _trained(
            jnp.asarray(np.asarray(seeds), jnp.uint32),
            weights,
            jnp.asarray(true.centres),
            jnp.asarray(true.shares),
            num_steps,
        )
        return jax.tree.map(np.asarray, found)
