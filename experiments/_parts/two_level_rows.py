"""Rows of the page of two levels: what each run became, beside its closed form."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from experiments._parts.two_level_training import matrices
from vae_jax import analytic, assembly, results
from vae_jax.configs import Run

BETAS = [0.1, 0.5, 1.0, 2.0]
RELU_BETAS = [0.1, 0.5, 2.0, 6.0]
NEAR, NEAR_TWO = 0.1, 0.05
VARIANCES = {"encoder_variance": 0.25, "prior_variance": 0.25, "variance": 0.25}


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
