"""How a linear VAE learns online, exactly: six averages in the limit of many features.

Data `x = sqrt(signal / N) u c + sqrt(noise) n` with `|u|^2 = N` and c, n standard normal;
one unit with decoder w and encoder v, `z = v'x / sqrt(N)` with variance D,
`x_hat = w z / sqrt(N)`, and the loss of one example, in nats but for its constant,

    -h_w h_v + (q/2) (h_v^2 + D) + (beta/2) (h_v^2 + D - log D),

with `h_w = w'x / sqrt(N)`, `h_v = v'x / sqrt(N)`, `q = |w|^2 / N`. Every example is seen
once, at the learning rate tau for w and v and tau / N for D, and time is examples over N.
Then six averages follow an ordinary differential equation, whatever else w and v are:

    m = w'u / N,  d = v'u / N,  Q = |w|^2 / N,  E = |v|^2 / N,  R = w'v / N,  and D.

Ichikawa & Hukushima (2024), arXiv:2310.15440.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from vae_jax import checks
from vae_jax.analytic._arguments import check_weight
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike


class OrderParameters(NamedTuple):
    """What the loss of a linear VAE with one unit depends on.

    Attributes:
        decoder_overlap: m, of the decoder with the direction of the signal.
        encoder_overlap: d, of the encoder.
        decoder_norm: Q, squared.
        encoder_norm: E, squared.
        cross_overlap: R, of decoder and encoder.
        posterior_variance: D.

    >>> OrderParameters._fields[:2]
    ('decoder_overlap', 'encoder_overlap')
    """

    decoder_overlap: Num[ArrayLike, "*batch"]
    encoder_overlap: Num[ArrayLike, "*batch"]
    decoder_norm: Num[ArrayLike, "*batch"]
    encoder_norm: Num[ArrayLike, "*batch"]
    cross_overlap: Num[ArrayLike, "*batch"]
    posterior_variance: Num[ArrayLike, "*batch"]


def order_parameter_flow(
    order: OrderParameters,
    beta: Num[ArrayLike, ""],
    signal: Num[ArrayLike, ""],
    noise: Num[ArrayLike, ""],
    learning_rate: Num[ArrayLike, ""],
) -> OrderParameters:
    """Derivative of the order parameters in time, examples over features.

    With `l = signal + noise`, `s = signal`, `a = Q + beta`, `A = s d^2 + noise E`,
    `B = s m^2 + noise Q`, `C = s m d + noise R`, `G = B - 2 a C + a^2 A`, and t the
    learning rate:

        m' = t (l d - m (A + D)),              d' = t l (m - a d),
        Q' = 2 t (C - Q (A + D)) + t^2 noise A,
        E' = 2 t (C - a A) + t^2 noise G,
        R' = t (A - R (A + D) + B - a C) + t^2 noise (C - a A),
        D' = -(t/2) (Q + beta (1 - 1/D)).

    Args:
        order: numbers, or arrays of one shape, for several runs at once.
        beta: weight of the rate now, finite and not negative.
        signal: variance along the signal, finite and not negative.
        noise: variance of the noise in every direction, finite and above 0.
        learning_rate: t, finite and above 0.

    Raises:
        ValueError: shapes that differ, or a number outside its range.

    Ichikawa & Hukushima (2024), arXiv:2310.15440, derived again for the loss above.

    >>> start = OrderParameters(0.1, 0.1, 1.0, 1.0, 0.0, 1.0)
    >>> slope = order_parameter_flow(start, 1.0, 1.0, 1.0, learning_rate=0.01)
    >>> print(f"{slope.decoder_overlap:.5f} {slope.posterior_variance:.5f}")
    -0.00001 -0.00500
    """
    for name, value in {"beta": beta, "signal": signal}.items():
        checks.number(name, value, 0, high_open=True)
    for name, value in {"noise": noise, "learning_rate": learning_rate}.items():
        checks.number(name, value, 0, low_open=True, high_open=True)
    m, d, q, e, r, own = as_order(order)
    weight, s, eta, t = (
        as_float(value).astype(m.dtype)
        for value in (beta, signal, noise, learning_rate)
    )
    a = q + weight
    encoded = s * d**2 + eta * e
    decoded = s * m**2 + eta * q
    both = s * m * d + eta * r
    miss = both - a * encoded
    spread = decoded - 2 * a * both + a**2 * encoded
    drawn = encoded + own
    return OrderParameters(
        t * ((s + eta) * d - m * drawn),
        t * (s + eta) * (m - a * d),
        2 * t * (both - q * drawn) + t**2 * eta * encoded,
        2 * t * miss + t**2 * eta * spread,
        t * (encoded - r * drawn + decoded - a * both) + t**2 * eta * miss,
        -t / 2 * (q + weight * (1 - 1 / own)),
    )


def as_order(order: OrderParameters) -> tuple[Float[Array, "*batch"], ...]:
    """Floating arrays of one shape and precision.

    Raises:
        ValueError: other shapes, or a number that no run has.

    >>> [float(value) for value in as_order(OrderParameters(0, 0, 1, 1, 0, 1))]
    [0.0, 0.0, 1.0, 1.0, 0.0, 1.0]
    """
    for name in ("decoder_norm", "encoder_norm"):
        checks.in_range(name, getattr(order, name), 0, high_open=True)
    for name in ("decoder_overlap", "encoder_overlap", "cross_overlap"):
        value = getattr(order, name)
        checks.in_range(name, value, low_open=True, high_open=True)
    last = order.posterior_variance
    checks.in_range("posterior_variance", last, 0, low_open=True, high_open=True)
    arrays = [as_float(value) for value in order]
    shapes = {name: a.shape for name, a in zip(order._fields, arrays, strict=True)}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"all order parameters must have one shape; got {shapes}.")
    dtype = jnp.result_type(*arrays)
    return tuple(array.astype(dtype) for array in arrays)


def generalisation_error(
    decoder_overlap: Num[ArrayLike, "*batch"],
    decoder_norm: Num[ArrayLike, "*batch"],
    signal: Num[ArrayLike, ""],
) -> Float[Array, "*batch"]:
    """Squared distance of the decoder from the signal's direction, its sign aside.

    `s - 2 sqrt(s) |m| + Q`, which is `min |w -/+ sqrt(s) u|^2 / N`: 0 for the perfect
    decoder and s for a collapsed one.

    Args:
        decoder_overlap: m; see `OrderParameters`.
        decoder_norm: Q, of the same shape.
        signal: s, finite and not negative.

    Raises:
        ValueError: shapes that differ, or a number outside its range.

    Ichikawa & Hukushima (2024), arXiv:2310.15440.

    >>> generalisation_error(jnp.array([0.0, -1.0]), jnp.array([0.0, 1.0]), 1.0).tolist()
    [1.0, 0.0]
    """
    checks.number("signal", signal, 0, high_open=True)
    checks.in_range("decoder_overlap", decoder_overlap, low_open=True, high_open=True)
    checks.in_range("decoder_norm", decoder_norm, 0, high_open=True)
    overlap, norm = as_float(decoder_overlap), as_float(decoder_norm)
    if overlap.shape != norm.shape:
        raise ValueError(
            f"`decoder_norm` must have the shape of `decoder_overlap`, {overlap.shape}; "
            f"got {norm.shape}."
        )
    dtype = jnp.result_type(overlap, norm)
    overlap, norm = overlap.astype(dtype), norm.astype(dtype)
    own = as_float(signal).astype(dtype)
    return own - 2 * jnp.sqrt(own) * jnp.abs(overlap) + norm


def learned_generalisation_error(
    beta: Num[ArrayLike, "*batch"],
    signal: Num[ArrayLike, ""],
    noise: Num[ArrayLike, ""],
) -> Float[Array, "*batch"]:
    """Where learning ends at a small learning rate: 0 at `beta = noise`, then collapse.

    With `k = sqrt(max(0, signal + noise - beta))` the norm of the decoder,
    `(sqrt(signal) - k)^2`: the VAE fits noise where beta is below `noise`, and
    from `beta = signal + noise` on it is collapsed.

    Args:
        beta: weight of the rate, finite and not negative.
        signal: variance along the signal, finite and not negative.
        noise: variance of the noise in every direction, finite and not negative.

    Raises:
        ValueError: a number outside its range.

    Ichikawa & Hukushima (2024), arXiv:2310.15440.

    >>> learned_generalisation_error(jnp.array([1.0, 2.0, 3.0]), 1.0, 1.0).tolist()
    [0.0, 1.0, 1.0]
    """
    check_weight(beta)
    checks.number("signal", signal, 0, high_open=True)
    checks.number("noise", noise, 0, high_open=True)
    weight = as_float(beta)
    own, eta = (as_float(value).astype(weight.dtype) for value in (signal, noise))
    excess = own + eta - weight
    # the slope of the root has no end at 0
    norm = jnp.where(excess > 0, jnp.sqrt(jnp.where(excess > 0, excess, 1)), 0)
    # a square keeps its digits near the minimum
    return jnp.square(jnp.sqrt(own) - norm)
