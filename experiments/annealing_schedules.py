"""Annealing schedules and posterior collapse on real images: the main job.

Claim: on binarised digits, a decoder that sees all previous pixels collapses at a beta
    at which an MLP decoder keeps its code. A smaller receptive field and free bits bring
    information back; annealing beta delays the collapse and does not prevent it.
Command: `python -m experiments.annealing_schedules`
    (`--smoke`: a few steps of everything, shows nothing; `--full`: the whole grid,
    resumable; `--redraw`: the committed picture from committed rows, no training)
Minutes: 4.5 on 2 CPU cores; `--full` 57.
Numbers: `experiments/results/annealing_schedules/table.csv`, told in `README.md` beside.

Nats per example on the test split at beta = 1, whatever the weight in training.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments._claims.annealing_schedules import of_full_page, of_page
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
from experiments._pictures import draw_member, load_arrays, save_arrays
from experiments._table import print_table, summarise
from vae_jax import figures, results, sweeps
from vae_jax.configs import Run

NAME = "annealing_schedules"
SCHEDULES = ["constant", "linear", "sigmoid", "cosine", "cyclical"]
FINAL_BETA = 2.0
FREE_BITS = 0.2
SEEDS = [0, 1, 2]
AR = "autoregressive"
BASE: dict[str, Any] = {
    "dataset": "digits",
    "binarize": "static",
    "latent_dim": 8,
    "hidden": [384, 384],
    "num_steps": 2000,
    "eval_split": "test",
}
SETTINGS = ["decoder", "free_bits", "beta", "schedule"]
NUMBERS = {  # column of the results: (heading, digits)
    "rate": ("rate", 2),
    "distortion": ("distortion", 2),
    "nll": ("NLL", 2),
    "mutual_information": ("MI", 3),
    "active_units": ("active", 1),
    "collapsed_units": ("collapsed", 1),
}
OUTCOMES = ["mutual_information", "active_units", "verdict"]


def default_spec() -> dict[str, Any]:
    """The part of the grid that finishes within 5 minutes on 2 cores."""
    final, seeds = {"beta": [FINAL_BETA]}, {"seed": SEEDS}
    both, full = {"model": ["mlp", AR]}, {"model": [AR], "window": ["full"]}
    return {
        "base": BASE,
        "grid": [
            {**both, **final, "schedule": ["constant", "linear", "cyclical"], **seeds},
            {**both, **final, "schedule": ["sigmoid", "cosine"]},
            {"model": [AR], **final, "window": [2, 8], **seeds},
            {**full, **final, "free_bits": [FREE_BITS], **seeds},
            {**both, "beta": [1.0]},
        ],
    }


def full_spec() -> dict[str, Any]:
    """Every schedule x beta x decoder x free bits x seed."""
    shared = {
        "schedule": SCHEDULES,
        "beta": [1.0, FINAL_BETA, 4.0],
        "free_bits": [0.0, FREE_BITS],
        "seed": SEEDS,
    }
    windows = {"model": [AR], "window": [2, 8, "full"]}
    return {"base": BASE, "grid": [{"model": ["mlp"], **shared}, {**windows, **shared}]}


def smoke_spec() -> dict[str, Any]:
    """The same path from end to end with a few steps; shows nothing."""
    small = {**BASE, "hidden": [32, 32], "num_steps": 100, "eval_samples": 4}
    shared = {"beta": [FINAL_BETA], "schedule": ["constant", "linear"], "seed": [0]}
    full = {"model": [AR], "window": ["full"]}
    return {
        "base": small,
        "grid": [
            {"model": ["mlp"], **shared},
            {**full, **shared, "free_bits": [0.0, FREE_BITS]},
        ],
    }


def by_power(runs: pd.DataFrame) -> pd.DataFrame:
    """Labelled, and in the order of what the decoder sees: nothing, some, all pixels."""
    window = runs["window"].fillna(np.inf).where(runs["model"] == AR, 0)
    labels = [figures.decoder_label(run) for run in runs.to_dict("records")]
    ordered = runs.assign(decoder=labels, power=window)
    ordered["rank"] = ordered["schedule"].map(SCHEDULES.index)
    return ordered.sort_values(["power", "free_bits", "beta", "rank", "seed"])


def choose(runs: pd.DataFrame) -> dict[str, int]:
    """The members whose pictures are shown, by title."""
    plain = runs[(runs["beta"] == FINAL_BETA) & (runs["schedule"] == "constant")]
    full = plain[plain["decoder"] == "autoregressive, full"]
    wanted = {
        "Decoder that sees all previous pixels": full[full["free_bits"] == 0],
        f"The same + free bits {FREE_BITS:g}": full[full["free_bits"] > 0],
        "MLP decoder": plain[(plain["decoder"] == "MLP") & (plain["free_bits"] == 0)],
    }
    firsts = {title: rows.sort_values("seed").iloc[0] for title, rows in wanted.items()}
    return {
        f"{title}: {first['verdict']}": int(first["member"])
        for title, first in firsts.items()
    }


def save_page(page: Path, configs: list[Run], out: Path) -> None:
    """Print the table, and write it with all that the figure is made of."""
    runs, history = results.read(out).to_pandas()
    runs = by_power(runs)
    table = summarise(runs, SETTINGS, NUMBERS)
    title = "Nats per example at beta = 1, units of z"
    print_table(table, SETTINGS, NUMBERS, title)
    shown = runs[(runs["beta"] == FINAL_BETA) & (runs["free_bits"] == 0)]["member"]
    history = history[history["member"].isin(shown)][["member", "step", "rate"]]
    kept = runs[["member", *SETTINGS, "seed", *OUTCOMES]]
    save_rows(page, table=table, runs=kept, history=history)
    pictures = {
        title: draw_member(out, configs[member], member)
        for title, member in choose(runs).items()
    }
    save_arrays(page / "pictures.npz", {"beta": betas_of(configs), **pictures})


def betas_of(configs: list[Run]) -> dict[str, np.ndarray]:
    """The beta of every step under each schedule that is drawn."""
    return {
        config["schedule"]: config.betas()
        for config in configs
        if config["beta"] == FINAL_BETA
    }


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what `save_page` wrote."""
    pictures = load_arrays(page / "pictures.npz")
    runs, history = read_rows(page, "runs", "history")
    figure = figures.annealing_figure(
        runs,
        history,
        pictures.pop("beta"),
        pictures,
        FINAL_BETA,
    )
    save_figure(figure, picture)


def main() -> None:
    """Run, print the table, draw the figure, and say where everything is."""
    parser = drawn_page_parser(__doc__)
    parser.add_argument("--full", action="store_true", help="the whole grid; resumable")
    arguments = page_arguments(parser)
    name = f"{NAME}_full" if arguments.full else NAME
    judge = of_full_page if arguments.full else of_page
    if arguments.redraw:
        redraw_page(name, draw_page, judge)
        return
    sweeps.setup_jax()
    spec = full_spec() if arguments.full else default_spec()
    configs = sweeps.expand(smoke_spec() if arguments.smoke else spec)
    out = arguments.out or folder_for(name, configs)
    sweeps.run(configs, out)
    save_page(out / "page", configs, out)
    finish_page(name, out, draw_page, judge, arguments)


if __name__ == "__main__":
    main()
