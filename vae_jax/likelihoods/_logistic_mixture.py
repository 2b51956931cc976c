"""A discretised mixture of logistics: grey levels of one channel or of several.

The convention is that of PixelCNN++ (Salimans et al. 2017, arXiv:1701.05517): `x` lies in
[-1, 1], level k of L at `2 k / (L - 1) - 1`; an image of the package is
`2 * data.scale(images, L - 1) - 1`. The mass of a level is that of a logistic between the
midpoints to its neighbours, and the first and the last level take the tails. A component
is shared by the channels of a pixel, whose means depend on the channels before them:
`mean_c + sum_{d < c} tanh(coefficient_cd) x_d`.

Nothing is clipped, nothing is approximated: a level whose mass underflows is exact through
`sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b))`. What float32 does round
are the mean of a coupled channel, by 1e-7, which a scale as small makes visible, and the
weight of one component against another where both have log-masses in the thousands.

Log-densities are in nats, summed over the event.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.keys import as_key
from vae_jax.likelihoods._event import Likelihood, known_data, sum_event
from vae_jax.likelihoods._grey_levels import (
    OFF_LEVEL,
    grid,
    log_mass,
    mean_on_grid,
    nearest_level,
)
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike


class MixtureParams(NamedTuple):
    """What a decoder returns, for C channels and K components; any floating numbers.

    Attributes:
        logits: of the components, `(*batch, *space, K)`.
        means: `(*batch, *space, C, K)`, on the scale of `x`.
        log_scales: the same shape.
        coefficients: `(*batch, *space, C (C - 1) / 2, K)`, before the tanh: of channel 0
            on 1, 0 on 2, 1 on 2, ...; an axis of length 0 for one channel.

    >>> MixtureParams._fields
    ('logits', 'means', 'log_scales', 'coefficients')
    """

    logits: Array
    means: Array
    log_scales: Array
    coefficients: Array


def mixture_params(
    packed: Float[ArrayLike, "... features"], num_channels: int
) -> MixtureParams:
    """Split what one layer returns: `K (1 + 2 C + C (C - 1) / 2)` features a pixel.

    That is 3 features a component for one channel, 10 for RGB. In this order: the logits,
    the means channel by channel, the log-scales, the coefficients; K numbers each.

    Raises:
        TypeError: `num_channels` is no whole number.
        ValueError: there is no channel, or the features do not divide into components.

    >>> mixture_params(jnp.zeros((1, 8, 8, 50)), num_channels=3).means.shape
    (1, 8, 8, 3, 5)
    """
    packed, num_channels = (
        as_float(packed),
        checks.whole("num_channels", num_channels, 1),
    )
    rows = 1 + 2 * num_channels + num_channels * (num_channels - 1) // 2
    if packed.ndim == 0 or packed.shape[-1] % rows or packed.shape[-1] == 0:
        raise ValueError(
            f"`packed` must have a last axis of {rows} features a component, for "
            f"{num_channels} channels; got the shape {packed.shape}."
        )
    blocks = packed.reshape(*packed.shape[:-1], rows, packed.shape[-1] // rows)
    ends = 1, 1 + num_channels, 1 + 2 * num_channels
    logits, *others = jnp.split(blocks, ends, axis=-2)
    return MixtureParams(logits[..., 0, :], *others)


def discretized_logistic_mixture_log_prob(
    params: MixtureParams,
    x: Float[ArrayLike, "... channels"],
    levels: int = 256,
    batch_ndim: int = 1,
) -> Float[Array, "..."]:
    """`sum_pixels log sum_k w_k prod_c P(x_c | m_ck, s_ck)` nats, `w = softmax(logits)`.

    `P` is the mass of the level of `x_c` under a logistic of mean `m_ck` (which depends on
    the channels before c) and scale `s_ck = exp(log_scales)`: normalised over the grid.
    `x` is taken to the level it is nearest to and passes no gradient; what is no level
    (data scaled to [0, 1], dequantised, out of range) makes its example NaN, value and
    gradient. Salimans et al. (2017), arXiv:1701.05517.

    Args:
        params: of the mixture; `mixture_params` splits the output of a layer.
        x: `(*batch, *space, channels)`, levels in [-1, 1]; a grey image has an axis of
            length 1 at its end.
        levels: of one channel.
        batch_ndim: leading axes that are kept, 0 for one example, as inside `vmap`; the
            channels are none of them.

    Raises:
        TypeError: `levels` is no whole number.
        ValueError: shapes that do not fit, fewer than 2 levels.

    >>> params = mixture_params(jnp.zeros((1, 4, 4, 30)), num_channels=3)
    >>> x = jnp.ones((1, 4, 4, 3))
    >>> discretized_logistic_mixture_log_prob(params, x).shape
    (1,)
    """
    params, x = _checked(params), as_float(x)
    if x.shape != params.means.shape[:-1]:
        raise ValueError(
            f"`x` must have the shape of the means without the components, "
            f"{params.means.shape[:-1]}; got {x.shape}. A grey image has one channel."
        )
    level, known = nearest_level(x, levels)
    seen = jnp.asarray(grid(levels), x.dtype)[level][..., None]
    means = [
        _coupled(params, channel, [seen[..., d, :] for d in range(channel)])
        for channel in range(x.shape[-1])
    ]
    mass = log_mass(level, jnp.stack(means, axis=-2), params.log_scales, levels)
    weights = jax.nn.log_softmax(params.logits)
    pixels = jax.nn.logsumexp(weights + jnp.sum(mass, axis=-2), axis=-1)
    # times NaN: the gradient must not survive what has no probability
    known = jnp.where(known.all(axis=-1), 1.0, jnp.nan).astype(x.dtype)
    return sum_event(pixels * known, batch_ndim)


def _checked(params: MixtureParams) -> MixtureParams:
    """In float32 or wider, of shapes that fit."""
    params = MixtureParams(*map(as_float, params))
    means = params.means.shape
    if len(means) < 2 or 0 in means[-2:]:
        raise ValueError(f"`means` must end in (channels, components); got {means}.")
    pairs = means[-2] * (means[-2] - 1) // 2
    expected = {
        "logits": (*means[:-2], means[-1]),
        "log_scales": means,
        "coefficients": (*means[:-2], pairs, means[-1]),
    }
    for name, shape in expected.items():
        if getattr(params, name).shape != shape:
            raise ValueError(
                f"`{name}` must have the shape {shape}, for means of {means}; got "
                f"{getattr(params, name).shape}."
            )
    return params


def _coupled(
    params: MixtureParams, channel: int, before: list[Array]
) -> Float[Array, "... components"]:
    """Means of a channel, given those before it with an axis for the components."""
    mean, first = params.means[..., channel, :], channel * (channel - 1) // 2
    for index, value in enumerate(before, start=first):
        mean = mean + jnp.tanh(params.coefficients[..., index, :]) * value
    return mean


def discretized_logistic_mixture(levels: int = 256) -> Likelihood:
    """Grey levels in [-1, 1] with neighbouring channels coupled; `MixtureParams` out.

    `sample` draws a component a pixel and its channels in order, each given the levels
    already drawn. `mean` is exact in the first channel, so for grey images everywhere.
    The mean of a later channel would be a sum over all levels of those before it; it is
    taken at their mean instead, component by component, which is the same as long as the
    tails beyond [-1, 1] hold little.

    >>> family = discretized_logistic_mixture(levels=5)
    >>> params = mixture_params(jnp.zeros((1, 2, 2, 3)), num_channels=1)
    >>> family.mean(params).round(4).ravel().tolist()
    [0.0, 0.0, 0.0, 0.0]
    >>> family.sample(jax.random.key(0), params).shape
    (1, 2, 2, 1)
    """
    grid(levels)  # refuses what is no number of levels, before anything is decoded

    def log_prob(output: MixtureParams, x: ArrayLike, batch_ndim: int = 1) -> Array:
        return discretized_logistic_mixture_log_prob(output, x, levels, batch_ndim)

    def mean(output: MixtureParams) -> Array:
        params = _checked(output)
        found: list[Array] = []
        for channel in range(params.means.shape[-2]):
            means = _coupled(params, channel, found)
            log_scales = params.log_scales[..., channel, :]
            found.append(mean_on_grid(means, log_scales, levels))
        weights = jax.nn.softmax(params.logits)[..., None, :]
        return jnp.sum(weights * jnp.stack(found, axis=-2), axis=-1)

    def sample(key: Array, output: MixtureParams) -> Array:
        own, *keys = jax.random.split(
            as_key("key", key), 1 + jnp.shape(output.means)[-2]
        )
        params = _drawn_component(own, _checked(output))
        x: list[Array] = []
        centres = jnp.asarray(grid(levels), params.means.dtype)
        for channel, own in enumerate(keys):
            means = _coupled(params, channel, x)
            noise = jax.random.logistic(own, means.shape, means.dtype)
            value = means + jnp.exp(params.log_scales[..., channel, :]) * noise
            level = jnp.round((value + 1.0) * (0.5 * (levels - 1)))
            x.append(centres[jnp.clip(level, 0, levels - 1).astype(jnp.int32)])
        return jnp.concatenate(x, axis=-1)

    return Likelihood(log_prob, mean, sample)


def _drawn_component(key: Array, params: MixtureParams) -> MixtureParams:
    """The same with one component left, drawn for every pixel."""
    drawn = jax.random.categorical(key, params.logits)[..., None, None]

    def pick(array: Array) -> Array:
        return jnp.take_along_axis(array, drawn, axis=-1)

    logits, *others = params
    return MixtureParams(pick(logits[..., None, :])[..., 0, :], *map(pick, others))


def check_logistic_mixture_data(x: ArrayLike, levels: int = 256) -> None:
    """Refuse data that is not on the grid of levels in [-1, 1]; concrete arrays only.

    It refuses what the log-density is NaN for: more than 0.3 of a step from a level.

    Raises:
        TypeError: `levels` is no whole number, or `x` holds no real ones.
        ValueError: a value that is no level (names it), or fewer than 2 levels.

    >>> check_logistic_mixture_data(np.array([-1.0, 0.0, 1.0]), levels=5)
    """
    x, levels = known_data(x), checks.whole("levels", levels, 2)
    position = (x.astype(np.float64) + 1.0) * (0.5 * (levels - 1))
    nearest = np.round(position)
    known = np.abs(position - nearest) <= OFF_LEVEL
    wrong = ~(known & (nearest >= 0) & (nearest <= levels - 1))
    if wrong.any():
        raise ValueError(
            f"`x` must lie on {levels} levels from -1 to 1, 2 k / {levels - 1} - 1; got "
            f"{x[wrong].flat[0]}. Use 2 * data.scale(images, {levels - 1}) - 1."
        )
