"""The KL is not information: what each remedy's rate is made of while it trains.

Claim: a remedy that holds the KL does not thereby put information into z. Free bits hold
    their KL with no information at all, and an annealed weight lets the KL rise and fall
    without any; batch normalisation and a committed rate keep their bound; aggressive
    training has information. Rate = information + marginal KL at every moment.
Command: `python -m experiments.kl_is_not_information` (`--smoke`: a few steps, no claim;
    `--paper --data FOLDER`: sentences of the paper's length and size, from your own files)
Minutes: 14 of one CPU core; resumable. `--paper` asks for a GPU.
Numbers: `experiments/results/kl_is_not_information/`, told in `README.md` beside.

The synthetic sentences of He et al. (2019) and their model (`lagging_inference`): LSTMs of
50 units with embeddings of 50, one unit of z, dropout 0.5, SGD at 1.0 clipped to 5, here at
a constant rate; 8000 steps, 800 of aggressive training, each of which makes some 40 of the
encoder. The parts are measured by `diagnostics.rate_decomposition`, each by itself, on the
2000 sentences of the test split; batch-normalised means are normalised over these.
"""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pandas as pd

from experiments._claims.kl_is_not_information import last_of, of_page
from experiments._pages import (
    drawn_page_parser,
    finish_page,
    folder_for,
    page_arguments,
    redraw_page,
    save_figure,
    save_rows,
)
from experiments._parts.he_sentences import MODEL
from vae_jax import assembly, diagnostics, figures, results, sweeps, training
from vae_jax.configs import Run, from_mapping
from vae_jax.records import Facts

NAME = "kl_is_not_information"
SEEDS = (0, 1, 2)
STEPS, MOMENTS = 8000, 20
FREE, SCALES, COMMITTED = 0.5, (0.5, 1.0), 0.15
"""Nats that are free; standard deviations of normalised means; nats that are kept."""
BASE: dict[str, Any] = {
    **MODEL,
    "batch_size": 16,
    "num_steps": STEPS,
    "log_every": 100,
    "eval_samples": 5,
}
METHODS: dict[str, dict[str, Any]] = {
    "basic": {},
    # the logistic of Bowman et al. (2016): its middle at step 2500, 0.0024 a step
    "logistic annealing": {"schedule": "sigmoid", "warmup_steps": 5 * STEPS // 8},
    "linear annealing": {
        "schedule": "linear",
        "beta_start": 0.1,
        "warmup_steps": 4 * STEPS // 5,
    },
    "beta 0.2": {"beta": 0.2},
    f"free bits {FREE:g}": {"free_bits": FREE},
    **{
        f"BN-VAE {scale:g}": {"posterior": "batch_norm", "posterior_scale": scale}
        for scale in SCALES
    },
    f"delta-VAE {COMMITTED:g}": {"posterior": "delta", "committed_rate": COMMITTED},
    f"pre-training, free bits {FREE:g}": {
        "pretraining_steps": 3 * STEPS // 10,
        "free_bits": FREE,
    },
    "aggressive": {"inference": "aggressive", "num_steps": STEPS // 10},
}
SMALL: dict[str, Any] = {
    "hidden": [8],
    "embedding": 8,
    "eval_samples": 2,
    "log_every": 20,
}
PAPER: dict[str, Any] = {
    "dataset": "text",
    "vocab_size": 20_000,
    "max_length": 200,
    "latent_dim": 32,
    "hidden": [1024],
    "embedding": 512,
    "batch_size": 32,
    "num_steps": 100_000,
}
"""He et al. (2019), Section 5.1, of which 100 000 sentences are to train on."""
JUDGED = 2000
"""Sentences at most that the rate is taken apart on."""


def configs_of(smoke: bool, folder: Path | None = None) -> list[Run]:
    """Every method with every seed, of the paper's size if there is a folder of text."""
    base, steps = BASE, STEPS
    if folder is not None:
        base = BASE | PAPER | {"data_folder": str(folder)}
        steps = PAPER["num_steps"]
    if smoke:
        base, steps = base | SMALL, 4 * MOMENTS
    counts = ("warmup_steps", "pretraining_steps", "num_steps")
    made = []
    for fields in METHODS.values():
        # what counts steps keeps its share of the run
        scaled = {k: fields[k] * steps // STEPS for k in counts if k in fields}
        if smoke and "num_steps" in scaled:
            scaled["num_steps"] = steps
        made += [
            from_mapping(base | {"num_steps": steps} | fields | scaled | {"seed": seed})
            for seed in SEEDS
        ]
    return made


def moments_of(config: Run) -> range:
    """Steps before which a run is observed, besides its end."""
    return range(0, config.num_steps, config.num_steps // MOMENTS)


def make_job(config: Run) -> assembly.Job:
    """The run of a config, observed on the way."""
    job, kit = assembly.job(config), assembly.kit(config)
    aggressive = config["inference"] == "aggressive"
    program = training.with_snapshots(
        job.program,
        moments_of(config),
        observer(kit.facts),
        settle=settled(config, kit) if aggressive else None,
    )
    return job._replace(program=program)


def observer(facts: Facts) -> Any:
    """What a run is asked on the way: its rate in parts, and its active units."""

    def observe(params: Any, key: Any, hyper: Any, data: Any) -> dict[str, Any]:
        del key
        # of the settings as the program has them: the scale of a posterior is data
        vae = assembly.model(hyper.settings, facts)
        x = jnp.asarray(data.evaluation)[:JUDGED]
        if vae.calibrate is not None:
            params = vae.calibrate(params, x, knobs=hyper.knobs)
        mean, logvar = vae.encode(params, x, knobs=hyper.knobs)
        parts = diagnostics.rate_decomposition(training.member_key(0), mean, logvar)
        return {
            "rate": parts.rate,
            "information": parts.mutual_information.value,
            "marginal_kl": parts.marginal_kl.value,
            "residual": parts.residual.value,
            "residual_error": parts.residual.standard_error,
            "active_units": diagnostics.active_units(mean),
        }

    return observe


def settled(config: Run, kit: assembly.Kit) -> Any:
    """Parameters after the inner loop of a step: what the encoder knows of the decoder."""

    def loss(params: Any, batch: Any, hyper: Any, keys: Any) -> Any:
        now = assembly.objective(hyper.settings, kit.vae, kit.density, kit.facts)
        return now(params, batch, hyper, keys)

    settle = training.make_settle(
        loss, config.optimizer.make(), kit.prepare, config.batch_size
    )
    return lambda state, *rest: settle(state, *rest)[0].params


def curves_of(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a run and moment: the parts of its rate, in nats."""
    names = [c for c in runs.columns if c.startswith("snapshots/")]
    parts = []
    for number, (_, run) in enumerate(runs.sort_values("member").iterrows()):
        steps = run["num_steps"]
        part = pd.DataFrame({name.split("/")[1]: run[name] for name in names})
        part.insert(0, "method", list(METHODS)[number // len(SEEDS)])
        part.insert(1, "seed", run["seed"])
        part.insert(2, "step", [*range(0, steps, steps // MOMENTS), steps])
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def ends_of(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """A row a run: what it ends with, and its -ELBO on the whole test split."""
    ordered = runs.sort_values("member").reset_index(drop=True)
    total = ordered["distortion"] + ordered["rate"]
    return (
        last_of(curves)
        .reset_index(drop=True)
        .assign(distortion=ordered["distortion"], negative_elbo=total)
    )


def table_of(ends: pd.DataFrame) -> pd.DataFrame:
    """A row a method: means over the seeds, and the range of the information."""
    named = ["rate", "information", "marginal_kl", "active_units", "negative_elbo"]
    groups = ends.groupby("method", sort=False)
    low, high = (groups["information"].agg(how) for how in ("min", "max"))
    table = groups[named].mean().assign(information_min=low, information_max=high)
    return table.reset_index()


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    curves = pd.read_csv(page / "curves.csv")
    save_figure(figures.information_figure(curves), picture)


def save_page(page: Path, runs: pd.DataFrame) -> None:
    """Print the table, and write what the claims and the figure need."""
    curves = curves_of(runs)
    ends = ends_of(runs, curves)
    table = table_of(ends)
    print(table.to_string(index=False, float_format="{:.3f}".format))
    units = int(runs["latent_dim"].iloc[0])
    print("A large KL does not imply that z is used: He et al. (2019), Section 6.3.")
    save_rows(page, curves=curves, table=table.assign(units=units))


def main() -> None:
    """Run, print the table, draw the figure, and say where everything is."""
    parser = drawn_page_parser(__doc__)
    parser.add_argument("--paper", action="store_true", help="sizes of the paper")
    parser.add_argument("--data", type=Path, help="folder of text, for --paper")
    arguments = page_arguments(parser)
    if arguments.paper != (arguments.data is not None):
        parser.error(
            "`--paper` trains on text of your own, a sentence a line: give both `--paper` "
            "and `--data FOLDER` of *.txt files; He et al. (2019) take Yahoo answers"
        )
    name = f"{NAME}_paper" if arguments.paper else NAME
    if arguments.redraw:
        redraw_page(name, draw_page, of_page)
        return
    sweeps.setup_jax()
    configs = configs_of(arguments.smoke, arguments.data)
    out = arguments.out or folder_for(name, configs)
    sweeps.run(configs, out, make_job=make_job)
    save_page(out / "page", results.read(out).runs.to_pandas())
    finish_page(name, out, draw_page, of_page, arguments)


if __name__ == "__main__":
    main()
