"""What all models of a run have, and settings that several of them share."""

import itertools
from abc import abstractmethod
from typing import Any, ClassVar, Literal

import jax.numpy as jnp

from vae_jax.likelihoods import Density
from vae_jax.models._compute import compute_in, narrow
from vae_jax.models._counts import of_counts
from vae_jax.models._generate import Decoding
from vae_jax.records import Facts, Record, ask, data, record, static
from vae_jax.types import Array, Params
from vae_jax.vae import FULL_WINDOW, VAE, Knobs

LARGEST_WIDTH, MOST_LAYERS, MOST_WEIGHTS = 100_000, 1_000, 10**9
"""Beyond them a size is a slip, and would only be found where memory ends."""


def widths(default: tuple[int, ...]) -> Any:
    """The setting `hidden`, whose default is the model's own."""
    return static(
        "Widths of the hidden layers.", default=default, low=1, high=LARGEST_WIDTH
    )


def window(text: str) -> Any:
    """The setting `window`."""
    return data(text, default=None, low=0, high=FULL_WINDOW, none=FULL_WINDOW)


def dropout() -> Any:
    """The setting `dropout`."""
    text = "Probability of dropping a hidden unit of the decoder while training."
    return data(text, default=0.0, low=0, high=1, high_open=True)


def word_dropout() -> Any:
    """The setting `word_dropout`."""
    return data(
        "Probability that the decoder does not see a pixel or a word while training; at 1 "
        "it sees none.",
        default=0.0,
        low=0,
        high=1,
    )


def remat() -> Any:
    """The setting `remat`."""
    return static(
        "Compute activations again for the gradient: less memory, more time.",
        default=False,
    )


@record()
class Model(Record):
    """Encoder and decoder.

    Attributes:
        of_sentences: what it is a model of.
        sees_data: the decoder is autoregressive.
        heads: what its decoder can return.
    """

    of_sentences: ClassVar[bool] = False
    sees_data: ClassVar[bool] = False
    heads: ClassVar[tuple[str, ...]] = ("bernoulli", "gaussian", "gaussian_learned")

    latent_dim: int = static("Units of z.", default=8, low=1, high=100_000)
    compute: Literal["float32", "bfloat16"] = static(
        "Dtype inside the model; objective and parameters are float32.",
        default="float32",
    )

    def check(self) -> None:
        """Refuse layers that no memory holds.

        Raises:
            ValueError: names the sizes.
        """
        hidden = getattr(self, "hidden", ())
        if len(hidden) > MOST_LAYERS:
            raise ValueError(
                f"`hidden` must be {MOST_LAYERS} or fewer; got {len(hidden)} widths."
            )
        layers = itertools.pairwise((*hidden, self.latent_dim))
        if max((one * after for one, after in layers), default=0) > MOST_WEIGHTS:
            raise ValueError(
                f"a layer must have at most {MOST_WEIGHTS} weights; got `hidden` {hidden} "
                f"and `latent_dim` {self.latent_dim}. Make them smaller."
            )

    def returns(self, head: str) -> bool:
        """Whether its decoder can return the parameters of such a density."""
        return head in self.heads

    @abstractmethod
    def build(self, facts: Facts, density: Density) -> VAE:
        """The model in the default dtype."""

    def make(self, facts: Facts, density: Density, built: VAE | None = None) -> VAE:
        """The model that the settings stand for, `built` in the place of `build`'s."""
        vae: VAE = ask(self.build, VAE, facts, density) if built is None else built
        if self.compute == "bfloat16":
            vae = compute_in(vae, jnp.bfloat16)
        if density.wants == "counts":
            vae = of_counts(
                vae,
                facts.event_shape,
                self.latent_dim,
                dispersed=density.dispersed,
                inflated=density.inflated,
            )
        return vae

    def own_params(self, params: Params) -> Params:
        """Those of its decoder's functions, out of what a run has trained.

        What priors, posteriors and remedies have added is taken away, and the rest is as
        the model reads it in its dtype.
        """
        while "decoder" not in params:
            params = params["model"]
        return params if self.compute == "float32" else narrow(params, jnp.bfloat16)

    def decoding(self, facts: Facts, knobs: Knobs) -> Decoding | None:
        """Its decoder a token at a time, over `own_params`; None where it has no steps."""
        del facts, knobs
        return None

    def drawn(
        self,
        keys: Array,
        density: Density,
        params: Params,
        z: Array,
        facts: Facts,
        knobs: Knobs,
    ) -> Array | None:
        """Images `x ~ p(x|z)` for less than `models.sample` takes, of `own_params`.

        The same images; None where there is no such way.
        """
        del keys, density, params, z, facts, knobs
        return None

    def knobs(self) -> dict[str, object]:
        """What it sets of the settings that a model is called with."""
        names = "window", "dropout", "word_dropout", "inverse_lipschitz", "lipschitz"
        return {name: getattr(self, name) for name in names if hasattr(self, name)}


@record()
class AnyModel(Model):
    """A model of the user's own, which may read any of these settings."""

    hidden: tuple[int, ...] = widths((512, 512))
    blocks: int = static("Residual blocks.", default=0, low=0, high=1_000)
    kernel: int = static("Side of a field.", default=3, low=1, high=1_001)
    num_heads: int = static("Heads of an attention.", default=4, low=1, high=10_000)
    latent_use: str = static("How a decoder is given z.", default="prefix")
    embedding: int = static(
        "Width of a token's vector.", default=50, low=1, high=100_000
    )
    init_bound: float | None = static(
        "Of a uniform start.", default=None, low=0, low_open=True
    )
    skip: bool = static("z enters every layer.", default=False)
    window: int | None = window("What the decoder may see; none for all.")
    dropout: float = dropout()
    word_dropout: float = word_dropout()
    inverse_lipschitz: float = data("Least slope of a decoder.", default=0.0, low=0)
    lipschitz: float = data("Its largest slope.", default=20.0, low=0, low_open=True)
    remat: bool = remat()
