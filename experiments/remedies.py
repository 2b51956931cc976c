"""Remedies for posterior collapse on equal footing: one strong decoder, one budget.

Claim: with a decoder that sees all previous pixels and beta = 2, the plain objective
    collapses; the table says what every remedy of the literature makes of it, what it
    costs, and whether the rate that it keeps is information.
Command: `python -m experiments.remedies` (`--smoke`: a few steps of one remedy of each kind
    of program; shows nothing)
Minutes: 44 of one CPU core; resumable.
Numbers: `experiments/results/remedies/`, told in `README.md` beside.

All share data (binarised digits), model (but for what a remedy changes of it), optimiser,
seeds and 2000 updates of the decoder, but for pre-training, whose decoder is drawn anew at
step 500 and has 1500. Gradient evaluations are counted per decoder update.
Everything is evaluated on the test split at beta = 1, in nats per example.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pandas as pd

from experiments._claims.remedies import of_page
from experiments._pages import (
    drawn_page_parser,
    finish_page,
    folder_for,
    page_arguments,
    redraw_page,
    save_figure,
    save_rows,
)
from experiments._table import summarise
from vae_jax import figures, results, sweeps, trained
from vae_jax.configs import Run, from_mapping, to_mapping

NAME = "remedies"
SEEDS = (0, 1, 2)
BASE: dict[str, Any] = {
    "dataset": "digits",
    "binarize": "static",
    "model": "autoregressive",
    "latent_dim": 8,
    "hidden": [384, 384],
    "num_steps": 2000,
    "beta": 2.0,
    "eval_split": "test",
}
NUMBERS = {  # column of the results: (heading, digits)
    "nll": ("NLL", 2),
    "rate": ("rate", 2),
    "objective": ("D + 2 R", 2),
    "mutual_information": ("MI", 2),
    "active_units": ("active", 1),
    "encoder gradients": ("encoder gradients", 1),
    "decoder gradients": ("decoder gradients", 1),
    "wall_seconds": ("seconds", 1),
}
IMPORTANCE, REFINE_STEPS, KEPT = 8, 5, 1.6
"""Samples of the bound; steps of refinement; nats of rate that remedies aim at, which is
0.2 a unit."""

REMEDIES: dict[str, dict[str, Any]] = {
    "none": {},
    "beta 1": {"beta": 1.0},
    "linear annealing": {"schedule": "linear"},
    "cyclical annealing": {"schedule": "cyclical"},
    "free bits, unit": {"free_bits": KEPT / 8},
    "free bits, total": {"free_bits": KEPT, "free_bits_over": "total"},
    "capacity": {
        "beta": 1.0,
        "capacity": KEPT,
        "capacity_weight": 10.0,
        "capacity_warmup": 1000,
    },
    "delta-VAE": {"posterior": "delta", "committed_rate": KEPT / 8},
    # gamma^2 / 2 nats a unit
    "BN-VAE": {"posterior": "batch_norm", "posterior_scale": (KEPT / 4) ** 0.5},
    "minimum rate": {"beta": 1.0, "feedback": "minimum_rate", "target": KEPT},
    "target rate": {"feedback": "target_rate", "target": KEPT},
    "ControlVAE": {"feedback": "control_vae", "target": KEPT},
    # what a decoder without z does not reach on the test split, and late in training
    # does on the training split
    "GECO": {"beta": 1.0, "feedback": "geco", "target": 16.5},
    "IWAE": {
        "beta": 1.0,
        "importance_samples": IMPORTANCE,
        "importance_gradient": "plain",
    },
    "IWAE, doubly reparameterised": {"beta": 1.0, "importance_samples": IMPORTANCE},
    "MMD": {"regulariser": "mmd", "mmd_weight": 10.0},
    "beta-TC": {"regulariser": "total_correlation", "tc_weight": 1.0},
    "semi-amortised": {"refine_steps": REFINE_STEPS},
    "aggressive": {"inference": "aggressive"},
    "pre-training, free bits": {"pretraining_steps": 500, "free_bits": KEPT / 8},
    "dropout": {"dropout": 0.3},
    "word dropout": {"word_dropout": 0.5},
    "window 8": {"window": 8},
    "mixture prior": {"prior": "mixture"},
    "VampPrior": {"prior": "vampprior"},
    "AR(1) prior": {"prior": "autoregressive", "prior_correlation": 0.6},
    # other decoders, which do not see x at all
    "MLP": {"model": "mlp"},
    "MLP, skip connections": {"model": "mlp", "skip": True},
    "MLP, slopes from 2 to 20": {"model": "lipschitz", "inverse_lipschitz": 2.0},
}

BOTH_SPLITS = ("none", "GECO", "VampPrior")
"""Whose training split is looked at too: GECO has its constraint there, and a VampPrior
overfits."""

SMOKE = (
    # one program: what is data to it
    "none",
    "cyclical annealing",
    "free bits, unit",
    "capacity",
    "window 8",
    # with feedback, another objective, an inner loop, a step that is wrapped
    "target rate",
    "IWAE",
    "aggressive",
    "pre-training, free bits",
)
"""What `--smoke` runs: all 21 programs take minutes to compile. `tests/test_remedies.py`
builds each of them."""
SMALL: dict[str, Any] = {
    "hidden": [8],
    "num_steps": 100,
    "log_every": 50,
    "eval_samples": 2,
}


def configs_of(names: Sequence[str], seeds: Sequence[int]) -> list[Run]:
    """Remedies with every seed."""
    return [
        from_mapping({**BASE, **REMEDIES[name], "seed": seed})
        for name in names
        for seed in seeds
    ]


def small(config: Run) -> Run:
    """The same with few steps; ramps and pre-training fit into them."""
    return from_mapping({**to_mapping(config), **SMALL, **fitting(config)})


def fitting(config: Run) -> dict[str, int]:
    """Settings that count steps, of a run of `SMALL`."""
    steps = {
        name: min(config[name], SMALL["num_steps"] // 2)
        for name in ("pretraining_steps", "capacity_warmup")
        if to_mapping(config).get(name)
    }
    return {name: number for name, number in steps.items() if number}


def evaluations(run: dict[str, Any]) -> tuple[float, float]:
    """Gradient evaluations of encoder and decoder for one update of the decoder."""
    if run["inference"] == "aggressive":
        inner = run["gradient_evaluations"] / run["decoder_updates"]
        return inner, inner
    if run["importance_samples"]:
        return 1.0, float(run["importance_samples"])
    # every step of refinement asks the decoder for a gradient, and is differentiated
    return 1.0, 1.0 + 2.0 * run["refine_steps"]


def tabulate(
    runs: pd.DataFrame, names: Sequence[str], seeds: Sequence[int]
) -> pd.DataFrame:
    """A row a remedy: means over seeds, their range for MI, and the verdicts.

    The objective is that of the plain decoder, whatever a remedy has made of it.
    """
    runs = runs.sort_values("member").reset_index(drop=True)
    runs["remedy"] = [name for name in names for _ in seeds]
    costs = [evaluations(run) for run in runs.to_dict("records")]
    runs["objective"] = runs["distortion"] + BASE["beta"] * runs["rate"]
    runs["encoder gradients"], runs["decoder gradients"] = zip(*costs, strict=True)
    table = summarise(runs, ["remedy"], NUMBERS)
    kept = [heading for heading, _ in NUMBERS.values()]
    kept[4:4] = ["MI min", "MI max"]
    return table[["remedy", *kept, "verdict"]]


def both_splits(member: trained.Member) -> dict[str, float]:
    """Distortion on both splits, and the mean deviation of the posteriors."""
    train, test = member.dataset.train.images, member.dataset.test.images
    return {
        "distortion_train": float(member.evaluate(train)["distortion"]),
        "distortion_test": float(member.row["distortion"]),
        "posterior_std": float(jnp.exp(member.encode(test).logvar / 2).mean()),
    }


def splits_of(out: Path, names: Sequence[str], seeds: Sequence[int]) -> pd.DataFrame:
    """A row a seed of the remedies that are looked at on both splits."""
    run = trained.open_run(out)
    return pd.DataFrame(
        {"remedy": name, "seed": seed, **both_splits(run[number])}
        for number, (name, seed) in enumerate(itertools.product(names, seeds))
        if name in BOTH_SPLITS
    )


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    table = pd.read_csv(page / "table.csv")
    save_figure(figures.remedies_figure(table), picture)


def main() -> None:
    """Run the sweep, print the table, and say where the rows are."""
    arguments = page_arguments(drawn_page_parser(__doc__))
    if arguments.redraw:
        redraw_page(NAME, draw_page, of_page)
        return
    sweeps.setup_jax()
    names, seeds = (SMOKE, SEEDS[:1]) if arguments.smoke else (tuple(REMEDIES), SEEDS)
    configs = configs_of(names, seeds)
    if arguments.smoke:
        configs = [small(config) for config in configs]
    out = arguments.out or folder_for(NAME, configs)
    sweeps.run(configs, out)
    runs, _ = results.read(out).to_pandas()
    table = tabulate(runs, names, seeds)
    print(table.to_string(index=False, float_format="{:.3f}".format))
    save_rows(out / "page", table=table, splits=splits_of(out, names, seeds))
    finish_page(NAME, out, draw_page, of_page, arguments)


if __name__ == "__main__":
    main()
