"""Arms that write sentences: the engine's decoder and PyTorch's, each with a cache."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax

from experiments.benchmarks import _cases
from experiments.benchmarks._cases import Case
from experiments.benchmarks._timing import Arm
from experiments.benchmarks._torch_arms import lacking, maker, setup_compiler
from vae_jax import assembly, models
from vae_jax.records import Facts

BATCH, LENGTH, LATENT = 64, 20, 16


class Writing(NamedTuple):
    """A decoder that writes batches of sentences.

    Attributes:
        model: LSTM or Transformer.
        vocabulary: of words.
        width: of its states.
        top_p: what a token's choice is cut to; 1 does not cut.
    """

    model: str
    vocabulary: int
    width: int
    top_p: float

    @property
    def name(self) -> str:
        """As it is told."""
        cut = "plain" if self.top_p == 1 else f"top-p {self.top_p:g}"
        return f"{self.model}, {self.vocabulary} words, {cut}"

    @property
    def case(self) -> Case:
        """The model, of which nothing is trained here."""
        wide = self.width
        if self.model == "LSTM":
            given = _cases.lstm(wide)
        else:
            given = _cases.transformer(wide, 2, 4)
        return _cases.text(self.model, self.name, LENGTH, LATENT, BATCH, model=given)


WRITINGS = [
    Writing(model, vocabulary, width, top_p)
    for model in ("LSTM", "Transformer")
    for vocabulary, width in ((1_000, 128), (10_000, 256))
    for top_p in (1.0, 0.9)
]


def writing_arms(writing: Writing) -> list[Arm]:
    """The engine's, PyTorch's and PyTorch's with its step compiled."""
    return [
        Arm("engine", partial(write, writing)),
        Arm("PyTorch, cached", partial(torch_write, writing), missing=lacking({})),
        Arm(
            "PyTorch, cached, step compiled",
            partial(torch_write, writing, compiled=True),
            missing=lacking({"compiled": True}),
        ),
    ]


def write(writing: Writing) -> Callable[[int], None]:
    """A function that writes so many batches by `models.generate`."""
    config = writing.case.run()
    facts = Facts((LENGTH,), writing.vocabulary - 1, 1)
    vae = assembly.model(config, facts)
    decoding = config.model.decoding(facts, config.on_device().knobs())
    params = vae.init(jax.random.key(0))

    @jax.jit
    def batch(key: jax.Array, params: Any, top_p: Any) -> jax.Array:
        of_codes, of_tokens = jax.random.split(key)
        z = jax.random.normal(of_codes, (BATCH, LATENT))
        keys = jax.random.split(of_tokens, BATCH)
        return models.generate(keys, decoding, params, z, LENGTH, top_p=top_p)

    def run(num_batches: int) -> None:
        for number in range(num_batches):
            key = jax.random.key(number)
            jax.block_until_ready(batch(key, params, writing.top_p))

    return run


def torch_write(writing: Writing, compiled: bool = False) -> Callable[[int], None]:
    """The same by PyTorch."""
    from experiments.benchmarks import _torch_write

    if compiled:
        setup_compiler()
    make = maker(writing.case, writing.vocabulary)
    return _torch_write.writing(
        make, BATCH, LATENT, LENGTH, writing.top_p, compiled=compiled
    )
