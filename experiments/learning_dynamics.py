"""Learning dynamics of a linear VAE: Ichikawa & Hukushima (2024), exactly and by SGD.

Claim: six numbers that follow a differential equation tell what online SGD with 500
    features does, to 0.08 of generalisation error. The error that is reached is least
    where beta is the variance of the noise, and from signal plus noise on the VAE is
    collapsed. A unit to spare fits noise below that beta, and collapses above it.
    Annealing speeds learning up, the most at a speed in between.
Command: `python -m experiments.learning_dynamics` (`--smoke`: a few steps, no claim)
Minutes: 0.52 of one CPU core.
Numbers: `experiments/results/learning_dynamics/`, told in `README.md` beside.

Data are one direction of variance 1 in noise of variance 1, every example is new, the
learning rate is 0.01. SGD runs with five weights of the rate and three seeds in one
compiled program of 500 000 steps; the paper has 200 features. The equation
(`vae_jax.analytic.order_parameter_flow`) is solved in float64 by Runge-Kutta: from where
every run of SGD began, over a grid of betas, and over speeds of `beta(t) = tanh(speed t)`;
with two units for the one direction, its six numbers are vectors and matrices.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments._claims.learning_dynamics import of_page
from experiments._pages import (
    EXACT_DIGITS,
    drawn_page_parser,
    finish_page,
    page_arguments,
    redraw_page,
    save_figure,
    save_rows,
)
from experiments._parts import dynamics
from experiments._parts.dynamics import Annealing, OrderMatrices
from experiments._parts.dynamics_sgd import simulate
from vae_jax import analytic, figures, sweeps
from vae_jax.analytic import OrderParameters

NAME = "learning_dynamics"
SEEDS, NUM_FEATURES, TIME = (0, 1, 2), 500, 1000
RUNS = ((0.5, 0.0), (1.0, 0.0), (1.5, 0.0), (2.5, 0.0), (1.0, 1e-3))
"""Beta and speed of annealing, 0 for none, of the runs of SGD."""
SPARE, SPARE_RUNS = 2, ((0.5, 0.0), (1.5, 0.0))
"""Units of the model that has one to spare, and its runs: one fits noise, one does not."""

BETAS = np.round(np.arange(0.1, 3.01, 0.1), 2)
SPEEDS = (1e-4, 2e-4, 3e-4, 5e-4, 7e-4, 1e-3, 1.4e-3, 2e-3, 3e-3, 5e-3, 1e-2, 3e-2, 0.1)
DRAWN_SPEEDS = (0.0, 1e-4, 1e-3, 1e-2)
LEARNED = 0.1
"""The error at which a run has learned."""


def errors(order: OrderParameters) -> np.ndarray:
    """The generalisation error, in the precision of the order parameters."""
    with jax.enable_x64(True):
        return np.asarray(
            analytic.generalisation_error(
                order.decoder_overlap, order.decoder_norm, dynamics.SIGNAL
            )
        )


def errors_of_runs(order: OrderMatrices) -> np.ndarray:
    """The same of any number of units, in float64."""
    wide = jax.tree.map(np.float64, order)
    return dynamics.error_of_units(OrderMatrices(*wide))


def small_start(count: int) -> OrderParameters:
    """Where annealing is compared: small overlaps, norms of 1."""
    return OrderParameters(
        *(np.full(count, value) for value in (0.1, 0.1, 1.0, 1.0, 0.0, 1.0))
    )


def spare_start(count: int) -> OrderMatrices:
    """The same with a unit to spare; units that began alike would stay so."""
    overlaps = np.tile([0.1, 0.05], (count, 1))
    norms = np.tile(np.eye(SPARE), (count, 1, 1))
    ones = np.ones((count, SPARE))
    return OrderMatrices(overlaps, overlaps, norms, norms, 0 * norms, ones)


def trajectories(
    runs: Sequence[tuple[float, float]], units: int, smoke: bool
) -> pd.DataFrame:
    """SGD and its equation from the same start: a row a run, seed and unit of time."""
    size, time = (20, 5) if smoke else (NUM_FEATURES, TIME)
    beta, speed = map(np.asarray, zip(*runs, strict=True))
    narrow = Annealing(*(jnp.asarray(v, jnp.float32) for v in (beta, speed)))
    seeds = jnp.asarray(SEEDS, jnp.uint32)
    found = simulate(seeds, narrow, size, time, units)
    found = OrderMatrices(*(np.asarray(values) for values in found))
    rows = []
    for number, seed in enumerate(SEEDS):
        ran = OrderMatrices(*(values[number] for values in found))
        start = OrderMatrices(*(np.float64(values[0]) for values in ran))
        exact = dynamics.integrate(
            start, Annealing(beta, speed), time, flow=dynamics.slope_of_units
        )
        for k, (one, rate) in enumerate(runs):
            own = {"units": units, "beta": one, "speed": rate, "seed": seed}
            own |= {"time": np.arange(time + 1)}
            own |= {
                "sgd": errors_of_runs(ran)[:, k],
                "ode": errors_of_runs(exact)[:, k],
            }
            rows.append(pd.DataFrame(own))
    return pd.concat(rows, ignore_index=True)


def ends(smoke: bool) -> pd.DataFrame:
    """Where the equation ends with every beta, and what a small learning rate would."""
    annealing = Annealing(BETAS, np.zeros(len(BETAS)))
    rows = 2 if smoke else dynamics.LONG // 100
    found = dynamics.integrate(small_start(len(BETAS)), annealing, rows, 100, 1.0)
    theory = analytic.learned_generalisation_error(
        BETAS, dynamics.SIGNAL, dynamics.NOISE
    )
    last = {name: values[-1] for name, values in found._asdict().items()}
    return pd.DataFrame(
        {"beta": BETAS, "ode": errors(found)[-1], "theory": theory, **last}
    )


def spare_ends(smoke: bool) -> pd.DataFrame:
    """The same with a unit to spare, which fits noise of a variance above beta."""
    annealing = Annealing(BETAS, np.zeros(len(BETAS)))
    rows = 2 if smoke else dynamics.LONG // 100
    found = dynamics.integrate(
        spare_start(len(BETAS)), annealing, rows, 100, 1.0, dynamics.slope_of_units
    )
    needed = analytic.learned_generalisation_error(
        BETAS, dynamics.SIGNAL, dynamics.NOISE
    )
    theory = np.asarray(needed) + np.maximum(dynamics.NOISE - BETAS, 0)
    last = errors_of_runs(found)[-1]
    return pd.DataFrame({"beta": BETAS, "ode": last, "theory": theory})


def annealed(smoke: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How long learning takes at every speed, and the curves of some; 0 is none."""
    speeds = np.array([0.0, *SPEEDS])
    annealing = Annealing(np.ones(len(speeds)), speeds)
    start, time = small_start(len(speeds)), 5 if smoke else TIME
    error = errors(dynamics.integrate(start, annealing, time))
    rows = 2 if smoke else dynamics.LONG // 100
    last = errors(dynamics.integrate(start, annealing, rows, 100, 1.0))[-1]
    table = pd.DataFrame({"speed": speeds, "time": crossings(error), "end": last})
    curves = [
        pd.DataFrame({"speed": speed, "time": np.arange(time + 1), "ode": error[:, k]})
        for k, speed in enumerate(speeds)
        if speed in DRAWN_SPEEDS
    ]
    return table, pd.concat(curves, ignore_index=True)


def crossings(error: np.ndarray) -> np.ndarray:
    """When each column first is below `LEARNED`, between rows; NaN if never."""
    found = []
    for column in error.T:
        below = np.flatnonzero(column < LEARNED)
        if len(below) == 0:
            found.append(math.nan)
            continue
        k = int(below[0])
        if k == 0:
            found.append(0.0)
            continue
        share = (column[k - 1] - LEARNED) / (column[k - 1] - column[k])
        found.append(k - 1 + share)
    return np.array(found)


def gaps_of(paths: pd.DataFrame) -> pd.DataFrame:
    """A row a run of SGD: the largest distance from its equation, at any time."""
    gaps = paths.assign(gap=(paths["sgd"] - paths["ode"]).abs())
    return gaps.groupby(["units", "beta", "speed", "seed"])["gap"].max().reset_index()


def thinned(paths: pd.DataFrame, every: int = 10) -> pd.DataFrame:
    """Rows for the figure."""
    return paths[paths["time"] % every == 0]


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    tables = {
        name: pd.read_csv(page / f"{name}.csv")
        for name in ("paths", "ends", "spare", "speeds", "curves")
    }
    figure = figures.dynamics_figure(
        **tables, noise=dynamics.NOISE, edge=dynamics.SIGNAL + dynamics.NOISE
    )
    save_figure(figure, picture)


def main() -> None:
    """Run, judge, draw, and say where everything is."""
    arguments = page_arguments(drawn_page_parser(__doc__))
    if arguments.redraw:
        redraw_page(NAME, draw_page, of_page)
        return
    sweeps.setup_jax()
    out = arguments.out or Path("runs") / NAME
    paths = trajectories(RUNS, 1, arguments.smoke)
    both = pd.concat([paths, trajectories(SPARE_RUNS, SPARE, arguments.smoke)])
    steady, spare = ends(arguments.smoke), spare_ends(arguments.smoke)
    speeds, curves = annealed(arguments.smoke)
    print(steady.to_string(index=False, float_format="{:.4f}".format))
    print(speeds.to_string(index=False, float_format="{:.6g}".format))
    page = out / "page"
    save_rows(page, paths=thinned(paths), gaps=gaps_of(both), curves=thinned(curves))
    save_rows(page, digits=EXACT_DIGITS, ends=steady, spare=spare, speeds=speeds)
    finish_page(NAME, out, draw_page, of_page, arguments)


if __name__ == "__main__":
    main()
