"""Collapse of a deep VAE under Gaussian noise, fixed and learned: Lucas et al. (2019).

Claim: the larger the noise variance is, the more units collapse; it is the variance and
    not the deep network that decides, as in the linear VAE, and warming the weight of the
    rate up changes little. A variance that is learned from too large a start stays where
    every unit is collapsed, although another start ends at a better ELBO.
Command: `python -m experiments.deep_collapse` (`--smoke`: a few steps, no claim; `--paper`:
    MNIST with the paper's preprocessing, sizes and variances; `--data` names its folder)
Minutes: 5.3 of one CPU core; resumable. `--paper` asks for a GPU.
Numbers: `experiments/results/deep_collapse/`, told in `README.md` beside.

Digits from 0 to 1, MLPs of two layers of 128 on both sides, 20 units of z, Adam 1e-3, batch
128, 6000 steps; a linear warm-up is 2000 of them. All 72 runs are one compiled program: the
variance, whether it is learned, the schedule and the seed are data. A unit is collapsed at
eps if its KL is below eps on 99 % of the test examples. "Tuned" is the ELBO of the same
weights with the variance that is best for them, the mean squared error on the test split.
"""

import math
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments._claims.deep_collapse import of_page
from experiments._pages import (
    drawn_page_parser,
    finish_page,
    folder_for,
    page_arguments,
    redraw_page,
    save_figure,
    save_rows,
)
from experiments._parts.collapse_theory import collapse_share, collapse_thresholds
from vae_jax import assembly, data, diagnostics, figures, gaussian, results, sweeps
from vae_jax.configs import Run, from_mapping

NAME = "deep_collapse"
SEEDS = (0, 1, 2)
STEPS, WARMUP = 6000, 2000
FIXED = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
STARTS = (10.0, 1.0, 0.1, 0.01, 0.001)
BASE: dict[str, Any] = {
    "model": "mlp",
    "likelihood": "experiments._parts.started_gaussian:StartedGaussian",
    "latent_dim": 20,
    "hidden": [128, 128],
    "num_steps": STEPS,
    "log_every": 500,
}
PAPER: dict[str, Any] = {"latent_dim": 200, "hidden": [1024, 512], "num_steps": 100_000}
"""Layers of the paper; what we know of it says neither the units of z nor the steps."""
PAPER_FIXED = (30.0, 10.0, 3.0, *FIXED)
ALPHA = 1e-6
"""Keeps the logit of a pixel finite; the paper's preprocessing."""
EPS = np.linspace(0, 1.7, 86, dtype=np.float32)
ARM = ["kind", "variance", "warm_up"]


def arms_of(paper: bool) -> list[dict[str, Any]]:
    """Every variance, fixed or learned from it, without and with a warm-up."""
    fixed = PAPER_FIXED if paper else FIXED
    kinds = [("fixed", v) for v in fixed] + [("learned", v) for v in STARTS]
    return [
        {"kind": kind, "variance": variance, "warm_up": warm_up}
        for warm_up in (False, True)
        for kind, variance in kinds
    ]


def configs_of(smoke: bool, paper: bool = False) -> list[Run]:
    """Every arm with every seed."""
    base = BASE | (PAPER if paper else {})
    if smoke:
        base |= {"num_steps": 60, "hidden": [8], "log_every": 30, "eval_samples": 2}
    warm = {"schedule": "linear", "warmup_steps": base["num_steps"] * WARMUP // STEPS}
    return [
        from_mapping(
            base
            | {"variance": arm["variance"], "learned": float(arm["kind"] == "learned")}
            | (warm if arm["warm_up"] else {})
            | {"seed": seed}
        )
        for arm in arms_of(paper)
        for seed in SEEDS
    ]


def make_job(config: Run) -> assembly.Job:
    """The run of a config, with what is known of its units at its end."""
    job, kit = assembly.job(config), assembly.kit(config)
    program = job.program

    def evaluate(state: Any, key: Any, hyper: Any, splits: Any) -> dict[str, Any]:
        params = program.params(state, key, hyper, splits)
        stored = jnp.asarray(splits.evaluation)
        mean, logvar = kit.vae.encode(params, kit.prepare(None, stored))
        kl = gaussian.kl_standard(mean, logvar)
        return program.evaluate(state, key, hyper, splits) | {
            "curve": diagnostics.collapse_curve(kl, EPS),
            "collapsed": diagnostics.collapsed_units(kl),
            "moved": params["likelihood"]["logvar"],
        }

    return job._replace(program=program._replace(evaluate=evaluate))


def ends_of(
    runs: pd.DataFrame, arms: list[dict[str, Any]], pixels: int
) -> pd.DataFrame:
    """A row a run: variance, collapsed units and -ELBO, also with the best variance."""
    runs = runs.sort_values("member").reset_index(drop=True)
    rows = pd.DataFrame([arm for arm in arms for _ in SEEDS])
    rows["seed"] = runs["seed"]
    # a fixed variance has not moved, whatever the model's own number is
    moved = np.where(rows["kind"] == "learned", runs["moved"], 0.0)
    rows["final"] = rows["variance"] * np.exp(moved)
    for name in ("collapsed", "active_units", "rate", "distortion"):
        rows[name] = runs[name]
    rows["negative_elbo"] = rows["distortion"] + rows["rate"]
    error = mean_squared_error(rows["distortion"], rows["final"], pixels)
    rows["best"] = error
    rows["tuned"] = pixels / 2 * (np.log(2 * math.pi * error) + 1) + rows["rate"]
    return rows


def mean_squared_error(distortion: Any, variance: Any, pixels: int) -> Any:
    """Of a pixel, from `D = n (log(2 pi v) + error / v) / 2` nats.

    >>> v, error = 0.5, 0.1
    >>> d = 64 * (math.log(2 * math.pi * v) + error / v) / 2
    >>> round(float(mean_squared_error(d, v, 64)), 6)
    0.1
    """
    return variance * (2 * distortion / pixels - np.log(2 * math.pi * variance))


def curves_of(runs: pd.DataFrame, arms: list[dict[str, Any]]) -> pd.DataFrame:
    """A row an arm and eps: the collapsed share, mean and range over the seeds."""
    ordered = runs.sort_values("member")["curve"]
    curves = np.stack([np.asarray(one) for one in ordered])
    curves = curves.reshape(len(arms), len(SEEDS), len(EPS))
    parts = [
        pd.DataFrame(
            {**arm, "eps": EPS, "share": own.mean(axis=0)}
            | {"low": own.min(axis=0), "high": own.max(axis=0)}
        )
        for arm, own in zip(arms, curves, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def theory_of(spectrum: np.ndarray, units: int, arms: list[dict[str, Any]]) -> Any:
    """The same of the linear VAE on Gaussian data of the same covariance."""
    fixed = [arm["variance"] for arm in arms if arm["kind"] == "fixed"]
    parts = []
    for variance in dict.fromkeys(fixed):
        steps = collapse_thresholds(spectrum, units, variance)
        shares = collapse_share(steps, EPS)
        parts.append(pd.DataFrame({"variance": variance, "eps": EPS, "share": shares}))
    return pd.concat(parts, ignore_index=True)


def logit_images(folder: Path | None) -> tuple[np.ndarray, ...]:
    """MNIST as the paper has it: noise of a grey level, then the logit of every pixel."""
    dataset = data.load("mnist", folder=folder)
    rng = np.random.default_rng(0)
    found = []
    for split in (dataset.train, dataset.validation, dataset.test):
        levels = np.asarray(split.images, np.float32)
        share = (levels + rng.random(levels.shape, np.float32)) / 256
        inside = ALPHA + (1 - 2 * ALPHA) * share
        found.append(np.log(inside) - np.log1p(-inside))
    return tuple(found)


def training_images(images: tuple[np.ndarray, ...] | None) -> np.ndarray:
    """What is trained on, a row an example."""
    if images is not None:
        return images[0].reshape(len(images[0]), -1)
    dataset = data.load("digits")
    stored = np.asarray(dataset.train.images, np.float32)
    return stored.reshape(len(stored), -1) / dataset.max_value


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    tables = {n: pd.read_csv(page / f"{n}.csv") for n in ("curves", "theory", "ends")}
    save_figure(figures.collapse_figure(**tables), picture)


def save_page(page: Path, runs: pd.DataFrame, x: np.ndarray, paper: bool) -> None:
    """Print the table, and write what the claims and the figure need."""
    arms, units = arms_of(paper), int(runs["latent_dim"].iloc[0])
    spectrum = np.linalg.eigvalsh(np.cov(x.T, bias=True).astype(np.float64))[::-1]
    ends = ends_of(runs, arms, x.shape[1])
    table = ends.drop(columns="seed").groupby(ARM, sort=False).mean().reset_index()
    print(table.to_string(index=False, float_format="{:.4g}".format))
    save_rows(
        page,
        ends=ends.assign(units=units),
        table=table,
        curves=curves_of(runs, arms),
        theory=theory_of(np.clip(spectrum, 1e-9, None), units, arms),
        spectrum=pd.DataFrame({"eigenvalue": np.clip(spectrum, 0, None)}),
    )


def main() -> None:
    """Run, print the table, draw the figure, and say where everything is."""
    parser = drawn_page_parser(__doc__)
    parser.add_argument("--paper", action="store_true", help="MNIST, as in the paper")
    parser.add_argument("--data", type=Path, help="folder of MNIST, for --paper")
    arguments = page_arguments(parser)
    paper = arguments.paper
    if arguments.data is not None and not paper:
        parser.error("`--data` is the folder of MNIST: give it with `--paper`")
    name = f"{NAME}_paper" if paper else NAME
    if arguments.redraw:
        redraw_page(name, draw_page, of_page)
        return
    sweeps.setup_jax()
    images = logit_images(arguments.data) if paper else None
    configs = configs_of(arguments.smoke, paper)
    out = arguments.out or folder_for(name, configs)
    sweeps.run(configs, out, data=images, make_job=make_job)
    runs = results.read(out).runs.to_pandas()
    save_page(out / "page", runs, training_images(images), paper)
    finish_page(name, out, draw_page, of_page, arguments)


if __name__ == "__main__":
    main()
