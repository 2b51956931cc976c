"""Remedies that constrain the rate, against exact theory: linear VAEs on digits.

Claim: trained by the sweep engine, GECO, the minimum desired rate and a capacity end at
    the multiplier or rate that the eigenvalues of the data predict, within 1 %, and so do
    decoders of a fixed slope that is not small; free bits do so unit by unit, none below
    its threshold;
    BN-VAE and delta-VAE never go below their committed rate, and reach it within 5 % where
    z is worth nothing.
Command: `python -m experiments.constraint_theory`
Minutes: 4.7 of one CPU core.
Numbers: `experiments/results/constraint_theory/`, told in `README.md` beside.

With the water level s = beta x variance, unit j of 10 has a rate of `log(lam_j / s) / 2`
where lam_j > s, and the squared error is the sum of `min(s, lam_j)` over the units and of
all other eigenvalues. A constraint on either decides s. GECO: Rezende & Viola (2018);
minimum desired rate: Pelsmaeker & Aziz (2020); capacity: Burgess et al. (2018); free bits:
Kingma et al. (2016); BN-VAE: Zhu et al. (2020); delta-VAE: Razavi et al. (2019). A decoder
whose slope is L in every unit (the bounds of Kinoshita et al., 2023, made equal) has in
unit j a rate of `(t - 1 - log t + L^2 lam_j / (s + L^2)^2) / 2` with `t = s / (s + L^2)`,
if its axes are the eigenvectors; any rotation is as good, so that only the sum is compared.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from experiments._claims.constraint_theory import of_page
from experiments._pages import (
    drawn_page_parser,
    finish_page,
    folder_for,
    page_arguments,
    redraw_page,
    save_figure,
    save_rows,
)
from experiments.linear_theory import train_eigenvalues
from vae_jax import figures, results, sweeps
from vae_jax.configs import Run

NAME = "constraint_theory"
LATENT, PIXELS = 10, 64
HALF = 0.5
"""The variance at which the distortion is the squared error and a constant."""
WORTHLESS = 100.0
"""A noise variance beside which no direction of the data is worth a nat."""

SPEC: dict[str, Any] = {
    "base": {
        "binarize": "none",
        "model": "linear",
        "likelihood": "gaussian",
        "latent_dim": LATENT,
        "batch_size": 256,
        "num_steps": 20_000,
        "log_every": 200,
        "learning_rate": 1e-2,
        "learning_rate_schedule": "cosine",
        "eval_split": "train",
        "precision": "highest",
    },
    "grid": [
        {
            "feedback": ["geco"],
            "speed": [1e-2],
            "variance": [HALF],
            "target": [
                error + PIXELS / 2 * math.log(2 * math.pi * HALF)
                for error in (1.5, 2.0, 3.0)
            ],
        },
        {"feedback": ["minimum_rate"], "variance": [1.0], "target": [2.0, 5.0, 10.0]},
        {
            "capacity": [2.0, 5.0, 10.0],
            "capacity_weight": [100.0],
            "capacity_warmup": [10_000],
            "variance": [1.0],
        },
        # units of close eigenvalues turn into each other slowly: all images, more steps
        {
            "free_bits": [0.1, 1.0],
            "variance": [0.1],
            "batch_size": [1200],
            "num_steps": [40_000],
        },
        {
            "posterior": ["batch_norm"],
            "posterior_scale": [0.5, 1.0, 2.0],
            "variance": [WORTHLESS],
        },
        {
            "posterior": ["delta"],
            "committed_rate": [0.05, 0.2, 1.0],
            "variance": [WORTHLESS],
        },
        {
            "model": ["lipschitz"],
            "hidden": [[]],
            "lipschitz": [0.5, 1.0, 2.0, 4.0],
            "variance": [0.1],
            "batch_size": [1200],
        },
    ],
}


def rate_at(level: float, eigenvalues: np.ndarray) -> float:
    """The rate of the optimum at a water level."""
    return float(np.log(np.maximum(eigenvalues[:LATENT] / level, 1)).sum() / 2)


def error_at(level: float, eigenvalues: np.ndarray) -> float:
    """Its squared error."""
    kept, lost = eigenvalues[:LATENT], eigenvalues[LATENT:]
    return float(np.minimum(level, kept).sum() + lost.sum())


def level_where(of_level: Callable[[float], float], wanted: float) -> float:
    """The water level at which a monotone quantity has the wanted value."""
    return float(brentq(lambda level: of_level(level) - wanted, 1e-6, 10.0))


def predicted(run: dict[str, Any], eigenvalues: np.ndarray) -> tuple[str, float]:
    """What theory says of one run: the name of the quantity, and its value."""
    if run["feedback"] == "geco":
        wanted = run["target"] - PIXELS / 2 * math.log(2 * math.pi * HALF)
        level = level_where(lambda s: error_at(s, eigenvalues), wanted)
        return "multiplier", 1 / (2 * level)
    if run["feedback"] == "minimum_rate":
        level = level_where(lambda s: rate_at(s, eigenvalues), run["target"])
        return "multiplier", 1 - level / run["variance"]
    if run["capacity_weight"]:
        return "rate", run["capacity"]
    if run["posterior"] == "batch_norm":
        return "least rate", LATENT * run["posterior_scale"] ** 2 / 2
    if run["posterior"] == "delta":
        return "least rate", LATENT * run["committed_rate"]
    return "rate", float(unit_rates(run, eigenvalues).sum())


def unit_rates(run: dict[str, Any], eigenvalues: np.ndarray) -> np.ndarray:
    """The rate of every unit, the largest first, under free bits or a fixed slope."""
    kept, level = eigenvalues[:LATENT], run["variance"]
    if run["model"] == "lipschitz":
        gain = run["lipschitz"] ** 2
        share = level / (level + gain)
        of_mean = gain * kept / (level + gain) ** 2
        return (share - 1 - np.log(share) + of_mean) / 2
    return np.maximum(np.log(kept / level) / 2, run["free_bits"])


def measured(run: dict[str, Any], last: pd.DataFrame) -> float:
    """The same quantity of the trained run; multipliers are averaged over the end."""
    if run["feedback"] == "geco":
        return 1 / float(last["beta"].mean())
    if run["feedback"] == "minimum_rate":
        return 1 - float(last["beta"].mean())
    return float(run["rate"])


def remedy(run: dict[str, Any]) -> tuple[str, float]:
    """Its name and its setting."""
    if run["model"] == "lipschitz":
        return "lipschitz", run["lipschitz"]
    if run["feedback"] != "none":
        return run["feedback"], run["target"]
    if run["capacity_weight"]:
        return "capacity", run["capacity"]
    if run["posterior"] == "batch_norm":
        return "batch_norm", run["posterior_scale"]
    if run["posterior"] == "delta":
        return "delta", run["committed_rate"]
    return "free_bits", run["free_bits"]


def compare(
    runs: pd.DataFrame, history: pd.DataFrame, eigenvalues: np.ndarray
) -> pd.DataFrame:
    """Measured and predicted, a row a run."""
    rows = []
    for run in runs.to_dict("records"):
        own = history[history["member"] == run["member"]].sort_values("step")
        name, setting = remedy(run)
        quantity, theory = predicted(run, eigenvalues)
        found = measured(run, own.tail(max(len(own) // 10, 1)))
        rows.append(
            {
                "remedy": name,
                "setting": setting,
                "variance": run["variance"],
                "quantity": quantity,
                "measured": found,
                "theory": theory,
                "error": found / theory - 1,
                "unit error": unit_error(run, eigenvalues),
                "least unit": float(np.min(run["kl_per_unit"])),
                "distortion": run["distortion"],
            }
        )
    return pd.DataFrame(rows)


def unit_error(run: dict[str, Any], eigenvalues: np.ndarray) -> float:
    """The largest error of one unit's rate under free bits; nan under another remedy."""
    if remedy(run)[0] != "free_bits":
        return math.nan
    found = np.sort(run["kl_per_unit"])[::-1]
    return float(np.abs(found / unit_rates(run, eigenvalues) - 1).max())


def small(config: Run) -> Run:
    """The same with few steps; the ramp of a capacity fits into them."""
    ramp = {"capacity_warmup": 100} if config["capacity_weight"] else {}
    return config.changed(num_steps=200, **ramp)


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    table = pd.read_csv(page / "table.csv")
    save_figure(figures.constraint_figure(table), picture)


def main() -> None:
    """Run the sweep, compare, and say where the rows are."""
    arguments = page_arguments(drawn_page_parser(__doc__))
    if arguments.redraw:
        redraw_page(NAME, draw_page, of_page)
        return
    sweeps.setup_jax()
    configs = sweeps.expand(SPEC)
    if arguments.smoke:
        configs = [small(config) for config in configs]
    out = arguments.out or folder_for(NAME, configs)
    sweeps.run(configs, out)
    table = compare(*results.read(out).to_pandas(), train_eigenvalues())
    print(table.to_string(index=False, float_format="{:.4f}".format))
    save_rows(out / "page", table=table)
    finish_page(NAME, out, draw_page, of_page, arguments)


if __name__ == "__main__":
    main()
