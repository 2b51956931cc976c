"""Speed of the LSTM sentence VAE beside PyTorch's `nn.LSTM` and flax's own.

Claim: a sweep trains more member-steps a second than a PyTorch loop and than flax's LSTM in
    the same engine; of `vmap` and `lax.map` the engine chooses the faster.
Command: `python -m experiments.benchmarks.lstm_speed` after
    `pip install -e '.[cpu,benchmark]'` (all cores, wall clock; nothing else may run), and
    the same with `--one-core` (CPU time of one core, robust under load).
Minutes: 4 each.
Numbers: `experiments/results/lstm_speed_*.csv`; medians of nine interleaved windows.

Every arm trains the same model with Adam in float32, without dropout and without a clip.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import numpy as np
import pandas as pd

from experiments._pages import finish_rows, page_arguments
from experiments.benchmarks._arms import (
    Arm,
    engine_arm,
    has_torch,
    measure,
    plain_dataset,
    prepare_clock,
    rows_of,
    speed_parser,
)
from experiments.benchmarks._flax_lstm import flax_lstm
from vae_jax import assembly, data, training
from vae_jax.configs import Run

VOCABULARY, SENTENCES = 1000, 2000
END = 3
FLAX_CELLS = ("LSTMCell", "OptimizedLSTMCell")
"""A product for each gate, and one for all of them."""


class Size(NamedTuple):
    """One model, and how many are trained at once."""

    length: int
    embedding: int
    hidden: int
    latent: int
    batch: int
    members: int


SIZES = {
    "small": Size(12, 50, 50, 1, 16, 16),
    "large": Size(20, 256, 256, 32, 32, 4),
}


def sentences(size: Size) -> np.ndarray:
    """Random words, and the token that ends a sentence."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(4, VOCABULARY, (SENTENCES, size.length)).astype(np.int32)
    tokens[:, -1] = END
    return tokens


def config_of(size: Size) -> Run:
    """The model of the package."""
    return Run.of(
        dataset="synthetic_language",
        model="lstm",
        likelihood="categorical",
        latent_dim=size.latent,
        hidden=(size.hidden,),
        embedding=size.embedding,
        batch_size=size.batch,
        num_steps=100_000,
        log_every=10,
    )


def flax_program(
    size: Size, config: Run, dataset: data.Dataset, cell: str
) -> training.Program:
    """The same objective and optimiser over flax's own LSTM."""
    sizes = size.embedding, size.hidden, size.latent
    vae = flax_lstm(size.length, VOCABULARY, *sizes, getattr(nn, cell))
    optimizer = training.adam()
    objective = training.make_objective(
        vae, config.likelihood.density(assembly.facts_of(dataset))
    )
    return training.make_program(
        vae.init,
        training.make_step(objective, optimizer),
        optimizer,
        config.data.prepare("tokens", dataset.max_value),
        lambda *_: {},
        size.batch,
    )


def arms_of(size: Size) -> dict[str, Arm]:
    """The engine as it chooses, with either strategy, over flax's LSTM; and PyTorch."""
    config, tokens = config_of(size), sentences(size)
    dataset = plain_dataset(tokens, VOCABULARY - 1)
    number = size.members
    arms: dict[str, Arm] = {
        "engine": engine_arm(config, dataset, num_members=number),
        "vmap": engine_arm(config, dataset, strategy="vmap", num_members=number),
        "map": engine_arm(config, dataset, strategy="map", num_members=number),
    }
    for cell in FLAX_CELLS:
        own = flax_program(size, config, dataset, cell)
        arms[f"flax {cell}"] = engine_arm(
            config, dataset, program=own, num_members=number
        )
    if has_torch():
        import torch

        from experiments.benchmarks._torch_lstm import make_lstm_arm

        sizes = (VOCABULARY, size.embedding, size.hidden, size.latent)
        arms["torch"] = make_lstm_arm(
            torch.from_numpy(tokens).long(), sizes, size.batch
        )
    return arms


def measured(sizes: Sequence[str], one_core: bool, seconds: float) -> pd.DataFrame:
    """All arms of all models."""
    clock = prepare_clock(one_core)
    table: list[dict[str, Any]] = []
    for name in sizes:
        times = measure(arms_of(SIZES[name]), clock, seconds, least=20)
        members = {arm: 1 if arm == "torch" else SIZES[name].members for arm in times}
        table += rows_of(name, times, members, "cpu" if one_core else "wall")
    return pd.DataFrame(table)


def main() -> None:
    """Measure, print the table, and write it."""
    arguments = page_arguments(speed_parser(__doc__, list(SIZES)), ["models"])
    if arguments.smoke:
        arguments.models, arguments.seconds = ["small"], 0.05
    frame = measured(arguments.models, arguments.one_core, arguments.seconds)
    print(frame.to_string(index=False, float_format="{:.3f}".format))
    name = f"lstm_speed_{'one_core' if arguments.one_core else 'all_cores'}"
    out = arguments.out or Path("runs") / "lstm_speed"
    finish_rows(name, frame, out, arguments.publish)


if __name__ == "__main__":
    main()
