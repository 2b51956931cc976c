"""The linear VAE of `ppca_landscape`, trained by samples of z and by its closed form."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd

from vae_jax import analytic, assembly, data, training, userdata
from vae_jax.configs import Run, from_mapping

SEEDS = (0, 1, 2)
MOMENTS = (0, 10, 30, 100, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000, 7000)
MOMENTS += (10_000, 14_000, 17_000)
"""Steps before which the exact ELBO of the parameters is taken, and at the end."""

BASE: dict[str, Any] = {
    "model": "linear",
    "likelihood": "gaussian_learned",
    "num_steps": 20_000,
    "log_every": 200,
    "learning_rate": 1e-2,
    "learning_rate_schedule": "cosine",
    "eval_split": "train",
    "eval_samples": 4,
    "precision": "highest",
}
WAYS = {"samples of z": 128, "analytic": 1}
"""Examples of a batch; the analytic objective has all of them in their covariance, and one
is carried along."""


def centred(x: np.ndarray) -> data.Dataset:
    """Examples less their mean, evaluated on what they are trained on."""
    rows = (x - x.mean(axis=0)).astype(np.float32)
    split = data.Split(rows, np.full(len(rows), -1, np.int32))
    return data.Dataset("centred", split, split, split, max_value=1, kind="real")


def configs_of(x: np.ndarray, units: int) -> list[Run]:
    """Both objectives with every seed."""
    base = {**BASE, "latent_dim": units, "dataset": userdata.hold(centred(x)).dataset}
    return [
        from_mapping({**base, "batch_size": size, "seed": seed})
        for size in WAYS.values()
        for seed in SEEDS
    ]


def exact_terms(params: Any, covariance: Any) -> analytic.LinearObjective:
    """Distortion and rate of a linear VAE on centred data, whatever its biases.

    With `z = V x + a` and `W z + c` these add `|W a + c|^2 / (2 v)` and `|a|^2 / 2`.
    """
    encoder, decoder = params["encoder"], params["decoder"]["output"]
    w, a = decoder["kernel"].T, encoder["mean"]["bias"]
    logvar = params["likelihood"]["logvar"]
    terms = analytic.linear_vae_objective(
        w,
        encoder["mean"]["kernel"].T,
        jnp.exp(encoder["logvar"]),
        covariance,
        1.0,
        jnp.exp(logvar),
    )
    shift = jnp.sum(jnp.square(w @ a + decoder["bias"])) / 2 * jnp.exp(-logvar)
    distortion, rate = terms.distortion + shift, terms.rate + jnp.sum(jnp.square(a)) / 2
    return analytic.LinearObjective(distortion, rate, distortion + rate)


def make_job(config: Run) -> assembly.Job:
    """The run of a config, by samples or analytically, with its exact ELBO on the way."""
    job, kit = assembly.job(config), assembly.kit(config)
    rows = kit.dataset.train.images.astype(np.float64)
    covariance = jnp.asarray(rows.T @ rows / len(rows), jnp.float32)

    def observe(params: Any, key: Any, hyper: Any, splits: Any) -> dict[str, Any]:
        del key, hyper, splits
        w = params["decoder"]["output"]["kernel"].T
        return {
            "elbo": -exact_terms(params, covariance).objective,
            "gram": w.T @ w,
            "variance": jnp.exp(params["likelihood"]["logvar"]),
        }

    program = job.program
    if config["batch_size"] == WAYS["analytic"]:
        program = analytic_program(config, kit, covariance, program)
    moments = moments_of(config.num_steps)
    return job._replace(program=training.with_snapshots(program, moments, observe))


def moments_of(num_steps: int) -> list[int]:
    """The moments that a run of so many steps has before its end."""
    return [step for step in MOMENTS if step < num_steps]


def analytic_program(
    config: Run, kit: assembly.Kit, covariance: Any, sampled: training.Program
) -> training.Program:
    """Trained by the closed form of the same objective; all else is as with samples."""

    def objective(params: Any, batch: Any, hyper: Any, keys: Any) -> Any:
        del hyper, keys
        one = jnp.ones(len(batch), jnp.float32)
        terms = exact_terms(params, covariance)
        rate = terms.rate * one
        return terms.objective * one, training.Terms(terms.distortion * one, rate, rate)

    optimizer = config.optimizer.make()
    step = training.make_step(objective, optimizer)
    return training.make_program(
        kit.vae.init, step, optimizer, kit.prepare, sampled.evaluate, config.batch_size
    )


def curves_of(runs: pd.DataFrame, best: float) -> pd.DataFrame:
    """What is left to the log marginal likelihood, a row a run and moment."""
    ways, rows = {size: way for way, size in WAYS.items()}, []
    for run in runs.to_dict("records"):
        steps = [*moments_of(run["num_steps"]), run["num_steps"]]
        for step, elbo in zip(steps, run["snapshots/elbo"], strict=True):
            rows.append(
                {"training": ways[run["batch_size"]], "seed": run["seed"]}
                | {"step": step, "elbo": elbo, "gap": best - elbo}
            )
    return pd.DataFrame(rows)


def grams_of(runs: pd.DataFrame, eigenvalues: np.ndarray, units: int) -> pd.DataFrame:
    """How far W'W of the trained models is from the eigenvalues less the variance.

    `off` is the largest entry beside the diagonal, `diagonal` the largest error on it, in
    order; both as shares of the largest entry of theory.
    """
    ways, rows = {size: way for way, size in WAYS.items()}, []
    noise = float(eigenvalues[units:].mean())
    theory = eigenvalues[:units] - noise
    for run in runs.to_dict("records"):
        gram = np.array([list(row) for row in run["snapshots/gram"][-1]])
        own = np.sort(np.diag(gram))[::-1]
        off = np.abs(gram - np.diag(np.diag(gram))).max()
        rows.append(
            {"training": ways[run["batch_size"]], "seed": run["seed"]}
            | {
                "off": off / theory[0],
                "diagonal": np.abs(own - theory).max() / theory[0],
            }
            | {"variance": float(run["snapshots/variance"][-1]), "noise theory": noise}
        )
    return pd.DataFrame(rows)
