"""The exact thresholds of collapse: Wang & Ziyin (2022), Figures 1 and 2.

Claim: unit i of a linear VAE collapses where beta passes the i-th eigenvalue of the data:
    its loss lies on the closed form within 3 % for every beta from 1 to 30, the standard
    deviation of its posterior is min(1, sqrt(beta / eigenvalue)) within 0.02, and nothing
    of it depends on x, though it may. Images of the prior lose one mode a threshold.
Command: `python -m experiments.collapse_thresholds` (`--smoke`: a few steps, no claim;
    `--paper`: their batches, steps and MNIST network, hours on a CPU)
Minutes: 8.6 of one CPU core, a minute less where there are no images; resumable.
Numbers: `experiments/results/collapse_thresholds/`, told in `README.md` beside.

4096 examples of N(0, diag(25, 16, 9, 4, 1)); beta = 0 ... 30 and three seeds: one compiled
program each for the linear model with 5 units, with 3, and for the ReLU network with one
hidden layer of 8. Adam 1e-2 with a cosine, 48 000 steps of 64. The images are of a linear
VAE with 5 units on Fashion-MNIST, where that is on this machine (Debian's package
dataset-fashion-mnist, tensorflow-datasets, or `--data-folder`).
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments._claims.collapse_thresholds import of_page
from experiments._pages import (
    drawn_page_parser,
    finish_page,
    folder_for,
    page_arguments,
    read_rows,
    redraw_page,
    save_figure,
    save_rows,
)
from experiments._parts import wang_ziyin as paper
from experiments._parts.threshold_images import draws_of, modes_of, of_images
from experiments._pictures import load_arrays, save_arrays
from vae_jax import (
    analytic,
    assembly,
    data,
    diagnostics,
    figures,
    gaussian,
    sweeps,
    training,
    userdata,
)
from vae_jax.configs import Run, from_mapping

NAME = "collapse_thresholds"
SEEDS, BETAS = (0, 1, 2), tuple(map(float, range(31)))
LINEAR = "experiments._parts.wang_ziyin:linear"
ARMS: dict[str, dict[str, Any]] = {
    "linear": {"model": LINEAR, "latent_dim": 5},
    "linear, 3 units": {"model": LINEAR, "latent_dim": 3},
    "ReLU": {"model": "mlp", "hidden": [8], "latent_dim": 5},
}
BASE: dict[str, Any] = {
    "likelihood": "gaussian",
    "batch_size": 64,
    "num_steps": 48_000,
    "log_every": 200,
    "learning_rate": 1e-2,
    "learning_rate_schedule": "cosine",
    "eval_split": "train",
    "eval_samples": 16,
    "precision": "highest",
}
PAPER = {"batch_size": 16, "num_steps": 65_536, "log_every": 256, "learning_rate": 1e-3}


def synthetic(is_paper: bool) -> list[Run]:
    """Every model at every beta with every seed."""
    held = userdata.hold(paper.sample())
    base = {**BASE, "dataset": held.dataset, **(PAPER if is_paper else {})}
    if is_paper:
        base.pop("learning_rate_schedule")
    return [
        from_mapping({**base, **fields, "beta": beta, "seed": seed})
        for fields in ARMS.values()
        for beta in BETAS
        for seed in SEEDS
    ]


def make_job(config: Run) -> assembly.Job:
    """The run of a config, measured by its losses and its posterior alone.

    Information is not asked for: of 279 runs on 4096 examples it takes longer than all
    their training.
    """
    job = assembly.job(config)

    def evaluate(state: Any, key: Any, hyper: Any, splits: Any) -> dict[str, Any]:
        kit, params = assembly.kit(config), state.train.params
        x = kit.prepare(None, jnp.asarray(splits.evaluation))
        keys = training.example_keys(key, training.Stream.EVALUATE, 0, len(x))
        found = training.example_statistics(
            kit.vae, kit.density, params, keys, x, hyper.knobs, config.eval_samples
        )
        std = jnp.exp(found.logvar / 2)
        kl = gaussian.kl_standard(found.mean, found.logvar)
        return {
            "distortion": jnp.mean(found.distortion),
            "rate": jnp.mean(jnp.sum(kl, axis=-1)),
            "active_units": diagnostics.active_units(found.mean),
            "std": jnp.mean(std, axis=0),
            # how much it depends on x, in the unit where it does most
            "std_spread": jnp.max(jnp.std(std, axis=0)),
        }

    return job._replace(program=job.program._replace(evaluate=evaluate))


def theory_of(
    eigenvalues: np.ndarray, units: int, betas: Sequence[float]
) -> dict[str, np.ndarray]:
    """Losses and standard deviations of the optimum, as the paper counts them.

    `reconstruction = sum_i (x_i - x^_i)^2 / 2`, without the constant of the density.
    """
    # beta = 0 has its own formula, and no other limit
    some = np.maximum(np.asarray(betas, np.float64), 1e-9)
    with jax.enable_x64(True):
        best = analytic.linear_vae_optimum(eigenvalues, units, some, 1.0)
    constant = len(eigenvalues) / 2 * math.log(2 * math.pi)
    reconstruction = np.asarray(best.distortion) - constant
    weighted_rate = some * np.asarray(best.rate)
    return {
        "total": reconstruction + weighted_rate,
        "reconstruction": reconstruction,
        "weighted_rate": weighted_rate,
        "std": np.sqrt(np.asarray(best.posterior_variance)),
    }


def table_of(runs: pd.DataFrame, eigenvalues: np.ndarray) -> pd.DataFrame:
    """Measured and predicted, a row a run.

    `theory` is of the eigenvalues of the sample, `exact` of those that it was drawn with.
    """
    rows = []
    constant = len(eigenvalues) / 2 * math.log(2 * math.pi)
    names = np.repeat(list(ARMS), len(BETAS) * len(SEEDS))
    for arm, run in zip(names, runs.to_dict("records"), strict=True):
        beta, std = run["beta"], np.sort(run["std"])
        reconstruction = run["distortion"] - constant
        own = theory_of(eigenvalues, len(std), [beta])
        drawn = theory_of(paper.THRESHOLDS, len(std), [beta])
        rows.append(
            {
                "arm": arm,
                "beta": beta,
                "seed": run["seed"],
                "total": reconstruction + beta * run["rate"],
                "reconstruction": reconstruction,
                "weighted_rate": beta * run["rate"],
                "rate": run["rate"],
            }
            | {f"{n} theory": own[n][0] for n in ("total", "reconstruction")}
            | {"weighted_rate theory": own["weighted_rate"][0]}
            | {"total exact": drawn["total"][0]}
            | {f"std {i + 1}": one for i, one in enumerate(std)}
            | {f"std {i + 1} theory": one for i, one in enumerate(own["std"][0])}
            | {"std spread": float(run["std_spread"])}
        )
    return pd.DataFrame(rows)


def flat_spectrum(dataset: data.Dataset) -> np.ndarray:
    """Eigenvalues of the training split, as the model sees it."""
    x = dataset.train.images.reshape(len(dataset.train.images), -1)
    return np.asarray(analytic.eigenvalues(x / float(dataset.max_value)))


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    stored = page / "images.npz"
    images = load_arrays(stored)["images"] if stored.exists() else {}
    modes = pd.read_csv(page / "modes.csv") if images else None
    table, authors = read_rows(page, "table", "authors")
    figure = figures.thresholds_figure(
        table,
        authors,
        paper.THRESHOLDS,
        images,
        modes,
    )
    save_figure(figure, picture)


def small(config: Run) -> Run:
    """The same with a few steps."""
    return config.changed(num_steps=200, log_every=100, eval_samples=2)


def main() -> None:
    """Run, print what holds, draw the figure, and say where everything is."""
    parser = drawn_page_parser(__doc__)
    parser.add_argument("--paper", action="store_true", help="their steps, and MNIST")
    parser.add_argument("--data-folder", type=Path, help="of the IDX files")
    arguments = page_arguments(parser)
    name = f"{NAME}_paper" if arguments.paper else NAME
    if arguments.redraw:
        redraw_page(name, draw_page, of_page)
        return
    sweeps.setup_jax()
    configs = synthetic(arguments.paper)
    try:
        pictured = of_images(arguments.paper, arguments.data_folder, SEEDS)
    except FileNotFoundError as error:
        parser.error(f"the images are missing. {error}")
    both = configs + pictured
    both = [small(config) for config in both] if arguments.smoke else both
    out = arguments.out or folder_for(name, both)
    options = sweeps.Options(width=len(BETAS) * len(SEEDS))
    runs = sweeps.run(both, out, options, make_job=make_job).runs.to_pandas()
    table = table_of(runs[: len(configs)], flat_spectrum(paper.sample()))
    rows = {"table": table, "authors": paper.authors()}
    if pictured:
        dataset = assembly.kit(both[-1]).dataset
        rows["modes"] = modes_of(runs[len(configs) :], flat_spectrum(dataset))
    save_rows(out / "page", **rows)
    if pictured:
        images = draws_of(out, both[len(configs) :], len(configs))
        save_arrays(out / "page" / "images.npz", {"images": images})
    finish_page(name, out, draw_page, of_page, arguments)


if __name__ == "__main__":
    main()
