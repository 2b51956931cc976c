"""`vae-jax forecast`: before any training, what the linear theory allows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from vae_jax import analytic, data
from vae_jax.cli._flags import read_flags
from vae_jax.configs import from_mapping, pick
from vae_jax.records import ask, did_you_mean

LEVELS = (30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""Water levels beta * variance at which eigenvalues are counted."""

SPLITS = ("train", "train+validation", "all")
OPTIONS: dict[str, Any] = {
    "split": str,
    "latent_dim": int,
    "beta": tuple[float, ...],
    "variance": tuple[float, ...],
}
"""Flags beside the settings of the data."""

DEFAULTS: dict[str, Any] = {
    "split": "train",
    "latent_dim": 8,
    "beta": (0.5, 1.0, 2.0, 4.0),
    "variance": (0.01, 0.03, 0.1, 0.3, 1.0),
}
NOISY = ("binarize", "dequantize")
"""Settings of data that are drawn anew, of which the spectrum is another."""

HELP = """\
usage: vae-jax forecast DATA [--SETTING VALUE ...] [OPTIONS]

Print how many latent units can stay active at each beta and noise variance.

From the eigenvalues of the data's covariance (grey levels scaled to 0 to 1): a unit of
the optimal linear VAE is active where its eigenvalue is above beta * variance.

DATA is the name of an image set, or your own as `vae-jax train --dataset` takes it:
  vae-jax forecast wine.csv --label-column target --standardize
  vae-jax forecast ./pictures/ --picture-size 32 32
Settings of the data are those of `vae-jax settings files` and `vae-jax settings images`.

Options of the command:
  --split       train, train+validation or all; train where none is given.
  --latent-dim  Units of z; 8 where none is given.
  --beta        Weights of the rate; 0.5 1 2 4 where none is given.
  --variance    Noise variances of the Gaussian decoder; 0.01 0.03 0.1 0.3 1.
  --help        This page.
"""

MOST_PIXELS = 2**14
"""Values an image: eigenvalues take the cube of their number in time."""


def forecast(words: Sequence[str]) -> None:
    """Print how many latent units can stay active at each beta and noise variance.

    From the eigenvalues of the data's covariance (grey levels scaled to 0 to 1): a unit of
    the optimal linear VAE is active where its eigenvalue is above beta * variance.
    """
    if {"-h", "--help"} & set(words):
        print(HELP, end="")
        return
    flags = list(words)
    if flags and not flags[0].startswith("--"):
        flags[:1] = ["--dataset", flags[0]]
    values = read_flags(flags, OPTIONS)
    if "dataset" not in values:
        raise ValueError(
            "`forecast` must be given data, such as `vae-jax forecast digits`, "
            "`wine.csv` or `./pictures/`; got none."
        )
    own = DEFAULTS | {name: values.pop(name) for name in OPTIONS if name in values}
    check_options(own)
    loaded = load_data(values)
    print(data.described(loaded))
    eigenvalues = spectrum(loaded, own["split"])
    print_spectrum(values["dataset"], own["split"], eigenvalues)
    print_optima(eigenvalues, own["latent_dim"], own["beta"], own["variance"])


def check_options(own: dict[str, Any]) -> None:
    """Refuse options that no spectrum has an answer to.

    Raises:
        ValueError: names the option and its value.

    >>> check_options(DEFAULTS)
    """
    if own["split"] not in SPLITS:
        raise ValueError(
            f"`split` must be one of {', '.join(SPLITS)}; got {own['split']!r}."
            f"{did_you_mean(own['split'], SPLITS)}"
        )
    if own["latent_dim"] < 1:
        raise ValueError(f"`latent_dim` must be at least 1; got {own['latent_dim']}.")
    for name in ("beta", "variance"):
        if not all(0 < value < np.inf for value in own[name]):
            raise ValueError(f"`{name}` must be finite and above 0; got {own[name]}.")


def load_data(values: dict[str, Any]) -> data.Dataset:
    """The data that a run of these settings would be trained on.

    Raises:
        ValueError: sentences or counts, which have no such spectrum; a setting that is not
            of these data, or that changes what they are.
    """
    name = values["dataset"]
    record: Any = pick("dataset", name)
    if record.of_sentences:
        raise ValueError(
            f"`dataset` must be an image set; got {name!r}, which holds sentences."
        )
    for given in values:
        if given in NOISY or given not in record.settings():
            raise ValueError(
                f"`{given}` is no setting of the data that a forecast reads; got "
                f"{given}={values[given]!r} for {name!r}. Leave it out."
            )
    # a density of numbers as they are, so that nothing is binarised
    run = from_mapping({**values, "likelihood": "gaussian_optimal"})
    loaded: data.Dataset = ask(run.data.load, data.Dataset)
    if loaded.holds in ("counts", "tokens"):
        raise ValueError(
            f"`dataset` must hold grey levels or real numbers; {name!r} holds "
            f'{loaded.holds}. Set --data-values real (data_values = "real") to take '
            "counts as real numbers."
        )
    return loaded


def spectrum(loaded: data.Dataset, split: str) -> np.ndarray:
    """Eigenvalues of the covariance of a split, largest first."""
    names = {"all": ("train", "validation", "test")}.get(split, tuple(split.split("+")))
    images = np.concatenate(
        [np.asarray(getattr(loaded, name).images) for name in names]
    )
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
