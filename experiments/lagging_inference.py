"""Lagging inference and aggressive training: He et al. (2019), the synthetic experiment.

Claim: basic training collapses because the encoder lags: at first the true posterior moves
    and the encoder does not, then the model gives up. An encoder that is trained until it
    stops improving before each step of the decoder follows the true posterior (correlation
    above 0.9), keeps over 0.8 nats of KL and of information, and ends at the same ELBO.
Command: `python -m experiments.lagging_inference` (`--smoke`: a few steps, no claim)
Minutes: 24 of one CPU core; resumable.
Numbers: `experiments/results/lagging_inference/`, told in `README.md` beside.

Sentences of an LSTM with a code, drawn exactly as the authors drew theirs
(`vae_jax.text.synthetic_language`); LSTMs of 50 units with embeddings of 50 and one unit of
z; dropout 0.5; SGD at 1.0 with its gradients clipped to 5, halved where the validation loss
stops falling. Three seeds a way of training. The true posterior is computed on a grid.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments._claims.lagging_inference import of_page
from experiments._pages import (
    drawn_page_parser,
    finish_page,
    folder_for,
    page_arguments,
    redraw_page,
    save_figure,
    save_rows,
)
from experiments._parts.he_sentences import MODEL, true_posterior
from experiments._pictures import load_arrays, save_arrays
from vae_jax import (
    assembly,
    diagnostics,
    figures,
    gaussian,
    likelihoods,
    results,
    sweeps,
    training,
)
from vae_jax.configs import Run, from_mapping
from vae_jax.vae import VAE

NAME = "lagging_inference"
SEEDS = (0, 1, 2)
WAYS = {"basic": "joint", "aggressive": "aggressive"}
MOMENTS = (0, 200, 2000)
BASE: dict[str, Any] = {
    **MODEL,
    "halve_on_plateau": True,
    "batch_size": 16,
    "num_steps": 40_000,
    "log_every": 100,
    "eval_samples": 50,
}
NUM_POINTS = 500
GRID = np.arange(-200, 200, dtype=np.float32) / 10
COARSE = np.arange(-20, 20, dtype=np.float32)


def configs_of(smoke: bool) -> list[Run]:
    """Both ways of training with every seed."""
    configs = [
        from_mapping({**BASE, "inference": inference, "seed": seed})
        for inference in WAYS.values()
        for seed in SEEDS
    ]
    small = {"num_steps": 100, "hidden": (8,), "eval_samples": 2, "embedding": 8}
    return [c.changed(**small) for c in configs] if smoke else configs


def moments_of(smoke: bool) -> tuple[int, ...]:
    """Steps at which a run is observed, besides its end."""
    return MOMENTS[:1] if smoke else MOMENTS


def make_job(smoke: bool) -> Callable[[Run], assembly.Job]:
    """The run of a config, observed on the way."""

    def make(config: Run) -> assembly.Job:
        job, kit = assembly.job(config), assembly.kit(config)
        observe = observer(kit.vae, kit.density, COARSE if smoke else GRID)
        aggressive = config["inference"] == "aggressive"
        settle = settled(config, kit) if aggressive else None
        program = training.with_snapshots(
            job.program, moments_of(smoke), observe, settle=settle
        )
        return job._replace(program=program)

    return make


def observer(
    vae: VAE, density: likelihoods.Likelihood, grid: np.ndarray
) -> Callable[..., dict[str, Any]]:
    """What a run is asked on the way: both means of z, and how much the code says."""

    def observe(params: Any, key: Any, hyper: Any, data: Any) -> dict[str, Any]:
        del key, hyper
        x = jnp.asarray(data.train)[:NUM_POINTS]

        exact = true_posterior(vae, density, params, x, grid)
        posterior = vae.encode(params, jnp.asarray(data.evaluation))
        information = diagnostics.mutual_information(training.member_key(0), *posterior)
        return {
            "model": exact.mean[:, 0],
            "encoder": vae.encode(params, x).mean[:, 0],
            "rate": jnp.mean(gaussian.kl_standard(*posterior).sum(axis=-1)),
            "information": information.value,
            "active": diagnostics.active_units(posterior.mean),
        }

    return observe


def settled(config: Run, kit: assembly.Kit) -> Callable[..., Any]:
    """Parameters after the inner loop of a step, before its update of the decoder.

    At a learning rate of 1 every update moves the true posterior: just after one, the slope
    of the encoder's means over the true ones is anything between 0.6 and 2.
    """

    def loss(params: Any, batch: Any, hyper: Any, keys: Any) -> Any:
        now = assembly.objective(hyper.settings, kit.vae, kit.density, kit.facts)
        return now(params, batch, hyper, keys)

    settle = training.make_settle(
        loss, config.optimizer.make(), kit.prepare, config.batch_size
    )

    def params(state: Any, *rest: Any) -> Any:
        # the run inside of what halves the learning rate
        return settle(state.run, *rest)[0].params

    return params


def table_of(runs: pd.DataFrame, moments: Sequence[int]) -> pd.DataFrame:
    """A row a run and moment: spreads and agreement of both means, KL, MI."""
    ways, rows = {inference: way for way, inference in WAYS.items()}, []
    for _, run in runs.iterrows():
        # evaluated at the end of a run only
        final = run["distortion"] + run["rate"]
        for index, moment in enumerate([*moments, run["num_steps"]]):
            model, encoder = (
                np.asarray(run[f"snapshots/{name}"][index])
                for name in ("model", "encoder")
            )
            rows.append(
                {"training": ways[run["inference"]], "seed": run["seed"]}
                | {
                    "step": moment,
                    "std_model": model.std(),
                    "std_encoder": encoder.std(),
                }
                | agreement(model, encoder)
                | {"rate": run["snapshots/rate"][index]}
                | {"mutual_information": run["snapshots/information"][index]}
                | {"active_units": int(run["snapshots/active"][index])}
                | {"negative_elbo": final if moment == run["num_steps"] else math.nan}
            )
    return pd.DataFrame(rows)


def phase_of(runs: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """How aggressive runs go: if they still are, by the information of the last check."""
    aggressive = runs[runs["inference"] == "aggressive"][["member", "seed"]]
    columns = ["seed", "step", "aggressive", "mutual_information", "rate", "distortion"]
    return history.merge(aggressive, on="member")[columns]


def agreement(model: np.ndarray, encoder: np.ndarray) -> dict[str, float]:
    """Slope of the encoder's mean over the model's, and their correlation.

    0 where one of them does not move at all.
    """
    if min(model.std(), encoder.std()) == 0:
        return {"slope": 0.0, "correlation": 0.0}
    correlation = float(np.corrcoef(model, encoder)[0, 1])
    return {
        "slope": correlation * float(encoder.std() / model.std()),
        "correlation": correlation,
    }


def points_of(runs: pd.DataFrame) -> dict[str, np.ndarray]:
    """The means of the first seed, `(moments, 2, examples)`, for each way of training."""
    found = {}
    for way, inference in WAYS.items():
        mine = runs[(runs["inference"] == inference) & (runs["seed"] == SEEDS[0])]
        run = mine.iloc[0]
        parts = [
            np.stack(list(map(np.asarray, run[f"snapshots/{name}"])))
            for name in ("model", "encoder")
        ]
        found[way] = np.stack(parts, axis=1).astype(np.float32)
    return found


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    points = load_arrays(page / "points.npz")["points"]
    steps = sorted(set(pd.read_csv(page / "table.csv")["step"]))
    moments = [f"{step} steps" for step in steps]
    figure = figures.mean_space_figure(points, moments, SEEDS[0])
    save_figure(figure, picture)


def main() -> None:
    """Run, print the table, draw the figure, and say where everything is."""
    arguments = page_arguments(drawn_page_parser(__doc__))
    if arguments.redraw:
        redraw_page(NAME, draw_page, of_page)
        return
    sweeps.setup_jax()
    configs = configs_of(arguments.smoke)
    out = arguments.out or folder_for(NAME, configs)
    sweeps.run(configs, out, make_job=make_job(arguments.smoke))
    runs, history = results.read(out).to_pandas()
    table = table_of(runs, moments_of(arguments.smoke))
    print(table.to_string(index=False, float_format="{:.3f}".format))
    save_rows(out / "page", table=table, phase=phase_of(runs, history))
    save_arrays(out / "page" / "points.npz", {"points": points_of(runs)})
    finish_page(NAME, out, draw_page, of_page, arguments)


if __name__ == "__main__":
    main()
