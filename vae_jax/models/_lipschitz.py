"""A decoder whose slope is bounded from below and from above."""

import math

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Float

from vae_jax.models._assemble import LikelihoodName, assemble, default_dtype
from vae_jax.models._dropout import OptionalKeys
from vae_jax.models._mlp import MLPEncoder
from vae_jax.numerics import as_float
from vae_jax.types import Array
from vae_jax.vae import VAE, Knobs


def lipschitz(
    event_shape: tuple[int, ...],
    latent_dim: int,
    *,
    hidden: tuple[int, ...] = (512, 512),
    likelihood: LikelihoodName,
) -> VAE:
    """A decoder that can neither ignore z nor be arbitrarily steep in it.

    `least ||z - z'|| <= ||f(z) - f(z')|| <= most ||z - z'||` for all z and z', where f is
    the mean or the logits, and least and most are the `knobs` `inverse_lipschitz` and
    `lipschitz`, which are data.

    With `least > 0` the decoder is one-to-one: two codes never give the same output, and a
    collapsed posterior, whose samples are noise to x, costs likelihood. Kinoshita et al.
    (2023), arXiv:2304.12770, whose strongly convex potentials these layers are gradients
    of. As there, layers in the space of z are followed by an isometry into that of x.
    A linear decoder of slope `least` on a direction of variance v, with a water level s
    (beta times the noise variance), has a rate of
    `(t - 1 - log t + least^2 v / (s + least^2)^2) / 2`, `t = s / (s + least^2)`.

    Args:
        event_shape: of one example; has at least as many pixels as z has units.
        latent_dim: units of z.
        hidden: widths of the encoder, from the data on; the decoder has them reversed:
            the first of `hidden` works on pixels, the others on z.
        likelihood: family of the data's density.

    Raises:
        ValueError: an unknown likelihood, an empty event or latent space, or more units
            than pixels.

    >>> import jax
    >>> vae = lipschitz((8, 8), 2, hidden=(16, 12), likelihood="bernoulli")
    >>> params = jax.jit(vae.init)(jax.random.key(0))
    >>> knobs = Knobs(inverse_lipschitz=2.0, lipschitz=10.0)
    >>> slope = jax.jacobian(lambda z: vae.decode(params, z[None], knobs=knobs).ravel())
    >>> values = jnp.linalg.svd(jax.jit(slope)(jnp.ones(2)), compute_uv=False)
    >>> bool(2 <= values.min()), bool(values.max() <= 10)
    (True, True)
    """
    num_pixels = math.prod(event_shape)
    if latent_dim > num_pixels > 0:
        raise ValueError(
            "a one-to-one decoder has at least as many pixels as units; got `latent_dim` "
            f"{latent_dim} for {num_pixels} pixels. Use fewer units."
        )
    return assemble(
        MLPEncoder(tuple(hidden), latent_dim),
        _LipschitzDecoder(tuple(reversed(hidden)), num_pixels),
        event_shape,
        latent_dim,
        likelihood,
    )


class _LipschitzDecoder(nn.Module):
    hidden: tuple[int, ...]
    num_pixels: int

    @nn.compact
    def __call__(
        self, z: Array, x: Array | None, keys: OptionalKeys, knobs: Knobs
    ) -> Array:
        del x, keys
        ratio = jnp.asarray(knobs.inverse_lipschitz / knobs.lipschitz, z.dtype)
        # slopes of layers multiply; without a layer all slopes are `lipschitz`
        share = ratio ** (1 / max(len(self.hidden), 1))
        *in_latent, in_pixels = self.hidden or (None,)
        for layer, width in enumerate(in_latent):
            z = _Monotone(width, name=f"layer_{layer}")(z, share)
        output = _Isometry(self.num_pixels, name="isometry")(z)
        if in_pixels:
            output = _Monotone(in_pixels, name="pixels")(output, share)
        bias = self.param(
            "bias", nn.initializers.zeros_init(), (self.num_pixels,), default_dtype()
        )
        return output * jnp.asarray(knobs.lipschitz, output.dtype) + bias[None]


class _Monotone(nn.Module):
    """`share x + (1 - share) W' relu(W x + b)`: every slope between `share` and 1.

    The Jacobian of the second term is W'DW with D between 0 and 1, and `||W|| <= 1`.
    """

    width: int

    @nn.compact
    def __call__(self, x: Array, share: Array) -> Array:
        shape = (x.shape[-1], self.width)
        free = self.param(
            "weight", nn.initializers.orthogonal(), shape, default_dtype()
        )
        bias = self.param(
            "bias", nn.initializers.zeros_init(), (self.width,), default_dtype()
        )
        # the bound, and the isometry below, are made in float32 or wider
        weight = contraction(as_float(free)).astype(x.dtype)
        bent = nn.relu(x @ weight + bias[None]) @ weight.T
        return share * x + (1 - share) * bent


class _Isometry(nn.Module):
    """Into a larger space, with all lengths kept: `x Q'`, `Q'Q = 1`."""

    size: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, x.shape[-1])
        free = self.param(
            "weight", nn.initializers.orthogonal(), shape, default_dtype()
        )
        return x @ jnp.linalg.qr(as_float(free))[0].T.astype(x.dtype)


def contraction(
    weight: Float[Array, "inputs outputs"],
) -> Float[Array, "inputs outputs"]:
    """The weight with its shorter side rescaled, so that its largest slope is at most 1.

    `W diag(d)`, `d_i = (sum_j |W'W|_ij)^(-1/2)`; an orthogonal W stays as it is. Matrix
    products alone, and true for every W: Prach & Lampert (2022), arXiv:2208.03160.

    >>> contraction(2 * jnp.eye(3)).tolist()[0]
    [1.0, 0.0, 0.0]
    """
    wide = weight.shape[0] < weight.shape[1]
    tall = weight.T if wide else weight
    # a column of zeros stays one: its row of the product is zero
    sums = jnp.sum(jnp.abs(tall.T @ tall), axis=1, keepdims=True)
    scale = jnp.where(sums > 0, sums, 1) ** -0.5
    return weight * (scale if wide else scale.T)
