"""The ELBO adds no trap: Lucas et al. (2019), Figures 1 to 3, exactly and by training.

Claim: a collapsed unit of a linear VAE is a saddle of the log marginal likelihood, and of
    the ELBO, exactly where an unused eigenvalue of the data exceeds the noise variance, and
    a maximum where none does; the optimal ELBO is the log marginal likelihood to 1e-6 nats
    at every number of units; with a frozen variance both stop rising, and units collapse,
    from the number of eigenvalues above it on. Training by the analytic ELBO reaches that
    optimum within 1e-3 nats, training by samples of z comes there more slowly.
Command: `python -m experiments.ppca_landscape` (`--smoke`: a few steps, no claim;
    `--paper`: MNIST, with 50 units in the place of 10, and 1000 images to train on)
Minutes: 1.5 of one CPU core; resumable.
Numbers: `experiments/results/ppca_landscape/`, told in `README.md` beside.

All 1797 digits of the package. Above: a column of W is moved in the plane of the fifth and
the seventh eigenvector from 0, the others being at their optimum, at three noise variances:
the eighth, the sixth and the fourth eigenvalue. Below, first: over the number of units.
Last: a linear VAE of 10 units with a learned variance, three seeds by either objective,
Adam 1e-2 with a cosine, 20 000 steps; one sample of z for each of 128 images, or no sample
at all. Where Fashion-MNIST is on this machine (or in `--data-folder`) it is looked at
too, with the variance of 50 units frozen.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from experiments._claims.ppca_landscape import of_page
from experiments._pages import (
    EXACT_DIGITS,
    drawn_page_parser,
    finish_page,
    folder_for,
    page_arguments,
    read_rows,
    redraw_page,
    save_figure,
    save_rows,
)
from experiments._parts.landscape_theory import (
    REACH,
    curvatures,
    images_of,
    over_units,
    surfaces,
)
from experiments._parts.landscape_training import (
    configs_of,
    curves_of,
    grams_of,
    make_job,
)
from experiments._pictures import load_arrays, save_arrays
from vae_jax import analytic, figures, sweeps

NAME = "ppca_landscape"
UNITS, MOST_UNITS = 10, 50
"""Whose variance is frozen, and of the trained model; and the most in the figure."""

PAPER_UNITS, PAPER_MOST, PAPER_IMAGES = 50, 300, 1000
TABLES = ("units", "curves", "corner")


def fashion_rows(folder: Path | None) -> dict[str, pd.DataFrame]:
    """The same over units on Fashion-MNIST; nothing where it is not to be had."""
    try:
        eigenvalues = analytic.eigenvalues(images_of("fashion_mnist", folder))
    except FileNotFoundError as error:
        print(f"Left out: Fashion-MNIST. {error}")
        return {}
    return {"fashion": over_units(eigenvalues, PAPER_UNITS, PAPER_MOST)}


def to_train_on(parser: ArgumentParser, is_paper: bool, folder: Path | None) -> Any:
    """The images of the page; what is missing is named, with what helps."""
    try:
        return images_of("mnist", folder) if is_paper else images_of("digits")
    except FileNotFoundError as error:
        parser.error(f"--paper needs MNIST. {error}")


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    found = load_arrays(page / "surfaces.npz")["surfaces"]
    units, curves, corner = read_rows(page, *TABLES)
    other = page / "fashion.csv"
    fashion = pd.read_csv(other) if other.exists() else None
    figure = figures.landscape_figure(found, REACH, units, curves, corner, fashion)
    save_figure(figure, picture)


def best_of(eigenvalues: np.ndarray, units: int) -> float:
    """The log marginal likelihood that training can reach, in nats per example."""
    with jax.enable_x64(True):
        return float(analytic.ppca(eigenvalues, units).log_likelihood)


def main() -> None:
    """Compute, train, print what holds, draw the figure, and say where everything is."""
    parser = drawn_page_parser(__doc__)
    parser.add_argument("--paper", action="store_true", help="MNIST, 50 units")
    parser.add_argument("--data-folder", type=Path, help="of IDX files")
    arguments = page_arguments(parser)
    name = f"{NAME}_paper" if arguments.paper else NAME
    if arguments.redraw:
        redraw_page(name, draw_page, of_page)
        return
    sweeps.setup_jax()
    units, most = (PAPER_UNITS, PAPER_MOST) if arguments.paper else (UNITS, MOST_UNITS)
    images = to_train_on(parser, arguments.paper, arguments.data_folder)
    trained = images[:PAPER_IMAGES] if arguments.paper else images
    configs = configs_of(trained, units)
    if arguments.smoke:
        configs = [config.changed(num_steps=200) for config in configs]
    out = arguments.out or folder_for(name, configs)
    runs = sweeps.run(configs, out, make_job=make_job).runs.to_pandas()
    eigenvalues, own = analytic.eigenvalues(images), analytic.eigenvalues(trained)
    exact = {
        "corner": curvatures(eigenvalues),
        "units": over_units(eigenvalues, units, most),
    }
    if not (arguments.smoke or arguments.paper):
        exact |= fashion_rows(arguments.data_folder)
    save_rows(out / "page", digits=EXACT_DIGITS, **exact)
    curves, grams = curves_of(runs, best_of(own, units)), grams_of(runs, own, units)
    save_rows(out / "page", curves=curves, grams=grams)
    save_arrays(out / "page" / "surfaces.npz", {"surfaces": surfaces(eigenvalues)})
    finish_page(name, out, draw_page, of_page, arguments)


if __name__ == "__main__":
    main()
