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
        raise ValueError(f"`--beta` must be at least 0 and finite; got {weight}.")
    if loss.error is None or loss.reduction is None:
        raise ValueError(
            "`--beta` is a weight beside a reconstruction, which decides what it means: "
            "say --error and --reduction."
        )
    kl_reduction = loss.kl_reduction or "sum"
    check_sizes(loss, kl_reduction)
    arguments: dict[str, Any] = {
        "error": loss.error,
        "reduction": loss.reduction,
        "kl_reduction": kl_reduction,
        "num_values": loss.dims,
        "latent_dim": units if kl_reduction == "mean" else None,
        "batch_size": loss.batch_size,
    }
    factor = float(losses.loss_beta(1.0, **arguments))
    return beta_sentence(loss, kl_reduction, weight, factor, units)


def check_sizes(loss: Loss, kl_reduction: str) -> None:
    """Refuse sizes that are missing or change nothing, by the names of their options."""
    if (loss.reduction == "mean") != (loss.dims is not None):
        raise ValueError(
            "`--dims`, the pixels times colours that a mean is taken over, such as 784 of "
            "28x28 grey ones, must be given with --reduction mean and only then; got "
            f"{_or_none(loss.dims)}."
        )
    uneven = (loss.reduction == "total") != (kl_reduction == "total")
    if uneven != (loss.batch_size is not None):
        raise ValueError(
            "`--batch-size` must be given where one of --reduction and --kl-reduction is "
            f"total and the other is not, and only then; got {_or_none(loss.batch_size)}."
        )
    for name, value in (("dims", loss.dims), ("batch-size", loss.batch_size)):
        if value is not None and value < 1:
            raise ValueError(f"`--{name}` must be at least 1; got {value}.")


def _or_none(value: int | None) -> str:
    return "none" if value is None else str(value)


def beta_sentence(
    loss: Loss, kl_reduction: str, weight: float, factor: float, units: int
) -> str:
    """What the weight comes to, what that stands for, and which weight is the ELBO."""
    noise = {
        "mse": " It is the ELBO of a Gaussian decoder with noise variance {:.4g}.",
        "half_mse": " It is the ELBO of a Gaussian decoder with noise variance {:.4g}.",
        "l1": " It is the ELBO of a Laplace decoder of scale {:.4g}.",
    }.get(str(loss.error), "")
    beta = weight * factor
    kl = _added_up(kl_reduction, f"{units} units")
    if loss.kl_reduction is None:
        kl += ": assumed, --kl-reduction says otherwise"
    error = _added_up(str(loss.reduction), f"{loss.dims} values")
    return (
        f"Beta: a weight of {weight:g} of the KL ({kl}) beside {loss.error} "
        f"({error}) is beta = {beta:.4g}."
        f"{noise.format(beta) if beta else ''} beta = 1 is a weight of {1 / factor:.4g}."
        f"{_beside_one(beta)}"
    )


def _beside_one(beta: float) -> str:
    """What a beta does, in words; nothing where it is printed as 1."""
    if f"{beta:.4g}" == "1":
        return ""
    less, more = ("less", "easier") if beta < 1 else ("more", "harder")
    return (
        f" The KL counts for {less} than in the ELBO, which makes it {more} for z to keep "
        "its information."
    )


def _added_up(reduction: str, over: str) -> str:
    """How a term is added up, in words."""
    return {
        "sum": "summed over an example, averaged over the batch",
        "mean": f"averaged over {over} and the batch",
        "total": "summed over an example and the batch",
    }[reduction]
