"""Which beta the loss had that a posterior was trained with, as its user wrote it."""

import math
from typing import Any, NamedTuple

from vae_jax import losses


class Loss(NamedTuple):
    """What the user says of the loss; all None, or weight, error and reduction given."""

    beta: float | None
    error: str | None
    reduction: str | None
    kl_reduction: str | None
    dims: int | None
    batch_size: int | None


def describe_beta(loss: Loss, units: int) -> str:
    """Which beta a loss has, in a sentence; nothing where nothing is said of it."""
    rest = loss._asdict()
    weight = rest.pop("beta")
    given = [f"--{name.replace('_', '-')}" for name, v in rest.items() if v is not None]
    if weight is None:
        if given:
            raise ValueError(
                f"`{given[0]}` says how the loss weighs its KL, and changes nothing "
                "without --beta, the weight."
            )
        return ""
    if not 0 <= weight < math.inf:
        raise ValueError(f"`beta` must be at least 0 and finite; got {weight}.")
    if loss.error is None or loss.reduction is None:
        raise ValueError(
            "`--beta` is a weight beside a reconstruction, which decides what it means: "
            "say --error and --reduction."
        )
    if (loss.reduction == "mean") != (loss.dims is not None):
        raise ValueError(
            "`--dims`, the pixels times colours that a mean is taken over, must be given "
            f"with --reduction mean and only then; got {loss.dims}."
        )
    kl_reduction = loss.kl_reduction or "sum"
    arguments: dict[str, Any] = {
        "error": loss.error,
        "reduction": loss.reduction,
        "kl_reduction": kl_reduction,
        "num_values": loss.dims,
        "latent_dim": units if kl_reduction == "mean" else None,
        "batch_size": loss.batch_size,
    }
    factor = float(losses.loss_beta(1.0, **arguments))
    return beta_sentence(loss, kl_reduction, weight, factor)


def beta_sentence(loss: Loss, kl_reduction: str, weight: float, factor: float) -> str:
    """What the weight comes to, what that stands for, and which weight is the ELBO."""
    noise = {
        "mse": " It is the ELBO of a Gaussian decoder with noise variance {:.4g}.",
        "half_mse": " It is the ELBO of a Gaussian decoder with noise variance {:.4g}.",
        "l1": " It is the ELBO of a Laplace decoder of scale {:.4g}.",
    }.get(str(loss.error), "")
    beta = weight * factor
    over = f" over {loss.dims} values" if loss.dims is not None else ""
    return (
        f"Beta: a weight of {weight:g} of the KL ({kl_reduction}) beside {loss.error} "
        f"({loss.reduction}{over}) is beta = {beta:.4g}."
        f"{noise.format(beta) if beta else ''} beta = 1 is a weight of {1 / factor:.4g}."
    )
