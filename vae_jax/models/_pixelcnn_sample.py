"""Images of a PixelCNN for the cost of about one pass, from features that are kept."""

import math
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Float, Key

from vae_jax.likelihoods import Likelihood
from vae_jax.models._assemble import (
    DEFAULT_KNOBS,
    PixelLikelihoodName,
    as_parameters,
    check_arguments,
    compute_dtype,
    default_dtype,
    flatten,
)
from vae_jax.models._dropout import word_dropout
from vae_jax.models._gated import GatedLayer, reaches
from vae_jax.models._images import image_shape
from vae_jax.models._pixelcnn import PixelDecoder, check_channels, num_features
from vae_jax.models._sample import drawn, one_each
from vae_jax.types import Array, ArrayLike, Params
from vae_jax.vae import Knobs


def pixelcnn_sample(
    keys: Key[Array, " batch"],
    name: PixelLikelihoodName,
    likelihood: Likelihood,
    params: Params,
    z: Float[ArrayLike, "batch latent"],
    event_shape: tuple[int, ...],
    *,
    knobs: Knobs = DEFAULT_KNOBS,
) -> Float[Array, " batch *event"]:
    """Draw `x ~ p(x|z)` from the decoder of `pixelcnn`, one image a code.

    `x_i = draw(key, f(x_1 ... x_(i-1), z))_i`, pixel by pixel: the same image as
    `models.sample` draws from the same keys, for the cost of about one pass in place of
    one a pixel at worst. The vertical stack is computed a row at a time and the horizontal
    one a pixel at a time, from the last rows and pixels of each layer: Ramachandran et al.
    (2017), arXiv:1704.06001.

    Args:
        keys: one an image. Two images with the same key differ only by their code.
        name: the `likelihood` that `pixelcnn` was made with.
        likelihood: the family itself, which draws.
        params: of the whole model; they tell the layers.
        z: the codes.
        event_shape: of one image.
        knobs: as in training.

    Raises:
        ValueError: an unknown name or another than the model's, an event that is no image
            or not of the model's shape, codes of other units or not one a key.

    >>> from vae_jax import likelihoods, models
    >>> vae = models.pixelcnn((4, 4), 2, hidden=(8,), likelihood="bernoulli")
    >>> params, family = jax.jit(vae.init)(jax.random.key(0)), likelihoods.bernoulli()
    >>> keys, z = jax.random.split(jax.random.key(1), 3), jnp.ones((3, 2))
    >>> x = pixelcnn_sample(keys, "bernoulli", family, params, z, (4, 4))
    >>> bool((x == models.sample(keys, vae, family, params, z, (4, 4))).all())
    True
    """
    keys = one_each(keys, jnp.shape(z))
    check_arguments(event_shape, jnp.shape(z)[-1], name, PixelLikelihoodName)
    check_channels(event_shape, name)
    return cached_sample(keys, name, likelihood, params, z, event_shape, knobs)[0]


def cached_sample(
    keys: Key[Array, " batch"],
    name: PixelLikelihoodName,
    likelihood: Likelihood,
    params: Params,
    z: Float[ArrayLike, "batch latent"],
    event_shape: tuple[int, ...],
    knobs: Knobs,
) -> tuple[Float[Array, " batch *event"], Any]:
    """The images, and the parameters of the likelihood that they were drawn from."""
    stacks = _stacks(params, jnp.asarray(z), event_shape, name, knobs)
    height, width, channels = stacks.decoder.shape
    features = stacks.decoder.features
    blank = jnp.zeros((len(keys), height, width, features), stacks.dtype)

    def parameters(output: Array) -> Any:
        return as_parameters(name, params, output, event_shape, knobs.variance)

    def draw(output: Array, row: Array, column: Array) -> Array:
        # the noise of one pixel is that of the whole image, at its place; what is drawn for
        # the others is not used, and XLA leaves it out: an image of 28x28 takes two passes
        x = drawn(keys, likelihood, parameters(output))
        x = x.reshape(-1, height, width, channels).astype(default_dtype())
        start = jnp.zeros_like(row)
        size = (len(keys), 1, 1, channels)
        return jax.lax.dynamic_slice(x, (start, row, column, start), size)

    def write_row(carry: Any, at: Any) -> Any:
        (output, above), (row, conditions) = carry, at
        above, sides = stacks.next_row(above, conditions)

        def write_pixel(carry: Any, at: Any) -> Any:
            (output, left), (column, sides) = carry, at
            left, found = stacks.next_pixel(left, sides)
            start = jnp.zeros_like(row)
            output = jax.lax.dynamic_update_slice(
                output, found, (start, row, column, start)
            )
            pixel = draw(output, row, column)
            seen = word_dropout(None, knobs.word_dropout, pixel)
            left = [_shifted(left[0], seen, axis=2), *left[1:]]
            return (output, left), pixel[:, 0, 0]

        left = stacks.start((len(keys), 1, stacks.decoder.half))
        each = jnp.arange(width), [jnp.moveaxis(side, 2, 0) for side in sides]
        (output, _), pixels = jax.lax.scan(write_pixel, (output, left), each)
        x = jnp.moveaxis(pixels, 0, 1)
        seen = word_dropout(None, knobs.word_dropout, x)
        above = [_shifted(above[0], seen[:, None], axis=1), *above[1:]]
        return (output, above), x

    above = stacks.start((len(keys), stacks.decoder.half, width))
    each = jnp.arange(height), [jnp.moveaxis(c, 1, 0) for c in stacks.conditions]
    (output, _), rows = jax.lax.scan(write_row, (blank, above), each)
    images = jnp.moveaxis(rows, 0, 1).reshape(-1, *event_shape)
    return images, parameters(output.reshape(len(keys), -1))


class _Stacks(NamedTuple):
    """The layers of a decoder, a row and a pixel at a time."""

    decoder: PixelDecoder
    params: Params
    conditions: list[Array]
    reach: Array
    dtype: Any

    def start(self, space: tuple[int, ...]) -> list[Array]:
        """What each layer reads before there is anything: the zeros around an image."""
        first, *others = self.decoder.hidden
        widths = [self.decoder.shape[2], *[first] * len(others)]
        return [jnp.zeros((*space, width), self.dtype) for width in widths]

    def next_row(
        self, above: list[Array], conditions: list[Array]
    ) -> tuple[list[Array], list[Array]]:
        """Of the vertical stack: what the next row reads, and what this one adds."""
        after, sides, half = above[:1], [], self.decoder.half
        rows = above[0]
        for number, own in enumerate(conditions):
            if number:
                rows = jnp.concatenate([above[number], rows], axis=1)
                after.append(rows[:, 1:])
            read = rows, own[:, None], self.reach[number], ((0, 0), (half, half))
            rows, side = self._run(number, "rows", *read)
            sides.append(side)
        return after, sides

    def next_pixel(
        self, left: list[Array], sides: list[Array]
    ) -> tuple[list[Array], Array]:
        """Of the horizontal stack: what the next pixel reads, and this one's features."""
        after, skips, pixels = left[:1], [], left[0]
        for number, side in enumerate(sides):
            h = pixels
            if number:
                pixels = jnp.concatenate([left[number], h], axis=2)
                after.append(pixels[:, :, 1:])
            read = pixels, side[:, :, None], self.reach[number], ((0, 0), (0, 0))
            gated = self._run(number, "pixels", *read)
            pixels, skip = self._run(number, "outputs", gated, h)
            skips.append(skip)
        return after, _apply(self.decoder, self.params, [*skips, pixels], method="head")

    def _run(self, number: int, method: str, *args: Any) -> Any:
        own = self.params[f"gated_{number}"]
        return _apply(_layer(self.decoder, number), own, *args, method=method)


def _stacks(
    params: Params,
    z: Array,
    event_shape: tuple[int, ...],
    name: PixelLikelihoodName,
    knobs: Knobs,
) -> _Stacks:
    """What z alone decides, once for the whole image."""
    own = params["decoder"]
    dtype = compute_dtype(own)
    decoder = _decoder(own, image_shape(event_shape))
    _check_decoder(decoder, own, z.shape[1:], name)
    z = flatten(z, own["gated_0"]["of_code"]["kernel"].shape[:1], dtype, "z")
    place = _apply(decoder, own, z, None, knobs, method="place")
    conditions = [
        _apply(
            _layer(decoder, number),
            own[f"gated_{number}"],
            *(z, place),
            method="conditions",
        )
        for number in range(len(decoder.hidden))
    ]
    reach = reaches(knobs.window, len(decoder.hidden), decoder.half)
    return _Stacks(decoder, own, conditions, reach, dtype)


def _layer(decoder: PixelDecoder, number: int) -> GatedLayer:
    return GatedLayer(decoder.hidden[0], decoder.half, number, decoder.method)


def _apply(module: nn.Module, params: Params, *args: Any, method: str) -> Any:
    return module.apply({"params": params}, *args, method=method)


def _decoder(params: Params, shape: tuple[int, int, int]) -> PixelDecoder:
    """The module that has these parameters; one matrix product a pixel anywhere."""
    half, _, channels, double = params["gated_0"]["vertical"]["kernel"].shape
    if channels != shape[2]:
        raise ValueError(
            f"`event_shape` must have the {channels} channels of the model; got "
            f"{shape[2]}."
        )
    layers = sum(name.startswith("gated_") for name in params)
    features = params["output"]["bias"].size
    return PixelDecoder(shape, (double // 2,) * layers, half, features, "slices")


def _check_decoder(
    decoder: PixelDecoder,
    own: Params,
    units: tuple[int, ...],
    name: PixelLikelihoodName,
) -> None:
    """Refuse another shape than the model's, whose map of z would be of another size."""
    *space, channels = decoder.shape
    z, x = jnp.zeros((1, *units)), jnp.zeros((1, math.prod(decoder.shape)))
    made = jax.eval_shape(
        lambda key: decoder.init(key, z, x, None, DEFAULT_KNOBS)["params"],
        jax.random.key(0),
    )
    wanted, found = (jax.tree.map(jnp.shape, params) for params in (made, own))
    if wanted != found:
        raise ValueError(
            "`event_shape` must be that of the model, and `z` have its units; got images "
            f"of {tuple(space)} and {units[0]} units."
        )
    features, each = decoder.features, num_features(channels, name, 1)
    if features % each or (name != "logistic_mixture" and features != each):
        raise ValueError(
            f"`name` must be the likelihood of the model, which has {features} features a "
            f"pixel; got {name!r}, which has {each}, or a multiple for a mixture."
        )


def _shifted(kept: Array, new: Array, axis: int) -> Array:
    """The last rows or pixels, once there is a new one."""
    longer = jnp.concatenate([kept, new.astype(kept.dtype)], axis)
    return jax.lax.slice_in_dim(longer, 1, None, axis=axis)
