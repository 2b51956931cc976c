"""From a linen encoder and decoder to the pure functions of `vae_jax.vae.VAE`."""

import math
from typing import Any, Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Float, Key

from vae_jax.likelihoods import mixture_params
from vae_jax.models._dropout import OptionalKeys
from vae_jax.models._products import dot_rows
from vae_jax.numerics import as_float
from vae_jax.types import Array, ArrayLike, Params
from vae_jax.vae import VAE, DiagGaussian, Knobs

LikelihoodName = Literal["bernoulli", "gaussian", "gaussian_learned"]
"""What a decoder returns: logits, or a Gaussian of fixed or of one learned variance."""

PixelLikelihoodName = Literal[
    "bernoulli", "gaussian", "gaussian_learned", "logistic_mixture"
]
"""The same, and mixtures of discretised logistics, for images in [-1, 1]."""

DEFAULT_KNOBS = Knobs()


def default_dtype() -> Any:
    """float32, or float64 when x64 is on."""
    return jnp.result_type(float)


def apply(module: nn.Module, params: Params, *args: Any) -> Any:
    """What a module makes of its arguments.

    >>> params = {"kernel": jnp.ones((2, 3)), "bias": jnp.zeros(3)}
    >>> apply(dense(3, "layer"), params, jnp.ones(2)).tolist()
    [2.0, 2.0, 2.0]
    """
    return module.apply({"params": params}, *args)


def compute_dtype(params: Params) -> Any:
    """What a model computes in: the dtype of its parameters, tables of vectors aside.

    >>> str(compute_dtype({"kernel": jnp.zeros(2, jnp.bfloat16)}))
    'bfloat16'
    """
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return jnp.result_type(
        *[leaf for path, leaf in leaves if not is_table(path)]
        or jax.tree.leaves(params)
    )


def is_table(path: Any) -> bool:
    """Whether a leaf is a table that rows are looked up in: flax calls it `embedding`.

    It keeps its dtype, and a row is cast after it was looked up. The gradient of a table
    adds up over all tokens that are the same, and in bfloat16 such a sum stops at 256
    equal terms.

    >>> is_table((jax.tree_util.DictKey("embedding"),)), is_table(())
    (True, False)
    """
    return bool(path) and jax.tree_util.keystr(path[-1:], simple=True) == "embedding"


def dense(features: int, name: str | None = None, **options: Any) -> nn.Dense:
    """A linear layer of the last axis, whose parameters have the default dtype."""
    own = {"param_dtype": default_dtype(), "dot_general": dot_rows}
    return nn.Dense(features, name=name, **own, **options)


def assemble(
    encoder: nn.Module,
    decoder: nn.Module,
    event_shape: tuple[int, ...],
    latent_dim: int,
    likelihood: PixelLikelihoodName,
    known: Any = LikelihoodName,
) -> VAE:
    """A `VAE` from modules over flat pixels.

    Args:
        encoder: `(x_flat) -> (mean, logvar)`.
        decoder: `(z, x_flat or None, keys or None, knobs) -> (batch, num_pixels)`, or
            as many features of each pixel as the likelihood needs.
        event_shape: of one example.
        latent_dim: units of z.
        likelihood: family of the data's density.
        known: the families that the decoder has features for.

    Raises:
        ValueError: an unknown likelihood, or an empty event or latent space.
    """
    check_arguments(event_shape, latent_dim, likelihood, known)
    num_pixels = math.prod(event_shape)

    def init(key: Key[Array, ""]) -> Params:
        encoder_key, decoder_key = jax.random.split(key)
        x = jnp.zeros((1, num_pixels), default_dtype())
        z = jnp.zeros((1, latent_dim), default_dtype())
        params = {
            "encoder": encoder.init(encoder_key, x)["params"],
            "decoder": decoder.init(decoder_key, z, x, None, DEFAULT_KNOBS)["params"],
        }
        if likelihood == "gaussian_learned":
            params["likelihood"] = {"logvar": jnp.zeros((), default_dtype())}
        return params

    def encode(
        params: Params,
        x: Float[ArrayLike, " batch *event"],
        *,
        key: OptionalKeys = None,
        knobs: Knobs = DEFAULT_KNOBS,
    ) -> DiagGaussian:
        # nothing in the encoders is random or varied by a knob
        del key, knobs
        own = params["encoder"]
        flat = flatten(x, event_shape, compute_dtype(own))
        mean, logvar = apply(encoder, own, flat)
        return DiagGaussian(as_float(mean), as_float(logvar))

    def decode(
        params: Params,
        z: Float[ArrayLike, "batch latent"],
        x: Float[ArrayLike, " batch *event"] | None = None,
        *,
        key: OptionalKeys = None,
        knobs: Knobs = DEFAULT_KNOBS,
    ) -> Any:
        own = params["decoder"]
        dtype = compute_dtype(own)
        z = flatten(z, (latent_dim,), dtype, "z")
        seen = None if x is None else flatten(x, event_shape, dtype)
        flat: Array = apply(decoder, own, z, seen, key, knobs)
        return as_parameters(likelihood, params, flat, event_shape, knobs.variance)

    # outside of a program, one compilation in place of one an operation
    return VAE(jax.jit(init), encode, decode)


def as_parameters(
    likelihood: PixelLikelihoodName,
    params: Params,
    flat: Array,
    event_shape: tuple[int, ...],
    variance: ArrayLike,
) -> Any:
    """Parameters of the likelihood from the features of all pixels.

    >>> flat, shape = jnp.zeros((2, 8 * 8 * 30)), (8, 8, 3)
    >>> as_parameters("logistic_mixture", {}, flat, shape, 1.0).means.shape
    (2, 8, 8, 3, 3)
    """
    output = as_float(flat)
    if likelihood == "logistic_mixture":
        *space, channels = event_shape
        return mixture_params(output.reshape(output.shape[0], *space, -1), channels)
    output = output.reshape(-1, *event_shape)
    return with_noise(likelihood, params, output, variance)


def needed(x: Any) -> Any:
    """What an autoregressive decoder reads, refused where it is missing.

    >>> needed(jnp.zeros(2)).shape
    (2,)
    """
    if x is None:
        raise ValueError("an autoregressive decoder needs `x`; got None.")
    return x


def with_noise(
    likelihood: PixelLikelihoodName, params: Params, output: Array, variance: ArrayLike
) -> Array | DiagGaussian:
    """Logits as they are; a mean with its scalar log-variance.

    >>> with_noise("gaussian", {}, jnp.zeros(2), 1.0).logvar
    Array(0., dtype=float32)
    """
    if likelihood == "bernoulli":
        return output
    if likelihood == "gaussian_learned":
        return DiagGaussian(output, params["likelihood"]["logvar"])
    return DiagGaussian(output, jnp.log(jnp.asarray(variance, output.dtype)))


def flatten(
    x: ArrayLike, event_shape: tuple[int, ...], dtype: Any, name: str = "x"
) -> Array:
    """`(batch, *event)` as `(batch, size)`, refusing another event.

    >>> flatten(jnp.zeros((2, 3, 4)), (3, 4), jnp.float32).shape
    (2, 12)
    """
    x = jnp.asarray(x, dtype)
    if x.ndim == 0 or x.shape[1:] != tuple(event_shape):
        wanted = ", ".join(str(size) for size in ("batch", *event_shape))
        raise ValueError(f"`{name}` must have the shape ({wanted}); got {x.shape}.")
    return x.reshape(x.shape[0], math.prod(event_shape))


def check_arguments(
    event_shape: tuple[int, ...],
    latent_dim: int,
    likelihood: PixelLikelihoodName,
    known: Any = LikelihoodName,
) -> None:
    """Refuse what no model can be made of.

    >>> check_arguments((8, 8), 2, "bernoulli")
    """
    names = get_args(known)
    if likelihood not in names:
        raise ValueError(
            f"`likelihood` must be one of {', '.join(names)}; got {likelihood!r}."
        )
    if latent_dim < 1:
        raise ValueError(f"`latent_dim` must be at least 1; got {latent_dim}.")
    if math.prod(event_shape) < 1:
        raise ValueError(
            f"`event_shape` must hold at least one pixel; got {event_shape}."
        )
