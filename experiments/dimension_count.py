"""A VAE counts the dimensions of its data: Koehler et al. (2022), their experiments.

Claim: trained with a variance of the decoder that is learned, a linear VAE with units to
    spare uses exactly as many as its data have dimensions, in every run, and its variance
    goes to 0; with too few units the variance stays at what they leave. On curved data,
    which the theorem leaves open, no run uses fewer; whether as many is reported as found,
    and what the start of the variance does to it.
Command: `python -m experiments.dimension_count` (`--smoke`: a few steps, no claim;
    `--paper`: their steps, batches and networks, a day on a CPU)
Minutes: 3.7 of one CPU core; resumable.
Numbers: `experiments/results/dimension_count/`, told in `README.md` beside.

Linear: A n padded with zeros, A square and random, of 3, 6, 9 or 12 dimensions in 12 or 20
features, with 20 or 10 units, trained by the closed form of the ELBO, Adam 1e-3, 100 000
steps. Sigmoid: n beside sigmoid(a . n), 3, 5 or 7 dimensions, with a linear encoder and a
decoder that is a linear layer and the sigmoid of another; sphere: 2, 4 or 6 dimensions,
with three hidden layers of 64 on either side, the variance of whose decoder begins at
exp(-3), as in the paper, or at exp(-6). Curved data are seen by samples of z, batches of
100, Adam 1e-3. All cases of a source, three seeds each, are one compiled program.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from experiments._claims.dimension_count import of_page
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
from experiments._parts import dimension_cases
from experiments._parts.dimension_cases import PER_CASE, SOURCES, settings_of
from experiments._parts.dimension_runs import make_job
from vae_jax import analytic, figures, results, sweeps
from vae_jax.configs import Run

NAME = "dimension_count"
SEEDS = (0, 1, 2)
STEPS = {"linear": 100_000, "sigmoid": 10_000, "sphere": 20_000}
RATE = 1e-3
PAPER_STEPS = {"linear": 100_000, "sigmoid": 150_000, "sphere": 150_000}
PAPER_RATES = {"linear": 1e-3, "sigmoid": 1e-4, "sphere": 1e-4}
PAPER_HIDDEN = (200, 200, 200)

NEAR_ZERO = 0.1
"""A unit counts below this posterior variance, v / eigenvalue at the optimum; its column's
square, eigenvalue - v, is then above 9 v, and counts from there on."""


def configs_of(kind: str, is_paper: bool) -> list[Run]:
    """Every case of a source with every seed, as seeds."""
    shape = SOURCES[kind].shape
    steps = PAPER_STEPS[shape] if is_paper else STEPS[shape]
    rate = PAPER_RATES[shape] if is_paper else RATE
    base = Run.of(num_steps=steps, log_every=100, learning_rate=rate)
    return [
        base.changed(seed=PER_CASE * number + seed)
        for number in range(len(SOURCES[kind].cases))
        for seed in SEEDS
    ]


def run_of(kind: str, run: dict[str, Any], config: Run) -> dict[str, Any]:
    """What one run counts, and how sharply."""
    case = SOURCES[kind].cases[config.seed // PER_CASE]
    variance = np.asarray(run["posterior_variance"])[: case.units]
    reach = np.asarray(run["reach"])[: case.units]
    counted = variance < NEAR_ZERO
    noise = run["decoder_variance"]
    row = {
        "source": kind,
        "true_dim": SOURCES[kind].dimensions(case),
        "features": case.features,
        "units": case.units,
        "seed": config.seed % PER_CASE,
        "counted": int(counted.sum()),
        "reached": int((reach**2 > (1 / NEAR_ZERO - 1) * noise).sum()),
        "largest counted": variance[counted].max(initial=0.0),
        "least other": variance[~counted].min(initial=1.0),
        "variance theory": least_variance(kind, config, case.units),
    }
    names = "decoder_variance", "padding", "manifold", "distortion", "rate"
    return row | {name: float(run[name]) for name in names}


def least_variance(kind: str, config: Run, units: int) -> float:
    """What the units of a linear VAE leave to the decoder; unknown of other sources."""
    if kind != "linear":
        return float("nan")
    given = settings_of(kind, config)
    kept = int(given.features.sum())
    covariance = given.mixing.astype(np.float64) @ given.mixing.T.astype(np.float64)
    eigenvalues = np.linalg.eigvalsh(covariance[:kept, :kept])[::-1]
    if units >= kept:
        return 0.0
    with jax.enable_x64(True):
        least = analytic.optimal_variance(np.maximum(eigenvalues, 0), units, 1.0)
    return float(least)


def units_of(kind: str, run: dict[str, Any], config: Run) -> pd.DataFrame:
    """A row a unit, the smallest posterior variance first."""
    case = SOURCES[kind].cases[config.seed // PER_CASE]
    variance = np.asarray(run["posterior_variance"])[: case.units]
    order = np.argsort(variance)
    return pd.DataFrame(
        {
            "source": kind,
            "true_dim": SOURCES[kind].dimensions(case),
            "features": case.features,
            "seed": config.seed % PER_CASE,
            "unit": np.arange(1, case.units + 1),
            "posterior_variance": variance[order],
            "reach": np.asarray(run["reach"])[: case.units][order],
        }
    )


def tables_of(
    out: Path, configs: dict[str, Sequence[Run]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row a run, and a row a unit."""
    rows, units = [], []
    for kind, own in configs.items():
        runs = results.read(out / kind).runs.to_pandas().to_dict("records")
        for run, config in zip(runs, own, strict=True):
            rows.append(run_of(kind, run, config))
            units.append(units_of(kind, run, config))
    return pd.DataFrame(rows), pd.concat(units, ignore_index=True)


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    tables = read_rows(page, "table", "units")
    save_figure(figures.dimensions_figure(*tables), picture)


def widen() -> None:
    """The networks of the paper on the sphere."""
    for kind, source in SOURCES.items():
        if source.shape == "sphere":
            dimension_cases.SOURCES[kind] = source._replace(hidden=PAPER_HIDDEN)


def main() -> None:
    """Run, print what holds, draw the figure, and say where everything is."""
    parser = drawn_page_parser(__doc__)
    parser.add_argument("--paper", action="store_true", help="their steps and networks")
    arguments = page_arguments(parser)
    name = f"{NAME}_paper" if arguments.paper else NAME
    if arguments.redraw:
        redraw_page(name, draw_page, of_page)
        return
    sweeps.setup_jax()
    if arguments.paper:
        widen()
    configs = {kind: configs_of(kind, arguments.paper) for kind in SOURCES}
    if arguments.smoke:
        configs = {
            kind: [config.changed(num_steps=200) for config in own]
            for kind, own in configs.items()
        }
    every = [config for own in configs.values() for config in own]
    out = arguments.out or folder_for(name, every)
    for kind, own in configs.items():
        is_exact = kind == "linear" and not arguments.paper
        sweeps.run(own, out / kind, make_job=make_job(kind, is_exact))
    table, units = tables_of(out, configs)
    save_rows(out / "page", table=table, units=units)
    finish_page(name, out, draw_page, of_page, arguments)


if __name__ == "__main__":
    main()
