"""What others call beta, in the terms of this package and back.

Here beta multiplies the KL summed over units, beside a normalised log-density summed over
the event. For D pixels, L latent units and a squared error, which stands for a Gaussian of
unit variance, `sum (x - x_hat)^2 / 2`:

| convention    | reconstruction              | KL              | beta here        |
|---------------|-----------------------------|-----------------|------------------|
| `ours`        | half of the sum             | sum             | weight           |
| `pythae`      | half of the sum             | sum             | weight           |
| `artifex`     | sum, no half                | sum             | weight / 2       |
| `pytorch_vae` | mean over pixels, no half   | sum             | weight D / 2     |
| `flax_toy`    | mean over pixels, of a BCE  | mean over units | weight D / L     |

The half is a matter of the squared error alone. A binary cross-entropy is a normalised
density as it stands, so `reconstruction="bce"` has no factor of 2 anywhere; it is what the
nnx toy example of flax uses: weight 0.1, 784 pixels and 32 units are a beta of 2.45.
PyTorch-VAE as shipped, 64 x 64 x 3 pixels, trains with weight 0.00025, a beta of 1.54, and
validates with weight 1, a beta of 6144. Its `BetaVAE` has the product of two weights.

Read in pythae (July 2024; its `BetaVAE` once had no half), artifex (July 2026; its
`BetaVAE` once averaged both terms), PyTorch-VAE (December 2021) and flax (2024).

A unit-variance model with beta is the ELBO of a Gaussian decoder with noise variance beta,
up to a constant and the factor beta of the whole loss: `sigma^2 = beta`. What is converted
is the ratio of the two terms; the size of the loss, hence the learning rate of plain
gradient descent, differs by a constant.
"""

from typing import Literal, NamedTuple, get_args

from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike

Convention = Literal["ours", "pythae", "artifex", "pytorch_vae", "flax_toy"]
Reconstruction = Literal["mse", "bce"]


class _Terms(NamedTuple):
    """How a codebase adds up: its usual reconstruction, and what it averages."""

    reconstruction: Reconstruction
    half: bool
    mean_of_pixels: bool
    mean_of_units: bool


TABLE: dict[str, _Terms] = {
    "ours": _Terms("mse", True, False, False),
    "pythae": _Terms("mse", True, False, False),
    "artifex": _Terms("mse", False, False, False),
    "pytorch_vae": _Terms("mse", False, True, False),
    "flax_toy": _Terms("bce", False, True, True),
}


def effective_beta(
    weight: Float[ArrayLike, "..."],
    convention: Convention,
    *,
    num_pixels: int | None = None,
    latent_dim: int | None = None,
    reconstruction: Reconstruction | None = None,
) -> Float[Array, "..."]:
    """The beta of this package that trains like the KL weight of another codebase.

    `weight * (KL scale) / (reconstruction scale)`: both losses then have proportional
    gradients. With a squared error it is also the noise variance that the other codebase
    implies at beta = 1: `sigma^2 = beta`.

    Args:
        weight: what the codebase multiplies its KL by; data, any shape.
        convention: the codebase; the table below.
        num_pixels: D, with colours; for those that average over pixels.
        latent_dim: L; for those that average over units.
        reconstruction: `mse` or `bce`; None for what the table says.

    | convention    | reconstruction              | KL              | beta here        |
    |---------------|-----------------------------|-----------------|------------------|
    | `ours`        | half of the squared sum     | sum             | weight           |
    | `pythae`      | half of the squared sum     | sum             | weight           |
    | `artifex`     | squared sum, no half        | sum             | weight / 2       |
    | `pytorch_vae` | squared mean over pixels    | sum             | weight D / 2     |
    | `flax_toy`    | mean over pixels, of a BCE  | mean over units | weight D / L     |

    Raises:
        TypeError: a size that is no whole number.
        ValueError: an unknown name, or a size that is needed and missing.

    >>> round(float(effective_beta(0.00025, "pytorch_vae", num_pixels=64 * 64 * 3)), 2)
    1.54
    >>> beta = effective_beta(0.1, "flax_toy", num_pixels=784, latent_dim=32)
    >>> round(float(beta), 2)
    2.45
    """
    return as_float(weight) * _factor(
        convention, num_pixels, latent_dim, reconstruction
    )


def codebase_weight(
    beta: Float[ArrayLike, "..."],
    convention: Convention,
    *,
    num_pixels: int | None = None,
    latent_dim: int | None = None,
    reconstruction: Reconstruction | None = None,
) -> Float[Array, "..."]:
    """The KL weight to give another codebase so that it trains with this beta.

    The inverse of `effective_beta`, with the same arguments.

    Raises:
        TypeError: a size that is no whole number.
        ValueError: an unknown name, or a size that is needed and missing.

    >>> float(codebase_weight(1.0, "artifex"))
    2.0
    """
    return as_float(beta) / _factor(convention, num_pixels, latent_dim, reconstruction)


def _factor(
    convention: str,
    num_pixels: int | None,
    latent_dim: int | None,
    reconstruction: str | None,
) -> float:
    """Beta for a weight of 1."""
    if convention not in TABLE:
        raise ValueError(_unknown("convention", get_args(Convention), convention))
    terms = TABLE[convention]
    chosen = terms.reconstruction if reconstruction is None else reconstruction
    if chosen not in get_args(Reconstruction):
        raise ValueError(_unknown("reconstruction", get_args(Reconstruction), chosen))
    factor = 0.5 if chosen == "mse" and not terms.half else 1.0
    if terms.mean_of_pixels:
        factor *= _size("num_pixels", num_pixels, convention, "pixels")
    if terms.mean_of_units:
        factor /= _size("latent_dim", latent_dim, convention, "latent units")
    return factor


def _size(name: str, value: int | None, convention: str, what: str) -> int:
    if value is None or value < 1:
        raise ValueError(
            f"`{name}` must be a positive number for convention={convention!r}, which "
            f"averages over {what}; got {value}."
        )
    return checks.whole(name, value, 1)


def _unknown(name: str, allowed: tuple[str, ...], value: str) -> str:
    return f"`{name}` must be one of {', '.join(map(repr, allowed))}; got {value!r}."
