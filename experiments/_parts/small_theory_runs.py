"""The trained models of `small_theory`: each kind is one compiled program of the engine.

What the members of a kind differ in, the correlation of a linear CVAE or the pixels of a
one-bit VAE, is data of the program, and is numbered by the seed of the run.
"""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments._parts.small_theory_bits import (
    ONE_BIT,
    PER_CASE,
    PIXELS,
    bit_job,
    bit_rows,
    cases,
)
from vae_jax import (
    Conditioned,
    analytic,
    assembly,
    diagnostics,
    gaussian,
    sweeps,
    training,
    userdata,
)
from vae_jax.configs import Run

CORRELATIONS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99)
SPECTRUM, LEVEL = (3.0, 2.0, 1.0, 0.5), 0.5
"""Eigenvalues of the data, and beta times the noise variance."""

EXAMPLES = 256
BETAS, UNITS, UNIT_SEEDS = (1.0, 2.0), 16, (0, 1, 2, 3, 4)

CVAE: dict[str, Any] = {
    "model": "linear",
    "latent_dim": len(SPECTRUM),
    "likelihood": "gaussian",
    "variance": LEVEL,
    "condition": "covariates",
    "batch_size": EXAMPLES,
    "num_steps": 6000,
    "log_every": 200,
    "learning_rate": 1e-2,
    "learning_rate_schedule": "cosine",
    "eval_split": "train",
    "precision": "highest",
}
ACTIVE: dict[str, Any] = {
    "dataset": "digits",
    "model": "mlp",
    "hidden": [64],
    "latent_dim": UNITS,
    "batch_size": 128,
    "num_steps": 8000,
    "log_every": 200,
    "learning_rate": 1e-3,
    "learning_rate_schedule": "cosine",
    "eval_split": "train",
}


def whitened() -> tuple[np.ndarray, np.ndarray]:
    """Noise and condition with the mean 0 and the covariance I, together and exactly."""
    size = len(SPECTRUM)
    drawn = np.random.default_rng(2024).normal(size=(EXAMPLES, 2 * size))
    left, _, right = np.linalg.svd(drawn - drawn.mean(axis=0), full_matrices=False)
    rows = left @ right * np.sqrt(EXAMPLES)
    return rows[:, :size], rows[:, size:]


def mixed(noise: Any, condition: Any, correlation: Any) -> Any:
    """`x = L^(1/2) (rho c + sqrt(1 - rho^2) e)`: every x_i correlates by rho with its c_i.

    So `Cov(x) = L` whatever rho is, and `Cov(x | c) = (1 - rho^2) L`.
    """
    scale = np.sqrt(np.asarray(SPECTRUM, np.float32))[None]
    own = condition * correlation + noise * (1 - correlation**2) ** 0.5
    return own * scale


class Told(NamedTuple):
    """Settings of a linear CVAE: those of every run, and the correlation of x and c."""

    run: training.Hyper
    correlation: Any


def cvae_configs() -> list[Run]:
    """A linear CVAE a correlation and seed."""
    noise, condition = (part.astype(np.float32) for part in whitened())
    few = slice(0, 8)  # never looked at
    held = userdata.hold(
        userdata.from_arrays(
            noise,
            noise[few] + 9,
            noise[few] - 9,
            values="real",
            conditions=[condition, condition[few], condition[few]],
        )
    )
    return cases({**CVAE, "dataset": held.dataset}, len(CORRELATIONS))


def cvae_job(config: Run) -> assembly.Job:
    """The run of a config, on data of its own correlation."""
    job, kit = assembly.job(config), assembly.kit(config)
    inner = job.program

    def seen(splits: Any, hyper: Told) -> Any:
        own = splits.train
        x = mixed(own.x, own.condition, hyper.correlation)
        return splits._replace(train=Conditioned(x, own.condition))

    def init(key: Any, hyper: Told, splits: Any) -> Any:
        return inner.init(key, hyper.run, seen(splits, hyper))

    def step(state: Any, t: Any, key: Any, hyper: Told, splits: Any) -> Any:
        return inner.step(state, t, key, hyper.run, seen(splits, hyper))

    def evaluate(state: Any, key: Any, hyper: Told, splits: Any) -> dict[str, Any]:
        del key
        x = seen(splits, hyper).train
        found = kit.vae.encode(state.train.params, x, knobs=hyper.run.knobs)
        kl = jnp.mean(gaussian.kl_standard(found.mean, found.logvar), axis=0)
        return {"kl": kl, "rate": jnp.sum(kl)}

    def params(state: Any, key: Any, hyper: Told, splits: Any) -> Any:
        return inner.params(state, key, hyper.run, splits)

    program = training.Program(init, step, evaluate, params)
    correlation = np.float32(CORRELATIONS[config.seed // PER_CASE])
    return job._replace(program=program, hyper=Told(job.hyper, correlation))


def cvae_theory(correlation: float) -> float:
    """The rate of the best linear CVAE of the same data, in nats."""
    noise, condition = whitened()
    moments = analytic.joint_moments(mixed(noise, condition, correlation), condition)
    with jax.enable_x64(True):
        best = analytic.linear_cvae_optimum(moments, len(SPECTRUM), 1.0, LEVEL)
    return float(best.rate)


def cvae_lines() -> pd.DataFrame:
    """The same of the population, finely: `sum_i max(0, log((1 - rho^2) L_i / s)) / 2`."""
    rho = np.linspace(0, 0.995, 200)
    left = np.outer(1 - rho**2, SPECTRUM)
    theory = np.maximum(np.log(left / LEVEL), 0).sum(axis=1) / 2
    return pd.DataFrame({"correlation": rho, "theory": theory})


def units_job(config: Run) -> assembly.Job:
    """The run of a config, evaluated by the variance of every unit's posterior mean."""
    job, kit = assembly.job(config), assembly.kit(config)

    def evaluate(state: Any, key: Any, hyper: Any, splits: Any) -> dict[str, Any]:
        del key
        x = kit.prepare(None, jnp.asarray(splits.evaluation))
        found = kit.vae.encode(state.train.params, x, knobs=hyper.knobs)
        return {
            "mean_variance": diagnostics.posterior_mean_variance(found.mean),
            "kl": jnp.mean(gaussian.kl_standard(found.mean, found.logvar), axis=0),
        }

    return job._replace(program=job.program._replace(evaluate=evaluate))


def configs_of(smoke: bool) -> dict[str, list[Run]]:
    """All runs, by the folder that they are in; of a few steps if asked."""
    units = {"beta": list(BETAS), "seed": list(UNIT_SEEDS)}
    found = {
        "cvae": cvae_configs(),
        "one_bit": cases(ONE_BIT, len(PIXELS)),
        "units": sweeps.expand({"base": ACTIVE, "grid": [units]}),
    }
    if not smoke:
        return found
    small = {"num_steps": 100, "log_every": 100}
    return {name: [one.changed(**small) for one in own] for name, own in found.items()}


JOBS = {"cvae": cvae_job, "one_bit": bit_job, "units": units_job}


def trained(configs: dict[str, list[Run]], out: Path) -> dict[str, pd.DataFrame]:
    """Tables of what was trained, beside theory where there is one."""
    runs = {}
    for name, own in configs.items():
        options = sweeps.Options(width=len(own))
        stored = sweeps.run(own, out / name, options, make_job=JOBS[name])
        runs[name] = stored.runs.to_pandas()
    return {
        "cvae": cvae_rows(runs["cvae"]),
        "one_bit": bit_rows(runs["one_bit"]),
        "units": unit_rows(runs["units"]),
    }


def cvae_rows(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a correlation and seed."""
    case, seed = np.divmod(runs["seed"].to_numpy(), PER_CASE)
    rho = np.asarray(CORRELATIONS)[case]
    found = {"correlation": rho, "seed": seed, "rate": runs["rate"].to_numpy()}
    best = {one: cvae_theory(one) for one in CORRELATIONS}
    found["theory"] = np.array([best[one] for one in rho])
    left = np.outer(1 - rho**2, SPECTRUM) / LEVEL
    # there the optimum is flat
    found["near"] = (np.abs(left - 1) < 0.1).any(axis=1)
    return pd.DataFrame(found)


def unit_rows(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a beta, seed and unit."""
    rows = []
    for run in runs.to_dict("records"):
        pairs = zip(run["mean_variance"], run["kl"], strict=True)
        rows += [
            {"beta": run["beta"], "seed": run["seed"], "unit": unit}
            | {"mean_variance": float(spread), "kl": float(kl)}
            for unit, (spread, kl) in enumerate(pairs)
        ]
    return pd.DataFrame(rows)
