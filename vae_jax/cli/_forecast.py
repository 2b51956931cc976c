"""`vae-jax forecast`: before any training, what the linear theory allows."""

from typing import Literal

import numpy as np
import pandas as pd
import tyro

from vae_jax import analytic, data
from vae_jax.configs import pick

LEVELS = (30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""Water levels beta * variance at which eigenvalues are counted."""

MOST_PIXELS = 2**14
"""Values an image: eigenvalues take the cube of their number in time."""


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
    loaded = load_images(dataset, data_folder)
    print(describe(loaded))
    eigenvalues = spectrum(loaded, split)
    print_spectrum(dataset, split, eigenvalues)
    print_optima(eigenvalues, latent_dim, beta, variance)


def load_images(dataset: str, folder: str | None) -> data.Dataset:
    """An image set; sentences have no grey levels, and no spectrum."""
    if pick("dataset", dataset).of_sentences:  # type: ignore[attr-defined]
        raise ValueError(
            f"`dataset` must be an image set; got {dataset!r}, which holds sentences."
        )
    return data.load(dataset, folder=folder)


def describe(loaded: data.Dataset) -> str:
    """Sizes and levels, as every run of this set sees them."""
    shape = "x".join(map(str, loaded.train.images.shape[1:]))
    counts = [
        len(split.images) for split in (loaded.train, loaded.validation, loaded.test)
    ]
    return (
        f"{loaded.name}: {shape}, grey levels 0 to {loaded.max_value}; {counts[0]} train, "
        f"{counts[1]} validation, {counts[2]} test"
    )


def spectrum(loaded: data.Dataset, split: str) -> np.ndarray:
    """Eigenvalues of the covariance of a split, largest first."""
    names = {"all": ("train", "validation", "test")}.get(split, tuple(split.split("+")))
    images = np.concatenate([getattr(loaded, name).images for name in names])
    pixels = int(np.prod(images.shape[1:]))
    if pixels > MOST_PIXELS:
        raise ValueError(
            f"`dataset` must have at most {MOST_PIXELS} values an image, since the "
            f"covariance of so many is {8 * MOST_PIXELS**2 >> 30} GiB; got {pixels}."
        )
    flat = images.reshape(len(images), pixels).astype(np.float64) / loaded.max_value
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
