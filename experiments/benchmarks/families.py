"""Every model family on this device: both precisions, 1 to 256 members at once.

Claim: every family takes 200 steps in float32 and in bfloat16 (float32 objective) with
    finite losses within 1 % of each other; how many member-steps a second it makes.
Command: `python -m experiments.benchmarks.families` (`--members 1 16` for fewer; `--smoke`
    for a few steps of one member). Made for an accelerator; runs on CPU.
Minutes: a few on a GPU; on 2 CPU cores 4.5 with `--members 1`.
Numbers: `experiments/results/families_DEVICE.csv`, told in `README.md` of the gallery.

Digits for images, the synthetic language for sentences; sizes are small: 256 members
fit anywhere. The loss is the mean of the last 100 steps over all members.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from experiments._pages import finish_rows, page_arguments, page_parser
from vae_jax import assembly, sweeps
from vae_jax.configs import Run, from_mapping
from vae_jax.sweeps.devices import _engine

STEPS, WINDOW = 200, 100
MEMBERS = (1, 16, 64, 256)
TOLERANCE = 0.01
IMAGES: dict[str, Any] = {"dataset": "digits", "hidden": [64, 64], "latent_dim": 8}
TEXT: dict[str, Any] = {
    "dataset": "synthetic_language",
    "likelihood": "categorical",
    "latent_dim": 8,
    "hidden": [64],
    "batch_size": 32,
}
TRANSFORMER = {**TEXT, "model": "transformer", "hidden": [64, 64]}
FAMILIES: dict[str, dict[str, Any]] = {
    "linear": {**IMAGES, "model": "linear"},
    "MLP": {**IMAGES, "model": "mlp"},
    "Lipschitz": {**IMAGES, "model": "lipschitz"},
    "convolutional": {**IMAGES, "model": "convolutional", "hidden": [32, 64]},
    "residual": {
        **IMAGES,
        "model": "convolutional",
        "hidden": [32, 64],
        "blocks": 2,
        "remat": True,
    },
    "masked": {**IMAGES, "model": "autoregressive"},
    "PixelCNN": {**IMAGES, "model": "pixelcnn", "hidden": [32] * 4},
    "LSTM": {**TEXT, "model": "lstm", "embedding": 64},
    "Transformer, prefix": {**TRANSFORMER, "latent_use": "prefix"},
    "Transformer, memory": {**TRANSFORMER, "latent_use": "memory"},
    "Transformer, add": {**TRANSFORMER, "latent_use": "add"},
}


def config_of(fields: dict[str, Any], compute: str) -> Run:
    """A run of one family."""
    shared = {"num_steps": STEPS, "log_every": WINDOW, "eval_samples": 1}
    return from_mapping({**fields, **shared, "compute": compute})


def timed(config: Run, num_members: int) -> tuple[float, float]:
    """Mean loss of the last window, and member-steps a second, compiling left out."""
    configs = [config.changed(seed=seed) for seed in range(num_members)]
    job, hypers = assembly.job(config), [assembly.hyper(one) for one in configs]
    num_windows = config.num_steps // config.log_every
    engine = sweeps.make_engine(
        job.program, hypers, job.splits, num_windows, config.log_every, num_members
    )
    members = _engine.stack_members(range(num_members), hypers, engine)
    placed = _engine.place_data(job.splits, engine)
    for _ in range(2):  # the first time compiles
        carry = engine.start(members, placed)
        jax.block_until_ready(carry.first_bad_step)
        since = time.perf_counter()
        carry = engine.advance(
            carry, members, placed, np.int32(0), np.int32(config.num_steps)
        )
        jax.block_until_ready(carry.first_bad_step)
        seconds = time.perf_counter() - since
    losses = np.asarray(carry.history.loss)[:num_members, -1]
    return float(losses.mean()), num_members * config.num_steps / seconds


def row_of(name: str, num_members: int) -> dict[str, Any]:
    """Both precisions of a family with so many members."""
    row: dict[str, Any] = {"family": name, "members": num_members}
    for compute in ("float32", "bfloat16"):
        loss, rate = timed(config_of(FAMILIES[name], compute), num_members)
        row |= {f"loss_{compute}": loss, f"member_steps_per_s_{compute}": rate}
    row["loss_ratio"] = row["loss_bfloat16"] / row["loss_float32"]
    return row


def failures(table: pd.DataFrame) -> list[str]:
    """Which families do not hold the claim."""
    wrong = table[~((table["loss_ratio"] - 1).abs() <= TOLERANCE)]
    return [
        f"{row['family']} x {row['members']}: {row['loss_ratio']:.4f}"
        for row in wrong.to_dict("records")
    ]


def options() -> argparse.Namespace:
    """From the command line."""
    parser = page_parser(__doc__)
    parser.add_argument("--members", type=int, nargs="+", default=list(MEMBERS))
    parser.add_argument("--families", nargs="+", default=list(FAMILIES))
    return page_arguments(parser, ["families"])


def shown(value: Any) -> str:
    """Four digits of a number, other things as they are."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def measured(families: Sequence[str], members: Sequence[int]) -> pd.DataFrame:
    """A row a family and number of members, printed as it comes."""
    rows = []
    for name in families:
        for number in members:
            rows.append(row_of(name, number))
            print("  ".join(f"{k}={shown(v)}" for k, v in rows[-1].items()), flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    """Measure, print, and write the table."""
    arguments = options()
    families, members = arguments.families, arguments.members
    if arguments.smoke:
        families, members = ["MLP", "LSTM"], [1]
    sweeps.setup_jax()
    device = jax.devices()[0].device_kind.replace(" ", "_")
    print(f"{jax.device_count()} x {device}")
    table = measured(families, members)
    print(f"Not within 1 %: {'; '.join(failures(table)) or 'none'}.")
    out = arguments.out or Path("runs") / "families"
    finish_rows(f"families_{device}", table, out, arguments.publish)


if __name__ == "__main__":
    main()
