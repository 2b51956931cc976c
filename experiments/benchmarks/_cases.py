"""The models that are timed: families and sizes, as runs of the package and as data."""

from typing import Any, NamedTuple

import numpy as np

from vae_jax import data
from vae_jax.configs import Run

END, FIRST_WORD = 3, 4
WORDS = 1000


class Case(NamedTuple):
    """One model of one size.

    Attributes:
        family: MLP, convolutional, residual, PixelCNN, LSTM or Transformer.
        size: as it is told.
        settings: of the run.
        shape: of an example: sides and channels of an image, or tokens of a sentence.
        examples: to train on.
        members: of the engine, each an arm; those above 16 are measured seldom.
        least: steps of a window; so many that a member's state, which goes in and out of
            a window, costs less than a hundredth of it.
        steps: of the run, of which all windows together must not take more.
    """

    family: str
    size: str
    settings: dict[str, Any]
    shape: tuple[int, ...]
    examples: int = 2000
    members: tuple[int, ...] = (16,)
    least: int = 2
    steps: int = 20_000

    @property
    def name(self) -> str:
        """Family and size."""
        return f"{self.family} {self.size}"

    @property
    def of_sentences(self) -> bool:
        """Whether examples are sentences."""
        return len(self.shape) == 1

    def run(self) -> Run:
        """The run of the package."""
        return Run.of(**self.settings, num_steps=self.steps, log_every=50)

    def dataset(self) -> data.Dataset:
        """Random examples; their values do not matter for speed, their number may."""
        rng, size = np.random.default_rng(0), (self.examples, *self.shape)
        if not self.of_sentences:
            return plain_dataset(rng.integers(0, 256, size, dtype=np.uint8), 255)
        tokens = rng.integers(FIRST_WORD, WORDS, size).astype(np.int32)
        tokens[:, -1] = END
        return plain_dataset(tokens, WORDS - 1)


def plain_dataset(examples: np.ndarray, max_value: int) -> data.Dataset:
    """Examples without classes as all three splits."""
    split = data.Split(examples, np.zeros(len(examples), np.int32))
    return data.Dataset("random", split, split, split, max_value)


def mlp(side: int, hidden: int, latent: int, batch: int, **options: Any) -> Case:
    """Of binary images."""
    settings = {"hidden": (hidden,), "latent_dim": latent, "batch_size": batch}
    size = f"{side**2}-{hidden}-{latent}"
    return Case("MLP", size, settings, (side, side), **options)


def images(
    family: str, shape: tuple[int, ...], hidden: tuple[int, ...], **options: Any
) -> Case:
    """Convolutional, of binary grey images or of real colours."""
    batch, blocks = options.pop("batch"), int(family == "residual")
    settings = {
        "model": "convolutional",
        "hidden": hidden,
        "latent_dim": 16,
        "blocks": blocks,
        "batch_size": batch,
        "likelihood": "gaussian" if len(shape) == 3 else "bernoulli",
    }
    told = "x".join(map(str, shape if len(shape) == 3 else (*shape, 1)))
    size = f"{told}, {'-'.join(map(str, hidden))}"
    return Case(family, size, settings, shape, **options)


def text(
    family: str, size: str, length: int, latent: int, batch: int, **options: Any
) -> Case:
    """Of sentences of so many tokens."""
    settings = {
        "dataset": "synthetic_language",
        "likelihood": "categorical",
        "model": family.lower(),
        "latent_dim": latent,
        "batch_size": batch,
        **options.pop("model"),
    }
    return Case(family, size, settings, (length,), **options)


def lstm(width: int) -> dict[str, Any]:
    """Embeddings and units of one width."""
    return {"embedding": width, "hidden": (width,)}


def transformer(width: int, layers: int, heads: int) -> dict[str, Any]:
    """Layers of one width."""
    return {"hidden": (width,) * layers, "num_heads": heads}


EVERY = 1, 4, 16, 64
GREY, COLOUR = (28, 28), (32, 32, 3)
CASES = [
    mlp(4, 16, 2, 32, examples=1200, members=EVERY, least=200, steps=500_000),
    mlp(8, 64, 4, 64, examples=1200, members=EVERY, least=100, steps=200_000),
    mlp(28, 500, 20, 128, examples=10_000, members=EVERY, least=40),
    images("convolutional", GREY, (16, 32), batch=32),
    images("convolutional", GREY, (32, 64), batch=128, members=EVERY),
    images("convolutional", GREY, (64, 128), batch=64),
    images("convolutional", (8, 8), (64, 128), batch=64),
    images("convolutional", COLOUR, (32, 64), batch=128),
    images("residual", GREY, (32, 64), batch=32, members=(1, 4, 16)),
    images("residual", COLOUR, (32, 64), batch=32),
    Case(
        "PixelCNN",
        "28x28x1, 5 of 32",
        {"model": "pixelcnn", "latent_dim": 16, "batch_size": 16},
        GREY,
        members=(1, 4, 16),
    ),
    text("LSTM", "small", 12, 1, 16, model=lstm(50), members=EVERY, least=20),
    text("LSTM", "medium", 20, 16, 32, model=lstm(128), least=10),
    text("LSTM", "large", 20, 32, 32, model=lstm(256), least=4),
    text(
        "Transformer",
        "small",
        12,
        8,
        16,
        model=transformer(64, 2, 4),
        members=EVERY,
        least=10,
    ),
    text(
        "Transformer",
        "medium",
        20,
        16,
        32,
        model=transformer(128, 2, 4),
        least=4,
    ),
    text(
        "Transformer",
        "large",
        20,
        32,
        32,
        model=transformer(256, 4, 8),
    ),
]
FAMILIES = [*dict.fromkeys(case.family for case in CASES), "sentences"]
