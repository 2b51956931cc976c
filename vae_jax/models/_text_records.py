"""Models of sentences as records of a run."""

from typing import Any

from vae_jax.likelihoods import Density
from vae_jax.models._generate import Decoding
from vae_jax.models._lstm import lstm, lstm_decoding
from vae_jax.models._record import (
    MOST_WEIGHTS,
    Model,
    dropout,
    remat,
    widths,
    window,
    word_dropout,
)
from vae_jax.models._transformer import LatentUse, transformer
from vae_jax.models._transformer_decoding import transformer_decoding
from vae_jax.records import Facts, record, static
from vae_jax.vae import VAE, Knobs


@record("model", "lstm")
class LSTM(Model):
    """LSTMs that read and write sentences, He et al. (2019)."""

    of_sentences = sees_data = True
    heads = ("categorical",)

    embedding: int = static(
        "Width of a token's vector.", default=50, low=1, high=100_000
    )
    hidden: tuple[int, ...] = widths((50,))
    init_bound: float | None = static(
        "Of the uniform start; the layers' own where none is given.",
        default=None,
        low=0,
        low_open=True,
    )
    dropout: float = dropout()
    word_dropout: float = word_dropout()
    remat: bool = remat()

    def conflict(self, run: Any) -> str | None:
        """A table of words must fit into memory."""
        words = getattr(run.data, "vocab_size", 0)
        if words * self.embedding <= MOST_WEIGHTS:
            return None
        return (
            f"a table must have at most {MOST_WEIGHTS} weights; got `vocab_size` {words} "
            f"and `embedding` {self.embedding}. Make one of them smaller."
        )

    def build(self, facts: Facts, density: Density) -> VAE:
        """See `models.lstm`."""
        del density
        return lstm(
            facts.event_shape[0],
            facts.max_value + 1,
            self.latent_dim,
            embedding=self.embedding,
            hidden=self.hidden,
            init_bound=self.init_bound,
            remat=self.remat,
        )

    def decoding(self, facts: Facts, knobs: Knobs) -> Decoding:
        """See `models.lstm_decoding`."""
        del facts
        return lstm_decoding(knobs=knobs)


@record("model", "transformer")
class Transformer(Model):
    """Pre-norm Transformers that read and write sentences, after OPTIMUS."""

    of_sentences = sees_data = True
    heads = ("categorical",)

    hidden: tuple[int, ...] = widths((64, 64))
    num_heads: int = static("Of the attention.", default=4, low=1, high=10_000)
    latent_use: LatentUse = static(
        "How the decoder is given z: a prefix of the sentence, memory that every layer "
        "attends to, or added to every position.",
        default="prefix",
    )
    window: int | None = window(
        "Previous tokens that the decoder may see; none for all."
    )
    dropout: float = dropout()
    word_dropout: float = word_dropout()
    remat: bool = remat()

    def check(self) -> None:
        """All layers have one width.

        Raises:
            ValueError: names the widths.
        """
        super().check()
        if len(set(self.hidden)) != 1:
            raise ValueError(
                "`hidden` of model='transformer' must be one width, repeated for every "
                f"layer; got {self.hidden}."
            )

    def build(self, facts: Facts, density: Density) -> VAE:
        """See `models.transformer`."""
        del density
        return transformer(
            facts.event_shape[0],
            facts.max_value + 1,
            self.latent_dim,
            latent_use=self.latent_use,
            width=self.hidden[0],
            num_layers=len(self.hidden),
            num_heads=self.num_heads,
            remat=self.remat,
        )

    def decoding(self, facts: Facts, knobs: Knobs) -> Decoding:
        """See `models.transformer_decoding`."""
        return transformer_decoding(facts.event_shape[0], knobs=knobs)
