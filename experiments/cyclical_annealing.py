"""Cyclical annealing on ten sequences: Fu et al. (2019), the toy experiment.

Claim: reconstruction + KL is not below the entropy of the data, log 10, by more than its
    standard error allows, and all schedules end close to it; cyclical annealing ends where
    the KL is larger than with one ramp by more than 0.4 nats, for a smaller reconstruction.
Command: `python -m experiments.cyclical_annealing` (`--smoke`: a few steps, no claim)
Minutes: 8.3 of one CPU core; resumable.
Numbers: `experiments/results/cyclical_annealing/`, told in `README.md` beside.

An LSTM of two layers of 64 reads and one writes ten binary sequences, each with a single 1
(`vae_jax.text.ten_sequences`); z has two units; all ten are the batch; Adam 1e-4; 40 000
iterations with a constant beta, one ramp over the first quarter, and four cycles of which
half is a ramp. Nine members, three seeds a schedule, are one compiled program. What is not
published (initialisation, embeddings) is PyTorch's default.
"""

import math
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from experiments._claims.cyclical_annealing import ENTROPY, of_page
from experiments._pages import (
    drawn_page_parser,
    finish_page,
    folder_for,
    page_arguments,
    redraw_page,
    save_figure,
    save_rows,
)
from experiments._pictures import load_arrays, save_arrays
from vae_jax import assembly, figures, gaussian, results, sweeps
from vae_jax.configs import Run, from_mapping

NAME = "cyclical_annealing"
STEPS, CYCLES, SEEDS = 40_000, 4, (0, 1, 2)
BASE: dict[str, Any] = {
    "dataset": "ten_sequences",
    "model": "lstm",
    "likelihood": "categorical",
    "latent_dim": 2,
    "hidden": [64, 64],
    "embedding": 16,
    "batch_size": 10,
    "learning_rate": 1e-4,
    "num_steps": STEPS,
    "log_every": 100,
    "eval_samples": 100,
}
SCHEDULES: dict[str, dict[str, Any]] = {
    "constant": {},
    "monotonic": {"schedule": "linear", "warmup_steps": STEPS // CYCLES},
    "cyclical": {"schedule": "cyclical", "num_cycles": CYCLES, "cycle_ratio": 0.5},
}
NUM_CODES = 200


def configs_of(smoke: bool) -> list[Run]:
    """Every schedule with every seed."""
    configs = [
        from_mapping({**BASE, **fields, "seed": seed})
        for fields in SCHEDULES.values()
        for seed in SEEDS
    ]
    if not smoke:
        return configs
    small = {"num_steps": 400, "hidden": (8, 8), "eval_samples": 4}
    return [
        c.changed(**small, warmup_steps=100 if c["schedule"] == "linear" else None)
        for c in configs
    ]


def curves(history: pd.DataFrame) -> pd.DataFrame:
    """The history with the name of the schedule, the seed and the sum."""
    names = np.repeat(list(SCHEDULES), len(SEEDS))
    kept = ["member", "step", "beta", "distortion", "rate"]
    rows = history[kept].sort_values(["member", "step"]).reset_index(drop=True)
    rows["schedule"] = names[rows["member"]]
    rows["seed"] = np.array(SEEDS * len(SCHEDULES))[rows["member"]]
    rows["total"] = rows["distortion"] + rows["rate"]
    rows["error"] = rows.groupby("member")["total"].transform(standard_error)
    return rows


def standard_error(total: pd.Series) -> pd.Series:
    """Of every window's mean, from how much its neighbours differ from one another."""
    steps = total.diff().rolling(21, center=True, min_periods=5).std()
    return steps / math.sqrt(2)


def at_ends_of_cycles(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean (range) over seeds at the end of each of the four cycles, nats."""
    last = rows["step"].max()
    ends = rows[rows["step"] % (last // CYCLES) == 0]
    table = ends.groupby(["schedule", "step"])[["distortion", "rate", "total"]]
    table = table.agg(["mean", "min", "max"])
    table.columns = ["".join((a, "" if b == "mean" else f" {b}")) for a, b in table]
    return table.reset_index()


def codes_of(out: Path, configs: list[Run]) -> dict[str, np.ndarray]:
    """Samples of z of every sequence by the first seed of each schedule."""
    drawn = {}
    for number, name in enumerate(SCHEDULES):
        member = number * len(SEEDS)
        kit = assembly.kit(configs[member])
        x = kit.dataset.train.images
        mean, logvar = kit.vae.encode(results.load(out, member), x)
        keys = jax.random.split(jax.random.key(0), NUM_CODES)
        z = jax.vmap(gaussian.reparameterize, in_axes=(0, None, None))(
            keys, mean, logvar
        )
        drawn[name] = np.swapaxes(np.asarray(z), 0, 1)
    return drawn


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    codes = load_arrays(page / "codes.npz")["codes"]
    rows = pd.read_csv(page / "history.csv")
    save_figure(figures.cyclical_figure(rows, codes, ENTROPY), picture)


def main() -> None:
    """Run, print the table, draw the figure, and say where everything is."""
    arguments = page_arguments(drawn_page_parser(__doc__))
    if arguments.redraw:
        redraw_page(NAME, draw_page, of_page)
        return
    sweeps.setup_jax()
    configs = configs_of(arguments.smoke)
    out = arguments.out or folder_for(NAME, configs)
    sweeps.run(configs, out)
    rows = curves(results.read(out).metrics.to_pandas())
    table = at_ends_of_cycles(rows)
    print(table.to_string(index=False, float_format="{:.3f}".format))
    save_rows(out / "page", table=table, history=rows)
    save_arrays(out / "page" / "codes.npz", {"codes": codes_of(out, configs)})
    finish_page(NAME, out, draw_page, of_page, arguments)


if __name__ == "__main__":
    main()
