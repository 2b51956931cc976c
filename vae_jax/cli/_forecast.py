"""`vae-jax forecast`: before any training, what the linear theory allows."""

from typing import Literal

import numpy as np
import pandas as pd
import tyro

from vae_jax import analytic, data

LEVELS = (30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""Water levels beta * variance at which eigenvalues are counted."""


def forecast(
    dataset: tyro.conf.Positional[str],
    /,
    data_folder: str | None = None,
    split: Literal["train", "train+validation", "all"] = "train",
    latent_dim: int = 8,
    beta: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0),
    variance: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0),
) -> None:
    """Print how many latent units can stay active at each beta and noise variance.

    From the eigenvalues of the data's covariance (grey levels scaled to 0 to 1): a unit of
    the optimal linear VAE is active where its eigenvalue is above beta * variance.

    Args:
        dataset: name of an image set.
        data_folder: local folder with its IDX files.
        split: which examples.
        latent_dim: units of z.
        beta: weights of the rate.
        variance: noise variances of the Gaussian decoder.
    """
    if latent_dim < 1:
        raise ValueError(f"`latent_dim` must be at least 1; got {latent_dim}.")
    for name, values in (("beta", beta), ("variance", variance)):
        if not all(0 < value < np.inf for value in values):
            raise ValueError(f"`{name}` must be finite and above 0; got {values}.")
    eigenvalues = spectrum(dataset, data_folder, split)
    print_spectrum(dataset, split, eigenvalues)
    print_optima(eigenvalues, latent_dim, beta, variance)


def spectrum(dataset: str, folder: str | None, split: str) -> np.ndarray:
    """Eigenvalues of the covariance of a split, largest first."""
    loaded = data.load(dataset, folder=folder)
    names = {"all": ("train", "validation", "test")}.get(split, tuple(split.split("+")))
    images = np.concatenate([getattr(loaded, name).images for name in names])
    flat = images.reshape(len(images), -1).astype(np.float64) / loaded.max_value
    return np.asarray(analytic.eigenvalues(flat))


def print_spectrum(dataset: str, split: str, eigenvalues: np.ndarray) -> None:
    """The largest eigenvalues, and how many lie above each water level."""
    largest = "  ".join(f"{value:.4f}" for value in eigenvalues[:10])
    print(f"{dataset}, {split}: {len(eigenvalues)} pixels")
    print(f"largest eigenvalues: {largest}")
    print(f"trace: {eigenvalues.sum():.4f}")
    print("eigenvalues above a water level beta * variance:")
    for level in LEVELS:
        print(f"  {level:>6g}: {int((eigenvalues > level).sum())}")


def print_optima(
    eigenvalues: np.ndarray,
    latent_dim: int,
    betas: tuple[float, ...],
    variances: tuple[float, ...],
) -> None:
    """The optimal linear VAE at every point of the grid."""
    rows = []
    for beta in betas:
        for variance in variances:
            best = analytic.linear_vae_optimum(eigenvalues, latent_dim, beta, variance)
            rows.append(
                {
                    "beta": beta,
                    "variance": variance,
                    "active units": int(np.sum(best.active)),
                    "of all": int((eigenvalues > beta * variance).sum()),
                    "rate": float(best.rate),
                    "distortion": float(best.distortion),
                }
            )
    print(f"\nOptimal linear VAE with {latent_dim} latent units (nats per example):")
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.4f}".format))
