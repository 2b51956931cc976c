"""The beta of a loss as it is written down: what it sums, what it averages, and the half.

`loss = reconstruction + weight * KL` trains with the gradients of `distortion + beta *
rate` times a constant, with

    beta = weight * (KL scale) / (reconstruction scale)

| term                          | `sum` | `mean`                | `total`    |
|-------------------------------|-------|-----------------------|------------|
| reconstruction over D values  | 1     | 1 / D                 | batch size |
| KL over L units               | 1     | 1 / L                 | batch size |

`sum` adds up what belongs to an example and averages over the batch; `mean` averages over
both, as `reduction="mean"` of PyTorch does; `total` adds up both, as its `"sum"` does. A
squared error without the 1/2 is twice the negative log-density of unit variance, so its
scale is doubled. Half of it, the absolute error (a Laplace density of scale 1), a binary
cross-entropy and a negative log-likelihood count as they stand.

Read in Stable Diffusion (2022), whose AutoencoderKL has an absolute and a perceptual error,
`sum`, beside 1e-6 times a KL, `sum`: a beta of 1e-6 at the scale that it begins with. And
in ACT (2023): `l1` by `mean` over 100 x 14 actions, beside 10 times a KL, `sum`: 14000.
"""

from typing import Literal, get_args

from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike

Error = Literal["mse", "half_mse", "l1", "bce", "nll"]
"""Squared error, half of it, absolute error, binary cross-entropy, -log p(x|z)."""

Reduction = Literal["sum", "mean", "total"]


def loss_beta(
    weight: Float[ArrayLike, "..."],
    *,
    error: Error,
    reduction: Reduction,
    kl_reduction: Reduction = "sum",
    num_values: int | None = None,
    latent_dim: int | None = None,
    batch_size: int | None = None,
) -> Float[Array, "..."]:
    """The beta of this package that trains like a loss with these reductions.

    `weight * (KL scale) / (reconstruction scale)`: the weight of the rate in nats beside
    the distortion in nats. `effective_beta` has named codebases. The scales are

    | term                          | `sum` | `mean`                | `total`    |
    |-------------------------------|-------|-----------------------|------------|
    | reconstruction over D values  | 1     | 1 / D                 | batch size |
    | KL over L units               | 1     | 1 / L                 | batch size |

    and that of a squared error, `mse`, is doubled, since the density has half of it.

    Args:
        weight: what the loss multiplies its KL by; data, any shape.
        error: what the reconstruction is.
        reduction: how it is added up: `sum` over an example's values with a mean over the
            batch, `mean` over both, `total`, the sum over both. PyTorch's
            `reduction="sum"` is `total`.
        kl_reduction: how the KL is added up; its values are the units.
        num_values: D, pixels times colours; for a `mean` of the reconstruction.
        latent_dim: L; for a `mean` of the KL.
        batch_size: where one of both is `total` and the other is not.

    Raises:
        TypeError: a size that is no whole number.
        ValueError: an unknown word, or a size that is missing, or changes nothing.

    Kingma & Welling (2014), Eq. 3, arXiv:1312.6114, whose bound is beta = 1.

    >>> args = {"error": "mse", "reduction": "mean", "num_values": 64 * 64 * 3}
    >>> round(float(loss_beta(0.00025, **args)), 3)
    1.536
    >>> float(loss_beta(1.0, error="mse", reduction="sum"))
    0.5
    """
    checks.option("error", error, get_args(Error))
    checks.option("reduction", reduction, get_args(Reduction))
    checks.option("kl_reduction", kl_reduction, get_args(Reduction))
    values = _size("num_values", num_values, "reduction", reduction == "mean")
    units = _size("latent_dim", latent_dim, "kl_reduction", kl_reduction == "mean")
    uneven = (reduction == "total") != (kl_reduction == "total")
    examples = _batch(batch_size, uneven)
    factor = 0.5 if error == "mse" else 1.0
    factor *= {"sum": 1.0, "mean": values, "total": 1.0 / examples}[reduction]
    factor *= {"sum": 1.0, "mean": 1.0 / units, "total": examples}[kl_reduction]
    return as_float(weight) * factor


def _size(name: str, value: int | None, of: str, needed: bool) -> int:
    """A size that is averaged over, and 1 where nothing is."""
    if needed and value is None:
        raise ValueError(
            f"`{name}` must be given with {of}='mean', which averages over as many; got "
            "None."
        )
    if value is not None and not needed:
        raise ValueError(
            f"`{name}` changes nothing unless {of}='mean'; leave it out, or say what the "
            f"loss averages over; got {value}."
        )
    return 1 if value is None else checks.whole(name, value, 1)


def _batch(batch_size: int | None, uneven: bool) -> int:
    """The size of the batch where it weighs one term only, and 1 where it does not."""
    if uneven and batch_size is None:
        raise ValueError(
            "`batch_size` must be given where one term is a total over the batch and the "
            "other is not; got None."
        )
    if batch_size is not None and not uneven:
        raise ValueError(
            "`batch_size` changes nothing unless one term is 'total' and the other is not: "
            f"both are scaled alike; leave it out; got {batch_size}."
        )
    return 1 if batch_size is None else checks.whole("batch_size", batch_size, 1)
