"""The phase diagram of collapse: weight of the rate against power of the decoder.

Claim: on the digits, more units collapse the larger beta is and the more pixels the
    decoder sees, never fewer beyond the spread of seeds, with a mean Spearman correlation
    above 0.8; where information ends is forecast by what patterns a decoder without z
    leaves behind (`analytic.collapse_threshold`), but for the decoder that sees all pixels,
    which keeps a code above its forecast. On text beta decides; along the power there is
    no such order, against the hypothesis.
Command: `python -m experiments.decoder_power` (`--text`: LSTM and Transformer over word
    dropout; `--full`: PixelCNN on digits and Fashion-MNIST; `--smoke`: a few steps of a
    corner of each map)
Minutes: 14 of one CPU core; resumable. `--full` asks for a GPU.
Numbers: `experiments/results/decoder_power/`, told in `README.md` beside.

Digits: the masked decoder of the main job, whose window of previous pixels is data, so that
the whole map is one compiled program. Text: the ten sequences of Fu et al. (2019), of which
a decoder that sees every previous token leaves log 10 nats to z.
"""

import itertools
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import pandas as pd

from experiments._claims.decoder_power import of_page
from experiments._pages import (
    RESULTS,
    drawn_page_parser,
    finish_page,
    folder_for,
    page_arguments,
    redraw_page,
    save_figure,
    save_rows,
)
from experiments._table import summarise
from vae_jax import analytic, assembly, figures, results, sweeps, training
from vae_jax.configs import Run, from_mapping

NAME = "decoder_power"
SEEDS = (0, 1, 2)
REFERENCE = 100.0
"""A beta at which every decoder ignores z; what it leaves behind makes the forecast."""

HELD = 1.0
"""Nats of rate that are a code: most of what 2.3 nats of information need."""


class Map(NamedTuple):
    """One phase diagram.

    Attributes:
        base: what its runs share.
        field: of the config that is the power of the decoder.
        powers: its values, the weakest decoder first; None sees all.
        betas: weights of the rate.
        label: of the power, for the figure.
    """

    base: dict[str, Any]
    field: str
    powers: tuple[float | None, ...]
    betas: tuple[float, ...]
    label: str


IMAGES: dict[str, Any] = {
    "dataset": "digits",
    "binarize": "static",
    "latent_dim": 8,
    "num_steps": 1500,
    "eval_samples": 32,
}
TEXT: dict[str, Any] = {
    "dataset": "ten_sequences",
    "likelihood": "categorical",
    "latent_dim": 2,
    "batch_size": 10,
    "learning_rate": 5e-3,
    "num_steps": 3000,
    "eval_samples": 64,
}
MASKED = Map(
    {**IMAGES, "model": "autoregressive", "hidden": [256, 256]},
    "window",
    (0, 1, 2, 4, 8, None),
    (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0),
    "previous pixels seen",
)
# the more words are hidden, the weaker is the decoder
DROPPED = (0.95, 0.75, 0.5, 0.25, 0.1, 0.0)
TEXT_BETAS = (0.25, 0.5, 0.9, 1.1, 1.5, 2.0)
MAPS: dict[str, dict[str, Map]] = {
    "": {"digits": MASKED},
    "text": {
        "LSTM": Map(
            {**TEXT, "model": "lstm", "hidden": [32], "embedding": 16},
            "word_dropout",
            DROPPED,
            TEXT_BETAS,
            "words hidden, share",
        ),
        "Transformer": Map(
            {**TEXT, "model": "transformer", "hidden": [32, 32]},
            "word_dropout",
            DROPPED,
            TEXT_BETAS,
            "words hidden, share",
        ),
    },
    "full": {
        f"PixelCNN, {name}": Map(
            {**IMAGES, "dataset": dataset, "model": "pixelcnn", "hidden": [32] * 6},
            "window",
            (0, 1, 2, 3, 4, None),
            (0.5, 1.0, 1.5, 2.0, 3.0, 4.0),
            "radius seen, pixels",
        )
        for name, dataset in (
            ("digits", "digits"),
            ("Fashion-MNIST", "fashion_mnist"),
        )
    },
}


NUMBERS = {  # column of the runs: (heading, digits)
    name: (name, 2) for name in ("collapsed", "inactive", "mutual_information", "rate")
}


def corner(one: Map) -> Map:
    """Two by two points of a map: enough to run all of the page."""
    return one._replace(powers=one.powers[:2], betas=one.betas[:2])


def configs_of(one: Map, smoke: bool) -> list[Run]:
    """Every point with every seed, and a run a power that ignores z for the forecast."""
    one = corner(one) if smoke else one
    points = [*itertools.product(one.powers, one.betas, SEEDS)]
    if one.field == "window":
        points += [(power, REFERENCE, SEEDS[0]) for power in one.powers]
    configs = [
        from_mapping({**one.base, one.field: power, "beta": beta, "seed": seed})
        for power, beta, seed in points
    ]
    if not smoke:
        return configs
    narrow = (8,) * min(len(one.base["hidden"]), 2)
    small = {"num_steps": 100, "hidden": narrow, "batch_size": 10, "eval_samples": 2}
    return [config.changed(**small) for config in configs]


def threshold_of(out: Path, config: Run, member: int) -> float:
    """The forecast from a run that ignores z: beta above which that is a minimum."""
    kit, params = assembly.kit(config), results.load(out, member)
    x = kit.prepare(None, jnp.asarray(kit.dataset.train.images))
    vae, knobs, size = kit.vae, kit.knobs, config.model.latent_dim
    logits = training.map_batches(
        lambda x: vae.decode(params, jnp.zeros((len(x), size)), x, knobs=knobs), 500, x
    )
    p = jax.nn.sigmoid(logits).reshape(len(x), -1)
    found = analytic.collapse_threshold(x.reshape(len(x), -1) - p, p * (1 - p))
    return float(found)


def points_of(
    one: Map, runs: pd.DataFrame, out: Path, configs: Sequence[Run]
) -> pd.DataFrame:
    """A row a point: mean and range over seeds, and the forecast of its row."""
    runs = by_power(one, runs)
    reference = runs[runs["beta"] == REFERENCE].set_index("power")["member"]
    forecast = {
        power: threshold_of(out, configs[member], member)
        for power, member in reference.items()
    }
    settings = ["power", "beta"]
    points = summarise(runs[runs["beta"] != REFERENCE], settings, NUMBERS)
    points = points.drop(columns=["seeds", "verdict"])
    points.columns = points.columns.str.replace(" ", "_")
    return points.assign(threshold=[forecast.get(p, math.nan) for p in points["power"]])


def arrivals_of(
    one: Map, runs: pd.DataFrame, history: pd.DataFrame, title: str
) -> pd.DataFrame:
    """The step from which on a run holds a nat of rate to its end; none if it does not."""
    rates = history.pivot(index="step", columns="member", values="rate")
    held = (rates > HELD)[::-1].cummin()[::-1]
    arrival = held.idxmax().where(held.any())
    runs = by_power(one, runs)
    return runs[runs["beta"] != REFERENCE].assign(
        map=title, arrival=lambda own: own["member"].map(arrival)
    )[["map", "power", "beta", "seed", "arrival"]]


def by_power(one: Map, runs: pd.DataFrame) -> pd.DataFrame:
    """With the power of the decoder and the shares of its units, in the order of both."""
    power = runs[one.field].astype(float).fillna(math.inf)
    if one.field == "word_dropout":
        # the more is hidden, the weaker is the decoder, and that is the first row
        power = -power
    return runs.assign(
        power=power,
        # a KL below 0.01 nat on 99 % of the examples: Lucas et al. (2019)
        collapsed=runs["collapsed_units"] / runs["latent_dim"],
        inactive=1 - runs["active_units"] / runs["latent_dim"],
    ).sort_values(["power", "beta"])


def report(title: str, points: pd.DataFrame) -> None:
    """The table of collapsed shares, and the forecast."""
    shown = points.pivot(index="power", columns="beta", values="collapsed")
    print(f"\n{title}: share of collapsed units, power of the decoder x beta")
    print(shown.to_string(float_format="{:.2f}".format))
    forecast = points.drop_duplicates("power").set_index("power")["threshold"].dropna()
    if len(forecast):
        print("Theory, beta above which ignoring z is a minimum:")
        print(forecast.to_string(float_format="{:.2f}".format))


def draw_page(page: Path, picture: Path, maps: dict[str, Map]) -> None:
    """The figure, from what was saved."""
    table = pd.read_csv(page / "points.csv")
    frames = {title: own for title, own in table.groupby("map", sort=False)}
    labels = {title: maps[title].label for title in frames}
    figure = figures.power_figure(frames, labels, len(SEEDS))
    save_figure(figure, picture)


def main() -> None:
    """Run, print the tables, draw the figure, and say where everything is."""
    parser = drawn_page_parser(__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--text", action="store_true", help="beta x word dropout")
    which.add_argument("--full", action="store_true", help="PixelCNN; for a GPU")
    arguments = page_arguments(parser)
    kind = "text" if arguments.text else "full" if arguments.full else ""
    name, maps = f"{NAME}_{kind}".rstrip("_"), MAPS[kind]
    draw = partial(draw_page, maps=maps)
    if arguments.redraw and not (RESULTS / name).exists():
        parser.error(
            f"--redraw draws committed rows, and {RESULTS / name} does not exist: this "
            "part of the page was never published. Run it, with --publish to keep its rows."
        )
    if arguments.redraw:
        redraw_page(name, draw, of_page)
        return
    sweeps.setup_jax()
    specs = {title: configs_of(one, arguments.smoke) for title, one in maps.items()}
    whole = [config for configs in specs.values() for config in configs]
    out = arguments.out or folder_for(name, whole)
    tables, arrivals = [], []
    for number, (title, configs) in enumerate(specs.items()):
        folder = out / f"map-{number}"
        sweeps.run(configs, folder)
        runs, history = results.read(folder).to_pandas()
        points = points_of(maps[title], runs, folder, configs)
        report(title, points)
        tables.append(points.assign(map=title))
        arrivals.append(arrivals_of(maps[title], runs, history, title))
    found = {"points": pd.concat(tables), "arrivals": pd.concat(arrivals)}
    save_rows(out / "page", **found)
    finish_page(name, out, draw, of_page, arguments)


if __name__ == "__main__":
    main()
