"""Images of the prior for `collapse_thresholds`: which are to be had, and their modes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from vae_jax import assembly, data, results
from vae_jax.configs import Run, from_mapping

IMAGES: dict[str, Any] = {
    "dataset": "fashion_mnist",
    "binarize": "none",
    "model": "linear",
    "likelihood": "gaussian",
    "latent_dim": 5,
    "batch_size": 128,
    "num_steps": 12_000,
    "log_every": 200,
    "learning_rate": 1e-2,
    "learning_rate_schedule": "cosine",
    "eval_samples": 4,
    "precision": "highest",
}
IMAGE_BETAS = (1.0, 3.0, 3.8, 8.0, 15.0, 25.0)
"""Between the eigenvalues of Fashion-MNIST: 5, 4, 3, 2, 1 and 0 modes are left."""

PAPER_IMAGES = {
    "dataset": "mnist",
    "model": "mlp",
    "hidden": [2048],
    "num_steps": 60_000,
    "learning_rate": 1e-4,
}
PAPER_BETAS = (1.0, 2.75, 3.0, 3.5, 4.0, 6.0)
DRAWN = 8
"""Images of the prior at every beta."""


def of_images(is_paper: bool, folder: Path | None, seeds: Sequence[int]) -> list[Run]:
    """The same of the images; none, which is said, where they are not to be had.

    Raises:
        FileNotFoundError: with `--paper`, or a folder that was named.
    """
    base = {**IMAGES, **(PAPER_IMAGES if is_paper else {})}
    if is_paper:
        base.pop("learning_rate_schedule")
    if folder is not None:
        base["data_folder"] = str(folder)
    try:
        data.load_dataset(base["dataset"], folder=folder)
    except FileNotFoundError as error:
        if is_paper or folder is not None:
            raise
        print(f"Left out: the images of {base['dataset']}. {error}")
        return []
    betas = PAPER_BETAS if is_paper else IMAGE_BETAS
    return [
        from_mapping({**base, "beta": beta, "seed": seed})
        for beta in betas
        for seed in seeds
    ]


def modes_of(runs: pd.DataFrame, eigenvalues: np.ndarray) -> pd.DataFrame:
    """Units that are in use and that theory has in use, a row a run on images."""
    found = runs[["beta", "seed", "active_units", "rate"]].reset_index(drop=True)
    own = eigenvalues[:, None] > found["beta"].to_numpy()[None]
    units = np.minimum(own.sum(axis=0), IMAGES["latent_dim"])
    return found.assign(predicted=units)


def draws_of(out: Path, configs: Sequence[Run], first: int) -> dict[str, np.ndarray]:
    """Grey levels of the prior by one seed at every beta; `first` is the first member."""
    drawn = {}
    seeds = len({config.seed for config in configs})
    for number in range(0, len(configs), seeds):
        kit = assembly.kit(configs[number])
        z = jax.random.normal(jax.random.key(0), (DRAWN, IMAGES["latent_dim"]))
        mean = kit.vae.decode(results.load(out, first + number), z).mean
        levels = np.clip(255 * np.asarray(mean), 0, 255).astype(np.uint8)
        drawn[f"{configs[number]['beta']:g}"] = levels
    return drawn
