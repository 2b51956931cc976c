"""Betas of losses as they are written: what is summed and averaged, by numpy and torch."""

import itertools

import numpy as np
import pytest

from vae_jax import losses

BATCH, VALUES, UNITS = 5, 12, 3
ERRORS = ("mse", "half_mse", "l1", "bce", "nll")
REDUCTIONS = ("sum", "mean", "total")
CASES = list(itertools.product(ERRORS, REDUCTIONS, REDUCTIONS))


def reduced(values, reduction):
    if reduction == "sum":
        return values.sum(axis=1).mean()
    return values.mean() if reduction == "mean" else values.sum()


def sizes(error, reduction, kl_reduction):
    uneven = (reduction == "total") != (kl_reduction == "total")
    return {
        "error": error,
        "reduction": reduction,
        "kl_reduction": kl_reduction,
        "num_values": VALUES if reduction == "mean" else None,
        "latent_dim": UNITS if kl_reduction == "mean" else None,
        "batch_size": BATCH if uneven else None,
    }


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_both_losses_weigh_their_terms_alike(case):
    """A loss is linear in its two terms, so the ratio of what they add is its beta."""
    error, reduction, kl_reduction = case
    rng = np.random.default_rng(0)
    errors, kl = rng.random((BATCH, VALUES)), rng.random((BATCH, UNITS))
    # of a squared error the density of unit variance has half
    density = errors / 2 if error == "mse" else errors
    theirs = 0.7 * reduced(kl, kl_reduction) / reduced(errors, reduction)
    ours = kl.sum(axis=1).mean() / density.sum(axis=1).mean()
    beta = float(losses.loss_beta(0.7, **sizes(*case)))
    assert beta == pytest.approx(theirs / ours, rel=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("error", ["mse", "l1", "bce"])
def test_reductions_of_torch_by_their_names(error, reduction):
    """`reduction="sum"` of torch is a total; both beside a KL that torch averages."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    loss = {
        "mse": functional.mse_loss,
        "l1": functional.l1_loss,
        "bce": functional.binary_cross_entropy,
    }[error]
    rng = np.random.default_rng(0)
    x, x_hat = (rng.random((BATCH, VALUES)).astype(np.float32) for _ in range(2))
    kl = rng.random((BATCH, UNITS))
    theirs = (
        0.7
        * kl.mean()
        / float(loss(torch.tensor(x_hat), torch.tensor(x), reduction=reduction))
    )
    density = {
        "mse": (x - x_hat) ** 2 / 2,
        "l1": np.abs(x - x_hat),
        "bce": -(x * np.log(x_hat) + (1 - x) * np.log(1 - x_hat)),
    }[error]
    ours = kl.sum(axis=1).mean() / density.sum(axis=1).mean()
    named = {"mean": "mean", "sum": "total"}[reduction]
    beta = float(losses.loss_beta(0.7, **sizes(error, named, "mean")))
    assert beta == pytest.approx(theirs / ours, rel=1e-5)


@pytest.mark.parametrize(
    ("convention", "case"),
    [
        ("ours", ("half_mse", "sum", "sum")),
        ("pythae", ("half_mse", "sum", "sum")),
        ("artifex", ("mse", "sum", "sum")),
        ("pytorch_vae", ("mse", "mean", "sum")),
        ("flax_toy", ("bce", "mean", "mean")),
    ],
)
def test_named_codebases_are_cases_of_it(convention, case):
    named = losses.effective_beta(0.7, convention, num_pixels=VALUES, latent_dim=UNITS)
    assert float(named) == pytest.approx(float(losses.loss_beta(0.7, **sizes(*case))))


def test_published_losses():
    """PyTorch-VAE as shipped, ACT's 100 actions of 14 joints, Stable Diffusion."""
    shipped = losses.loss_beta(
        0.00025, error="mse", reduction="mean", num_values=64 * 64 * 3
    )
    assert float(shipped) == pytest.approx(1.536)
    act = losses.loss_beta(10.0, error="l1", reduction="mean", num_values=1400)
    assert float(act) == pytest.approx(14000)
    diffusion = losses.loss_beta(1e-6, error="l1", reduction="sum")
    assert float(diffusion) == pytest.approx(1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reduction": "mean"}, "`num_values` must be given with reduction='mean'"),
        ({"num_values": 12}, "`num_values` changes nothing unless reduction='mean'"),
        ({"kl_reduction": "mean"}, "`latent_dim` must be given with kl_reduction"),
        ({"latent_dim": 3}, "`latent_dim` changes nothing"),
        ({"reduction": "total"}, "`batch_size` must be given"),
        ({"batch_size": 5}, "`batch_size` changes nothing"),
        ({"reduction": "mean", "num_values": 0}, "`num_values` must be at least 1"),
        ({"error": "l2"}, "`error` must be one of"),
        ({"reduction": "none"}, "`reduction` must be one of"),
    ],
)
@pytest.mark.usefixtures("users_view")
def test_what_is_missing_or_changes_nothing(change, words):
    arguments = {"error": "mse", "reduction": "sum"} | change
    with pytest.raises(ValueError, match=words):
        losses.loss_beta(1.0, **arguments)
