"""Collapse in a VAE of two levels against exact theory: Dang et al. (2024).

Claim: trained by the sweep engine, a linear VAE of two levels ends at the optimum that the
    eigenvalues of the data predict: singular values and KL of both levels within 1 %, the
    collapsed level named right in every setting; a larger beta1 or a smaller beta2 revives
    level 2, with ReLU networks too.
Command: `python -m experiments.two_level` (`--smoke`: a few steps, no claim; `--paper`:
    the paper's data, sizes and steps)
Minutes: some 12 on one CPU core, reckoned from 0.3 ms a step of a member; resumable.
    `--paper` asks for a GPU.
Numbers: `experiments/results/two_level/`, told in `README.md` beside.

Digits, 5 units in either level, s1 = eta_enc = eta_dec = 0.5, beta1 and beta2 as the paper
has them and three settings more in which level 1 collapses too; Adam with a cosine to 0.
The linear runs train on the mean over the noise of z1 and z2 in closed form, batch by
batch: with drawn noise and 10 000 steps singular values of U2 at beta2 = 0.1 were 2 to 12 %
short (one seed), in a direction that the objective hardly sees, and with the mean 0.6 and
3 %. What is drawn in evaluation stands beside.
57 linear members are one compiled program, 48 with ReLU networks another. The paper's
linear model has 10 units in either level, on MNIST, 100 epochs of Adam 1e-3 in batches of
128; its ReLU model 16 units, layers of 256 and a tanh at every output, which is not here.

Settings are left out of the comparison, and shown, where an eigenvalue lies within 10 % of
a threshold of level 1, or the variance of a unit of z1 within 5 % of that of level 2 (it
goes as the root of an eigenvalue there): the optimum is flat in that direction.
"""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from experiments._pages import (
    FIGURES,
    RESULTS,
    drawn_page_parser,
    finish_page,
    folder_for,
    page_arguments,
    save_figure,
    save_rows,
)
from experiments._two_level import PATH, matrices
from experiments._two_level_claims import verdicts
from experiments._verdicts import as_table, print_verdicts
from vae_jax import analytic, assembly, figures, results, sweeps
from vae_jax.configs import Run

NAME = "two_level"
PAPER = "two_level_paper"
SEEDS = [0, 1, 2]
BETAS = [0.1, 0.5, 1.0, 2.0]
OTHERS = [(2.0, 4.0), (6.0, 4.0), (4.0, 6.0)]
"""(beta1, beta2) in which units of level 1 collapse, all of it, and both levels."""
RELU_BETAS = [0.1, 0.5, 2.0, 6.0]
NEAR, NEAR_TWO = 0.1, 0.05
VARIANCES = {"encoder_variance": 0.25, "prior_variance": 0.25, "variance": 0.25}
BASE: dict[str, Any] = {
    "dataset": "digits",
    "binarize": "none",
    "model": "linear",
    "likelihood": "gaussian",
    "remedy": PATH,
    "latent_dim": 5,
    "second_dim": 5,
    "expected": True,
    **VARIANCES,
    "batch_size": 300,
    "num_steps": 40_000,
    "log_every": 400,
    "learning_rate": 1e-2,
    "learning_rate_schedule": "cosine",
    "eval_split": "train",
    "precision": "highest",
}
RELU: dict[str, Any] = {
    "model": "mlp",
    "hidden": [32],
    "expected": False,
    "batch_size": 100,
    "num_steps": 1_200,
    "log_every": 120,
    "learning_rate": 3e-3,
}
AS_PAPER: dict[str, Any] = {
    "dataset": "mnist",
    "expected": False,
    "latent_dim": 10,
    "second_dim": 10,
    "batch_size": 128,
    "num_steps": 42_900,
    "log_every": 429,
    "learning_rate": 1e-3,
    "learning_rate_schedule": "constant",
    "clip_norm": 0.1,
}
RELU_AS_PAPER: dict[str, Any] = {"latent_dim": 16, "second_dim": 16, "hidden": [256]}


def linear_spec(paper: bool) -> dict[str, Any]:
    """Linear models in all settings."""
    betas = {"beta": BETAS, "beta_two": BETAS, "seed": SEEDS}
    others = [{"beta": [one], "beta_two": [two], "seed": SEEDS} for one, two in OTHERS]
    base = {**BASE, **(AS_PAPER if paper else {})}
    return {"base": base, "grid": [betas, *others]}


def relu_spec(paper: bool) -> dict[str, Any]:
    """ReLU networks in theirs."""
    base = {**BASE, **RELU, **(AS_PAPER | RELU_AS_PAPER if paper else {})}
    grid = {"beta": RELU_BETAS, "beta_two": RELU_BETAS, "seed": SEEDS}
    return {"base": base, "grid": grid}


def configs_of(paper: bool, smoke: bool) -> tuple[list[Run], list[Run]]:
    """Linear members and ReLU networks, of a few steps and one seed if asked."""
    linear, relu = map(sweeps.expand, (linear_spec(paper), relu_spec(paper)))
    if not smoke:
        return linear, relu
    small = {"num_steps": 20, "log_every": 10, "eval_samples": 1}
    return (
        [one.changed(**small) for one in linear if one["seed"] == 0],
        [one.changed(**small, hidden=(4,)) for one in relu if one["seed"] == 0],
    )


def train_covariance(config: Run) -> np.ndarray:
    """Of the training split, in the units of the model, divided by N."""
    kit = assembly.kit(config)
    images = np.asarray(kit.dataset.train.images, np.float64)
    flat = images.reshape(len(images), -1) / kit.dataset.max_value
    return np.cov(flat.T, ddof=0)


def settings_of(run: Any) -> list[float]:
    """Of one run, in the order in which the closed forms take them."""
    return [run["beta"], run["beta_two"], *(run[name] for name in VARIANCES)]


def optimum_of(run: Any, eigenvalues: np.ndarray) -> analytic.TwoLevelOptimum:
    """The closed form for one run's settings and sizes, in float64."""
    dims = int(run["latent_dim"]), int(run["second_dim"])
    with jax.enable_x64(True):
        best = analytic.two_level_optimum(eigenvalues, dims, *settings_of(run))
        return jax.tree.map(np.asarray, best)


def is_near(run: Any, eigenvalues: np.ndarray) -> bool:
    """Whether a unit is close to a threshold of its level."""
    one, two, own, _, noise = settings_of(run)
    level = two / one * noise
    first = two * noise if own >= level else one * own
    used = eigenvalues[: int(run["latent_dim"])]
    whole = np.asarray(optimum_of(run, eigenvalues).encoder) ** 2 + own
    near = (np.abs(used / first - 1) < NEAR).any()
    return bool(near or (np.abs(whole / level - 1) < NEAR_TWO).any())


def singular_values(matrix: np.ndarray) -> np.ndarray:
    """In float64, the largest first."""
    found: np.ndarray = np.linalg.svd(np.asarray(matrix, np.float64), compute_uv=False)
    return found


def unit_rows(
    run: Any, own: dict[str, Any], root: np.ndarray, best: analytic.TwoLevelOptimum
) -> list[dict[str, Any]]:
    """Singular values of both levels beside those of the optimum, a row a unit."""
    found = {
        1: singular_values(own["encoder"] @ root),
        2: singular_values(own["decoder_two"]),
    }
    theory = {1: best.encoder, 2: best.decoder_two}
    about = {name: run[name] for name in ("member", "beta", "beta_two", "seed")}
    return [
        {**about, "level": level, "unit": unit, "found": value, "theory": float(stated)}
        for level, values in found.items()
        for unit, (value, stated) in enumerate(zip(values, theory[level], strict=True))
    ]


def active_counts(units: list[dict[str, Any]], run: Any) -> dict[str, int]:
    """Units that carry 1 % of the variance of theirs, of signal against noise."""
    one, two, own, prior, noise = settings_of(run)
    shares = {1: (1.0, own), 2: (prior, two / one * noise)}
    counts = {"active_one": 0, "active_two": 0}
    for row in units:
        scale, beside = shares[row["level"]]
        signal = row["found"] ** 2 * scale
        name = "active_one" if row["level"] == 1 else "active_two"
        counts[name] += int(signal / (signal + beside) >= 0.01)
    return counts


def linear_row(
    run: Any, out: Path, covariance: np.ndarray, eigenvalues: np.ndarray
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a trained linear model is, exactly, beside the closed form."""
    params = results.load(out, int(run["member"]))
    own = {
        name: np.asarray(value, np.float64)
        for name, value in matrices(params, run["prior_variance"]).items()
    }
    best = optimum_of(run, eigenvalues)
    given = (*own.values(), covariance, *settings_of(run))
    with jax.enable_x64(True):
        exact = analytic.two_level_objective(*given)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    units = unit_rows(run, own, root, best)
    row = {name: float(value) for name, value in exact._asdict().items()}
    for name in ("distortion", "rate_one", "rate_two", "objective"):
        row[f"{name}_theory"] = float(getattr(best, name))
    row["kl_one_theory"] = float(best.kl_one.sum())
    for name in ("active_one", "active_two"):
        row[f"{name}_theory"] = int(getattr(best, name).sum())
    measured = {
        f"{name}_drawn": run[name] for name in ("rate_one", "rate_two", "kl_one")
    }
    near = is_near(run, eigenvalues)
    return row | active_counts(units, run) | measured | {"left_out": near}, units


def tables_of(
    linear_out: Path, relu_out: Path | None, config: Run
) -> dict[str, pd.DataFrame]:
    """A row a member, and a row a unit of the linear ones; `config` is one of those."""
    covariance = train_covariance(config)
    eigenvalues = np.maximum(np.linalg.eigvalsh(covariance)[::-1], 0)
    rows, units = [], []
    for run in runs_of(linear_out):
        exact, own = linear_row(run, linear_out, covariance, eigenvalues)
        rows.append(about_member(run, run["member"]) | exact)
        units += own
    first = len(rows)
    for run in [] if relu_out is None else runs_of(relu_out):
        names = ("distortion", "rate_one", "rate_two", "kl_one")
        found = {name: run[name] for name in names}
        stated = float(optimum_of(run, eigenvalues).rate_two)
        row = about_member(run, first + run["member"])
        rows.append(row | found | {"rate_two_theory": stated})
    return {
        "runs": pd.DataFrame(rows),
        "units": pd.DataFrame(units),
        "theory": theory_curves(config, eigenvalues),
        "history": levels_over_time(linear_out),
    }


def runs_of(out: Path) -> list[dict[str, Any]]:
    """The stored rows of a sweep, in the order of its members."""
    runs = results.read(out).runs.to_pandas().sort_values("member")
    return [
        {str(name): value for name, value in r.items()} for r in runs.to_dict("records")
    ]


def about_member(run: dict[str, Any], member: int) -> dict[str, Any]:
    """What a row begins with."""
    kept = ("model", "beta", "beta_two", "seed", "status")
    return {"member": member} | {name: run[name] for name in kept}


def theory_curves(config: Run, eigenvalues: np.ndarray) -> pd.DataFrame:
    """KL of both levels of the linear model on a fine grid of beta1."""
    ones = np.geomspace(0.08, 7.5, 120)
    twos = np.array(sorted({*BETAS, *RELU_BETAS}))
    dims = config["latent_dim"], config["second_dim"]
    grid = ones[:, None], twos[None]
    best = analytic.two_level_optimum(eigenvalues, dims, *grid, *VARIANCES.values())
    one, two = np.meshgrid(ones, twos, indexing="ij")
    columns = {
        "beta": one,
        "beta_two": two,
        "kl_one": best.kl_one.sum(axis=-1),
        "rate_two": best.rate_two,
    }
    return pd.DataFrame({name: np.ravel(value) for name, value in columns.items()})


def levels_over_time(out: Path) -> pd.DataFrame:
    """Rates of both levels while the linear runs train, ten rows of each."""
    history = results.read(out).metrics.to_pandas()
    every = max(1, history["step"].nunique() // 10)
    steps = np.sort(history["step"].unique())[every - 1 :: every]
    kept = ["member", "step", "distortion", "rate_one", "rate_two"]
    return history[history["step"].isin(steps)][kept].sort_values(["member", "step"])


def shown(runs: pd.DataFrame) -> pd.DataFrame:
    """Means over the seeds of what matters most, a row a setting."""
    names = ["kl_one", "rate_two", "rate_two_theory", "active_one", "active_two"]
    by_setting = runs.groupby(["model", "beta", "beta_two"])[names]
    means: pd.DataFrame = by_setting.mean()
    return means


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    tables = (pd.read_csv(page / f"{name}.csv") for name in ("runs", "units", "theory"))
    save_figure(figures.two_level_figure(*tables), picture)


def main() -> None:
    """Run, print the table and the verdicts, draw the figure."""
    parser = drawn_page_parser(__doc__)
    parser.add_argument("--paper", action="store_true", help="as the paper; for a GPU")
    arguments = page_arguments(parser)
    name = PAPER if arguments.paper else NAME
    if arguments.redraw:
        draw_page(RESULTS / name, FIGURES / f"{name}.png")
        return
    sweeps.setup_jax()
    linear, relu = configs_of(arguments.paper, arguments.smoke)
    out = arguments.out or folder_for(name, [*linear, *relu])
    sweeps.run(linear, out / "linear")
    sweeps.run(relu, out / "relu")
    tables = tables_of(out / "linear", out / "relu", linear[0])
    print(shown(tables["runs"]).to_string(float_format="{:.3f}".format))
    found = verdicts(tables["runs"], tables["units"])
    print_verdicts(found)
    save_rows(out / "page", verdicts=as_table(found), **tables)
    finish_page(name, out, draw_page, arguments.publish)


if __name__ == "__main__":
    main()
