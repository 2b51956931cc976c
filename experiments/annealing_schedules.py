"""Annealing schedules and posterior collapse on real images: the main job.

Claim: on binarised digits, a decoder that sees all previous pixels collapses at a beta at
    which an MLP decoder keeps its latent code; a smaller receptive field and free bits
    bring information back; annealing beta alone does not, once beta has arrived.
Command: `python -m experiments.annealing_schedules`
    (`--smoke`: under 40 s, `--full`: the complete grid, resumable)
Minutes: 5 on 2 CPU cores; hours for `--full`, see `experiments/README.md`.
Numbers: the table it prints, committed as `experiments/results/annealing_schedules.csv`.

Nats per example, on the test split, at beta = 1; spread is the range over seeds.
"""

import argparse
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from vae_jax import build, figures, models, results, sweeps
from vae_jax.configs import RunConfig, to_mapping

HERE = Path(__file__).parent
SCHEDULES = ["constant", "linear", "sigmoid", "cosine", "cyclical"]
ANNEALED = SCHEDULES[1:]
BASE: dict[str, Any] = {
    "dataset": "digits",
    "binarize": "static",
    "latent_dim": 8,
    "hidden": [512, 512],
    "num_steps": 1500,
    "eval_split": "test",
}
FINAL_BETA = 2.0
FREE_BITS = 0.2
SEEDS = [0, 1, 2]
AR = "autoregressive"


def default_spec() -> dict[str, Any]:
    """The part of the grid that finishes within 5 minutes on 2 cores."""
    ar, seeds = {"model": [AR]}, {"seed": SEEDS}
    final = {"beta": [FINAL_BETA]}
    windows = {"window": [2, 8, "full"]}
    return {
        "base": BASE,
        "grid": [
            {"model": ["mlp"], "beta": [1.0, FINAL_BETA], **seeds},
            {"model": ["mlp"], **final, "schedule": ANNEALED, **seeds},
            {**ar, **windows, **final, **seeds},
            {**ar, "window": ["full"], "beta": [1.0], **seeds},
            {**ar, "window": ["full"], **final, "schedule": ANNEALED, **seeds},
            {**ar, "window": ["full"], **final, "free_bits": [FREE_BITS], **seeds},
        ],
    }


def full_spec() -> dict[str, Any]:
    """Every schedule x beta x decoder x free bits x seed."""
    shared = {
        "schedule": SCHEDULES,
        "beta": [0.5, 1.0, FINAL_BETA, 4.0],
        "free_bits": [0.0, FREE_BITS],
        "seed": SEEDS,
    }
    windows = {"model": [AR], "window": [2, 8, "full"]}
    return {"base": BASE, "grid": [{"model": ["mlp"], **shared}, {**windows, **shared}]}


def smoke_spec() -> dict[str, Any]:
    """The same path from end to end with a few steps; shows nothing."""
    small = {**BASE, "hidden": [32, 32], "num_steps": 100, "eval_samples": 4}
    shared = {"beta": [FINAL_BETA], "schedule": ["constant", "linear"], "seed": [0]}
    return {
        "base": small,
        "grid": [
            {"model": ["mlp"], **shared},
            {
                "model": [AR],
                "window": ["full"],
                **shared,
                "free_bits": [0.0, FREE_BITS],
            },
        ],
    }


SETTINGS = ["decoder", "free_bits", "beta", "schedule"]
NUMBERS = {
    "rate": "rate",
    "distortion": "distortion",
    "nll": "NLL",
    "mutual_information": "MI",
    "active_units": "active",
    "collapsed_units": "collapsed",
}


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a setting: mean over seeds, the range where there are several, verdicts."""
    rows = []
    for key, group in runs.groupby(SETTINGS, sort=False):
        row = dict(zip(SETTINGS, key, strict=True)) | {"seeds": len(group)}
        for name, label in NUMBERS.items():
            row[label] = group[name].mean()
            row[f"{label} min"], row[f"{label} max"] = (
                group[name].min(),
                group[name].max(),
            )
        row["verdict"] = ", ".join(
            f"{count} {label}"
            for label, count in group["verdict"].value_counts().items()
        )
        rows.append(row)
    return pd.DataFrame(rows)


def print_table(table: pd.DataFrame) -> None:
    """For the terminal: `mean [min, max]` of every number."""
    shown = table[[*SETTINGS, "seeds"]].copy()
    for label in NUMBERS.values():
        digits = 3 if label in ("rate", "MI") else 1
        shown[label] = [
            f"{m:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
            for m, low, high in zip(
                table[label], table[f"{label} min"], table[f"{label} max"], strict=True
            )
        ]
    shown["verdict"] = table["verdict"]
    print("Nats per example on the test split: mean over seeds [min, max].")
    print(shown.to_string(index=False))


def choose(runs: pd.DataFrame) -> dict[str, int]:
    """The members whose pictures are shown, by title."""
    plain = runs[(runs["beta"] == FINAL_BETA) & (runs["schedule"] == "constant")]
    full = plain[plain["decoder"] == "autoregressive, full"]
    wanted = {
        "full-window decoder": full[full["free_bits"] == 0],
        f"the same + free bits {FREE_BITS:g}": full[full["free_bits"] > 0],
        "MLP decoder": plain[(plain["decoder"] == "MLP") & (plain["free_bits"] == 0)],
    }
    chosen = {}
    for title, rows in wanted.items():
        first = rows.sort_values("seed").iloc[0]
        chosen[f"{title}: {first['verdict']}"] = int(first["member"])
    return chosen


def pictures(config: RunConfig, params: Any, num: int = 8) -> dict[str, np.ndarray]:
    """Test images, their reconstructions, samples, and a path between two codes."""
    dataset = build.load_dataset(config.dataset, folder=config.data_folder)
    shape = dataset.train.images.shape[1:]
    vae = build.model(config, shape)
    knobs, density = build.hyper(config).knobs, build.likelihood(config)
    images = build.prepare(config, dataset.max_value)(None, dataset.test.images[:num])
    draw_key, prior_key = jax.random.split(jax.random.key(0))
    mean = vae.encode(params, images, knobs=knobs).mean
    share = np.linspace(0, 1, num, dtype=np.float32)[:, None]
    path = (1 - share) * mean[:1] + share * mean[1:2]
    prior = jax.random.normal(prior_key, mean.shape)
    # one key for all: images differ only where z makes them differ
    one_key = jax.numpy.broadcast_to(draw_key, (num,))
    own_keys = jax.random.split(draw_key, num)

    def draw(keys: jax.Array, z: jax.Array) -> np.ndarray:
        return np.asarray(
            models.sample(keys, vae, density, params, z, shape, knobs=knobs)
        )

    return {
        "test images": np.asarray(images),
        "reconstructions": draw(one_key, mean),
        "z from image 1 to 2": draw(one_key, path),
        "samples": draw(own_keys, prior),
    }


def main() -> None:
    """Run, print the table, draw the figure, and say where everything is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--smoke", action="store_true", help="under 40 s; shows nothing")
    size.add_argument(
        "--full", action="store_true", help="the complete grid; resumable"
    )
    parser.add_argument(
        "--out", type=Path, help="folder; runs/annealing-HASH by default"
    )
    arguments = parser.parse_args()
    sweeps.setup_jax()
    spec = (
        full_spec()
        if arguments.full
        else smoke_spec()
        if arguments.smoke
        else default_spec()
    )
    configs = sweeps.expand(spec)
    digest = results.spec_hash({"configs": [to_mapping(c) for c in configs]})
    out = arguments.out or Path("runs") / f"annealing-{digest[:12]}"
    stored = sweeps.run(configs, out)
    runs = stored.runs.to_pandas()
    runs["decoder"] = [figures.decoder_label(run) for run in runs.to_dict("records")]
    table = summarise(runs)
    print_table(table)
    shown = {
        title: pictures(configs[member], results.load(out, member))
        for title, member in choose(runs).items()
    }
    figure = figures.annealing_figure(
        runs, stored.metrics.to_pandas(), shown, FINAL_BETA
    )
    table.to_csv(out / "annealing_schedules.csv", index=False, float_format="%.5g")
    figure.savefig(out / "annealing_schedules.png", dpi=110)
    print(f"\nResults, table and figure: {out}")


if __name__ == "__main__":
    main()
