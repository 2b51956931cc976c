"""Models of vectors and images as records of a run: each has its settings and makes it."""

from typing import Any

from vae_jax.likelihoods import Density
from vae_jax.models._autoregressive import autoregressive
from vae_jax.models._convolutional import convolutional
from vae_jax.models._linear import linear
from vae_jax.models._lipschitz import lipschitz
from vae_jax.models._mlp import mlp
from vae_jax.models._pixelcnn import pixelcnn
from vae_jax.models._pixelcnn_sample import pixelcnn_sample
from vae_jax.models._record import Model, dropout, remat, widths, window, word_dropout
from vae_jax.records import Facts, data, record, static
from vae_jax.types import Array, Params
from vae_jax.vae import VAE, Knobs


@record("model", "linear")
class LinearModel(Model):
    """The linear VAE, whose optimum is known, Lucas et al. (2019)."""

    def build(self, facts: Facts, density: Density) -> VAE:
        """See `models.linear`."""
        head: Any = density.head
        return linear(facts.event_shape, self.latent_dim, likelihood=head)


@record("model", "mlp")
class MLP(Model):
    """ReLU networks on both sides; pixels are independent given z."""

    hidden: tuple[int, ...] = widths((512, 512))
    dropout: float = dropout()
    skip: bool = static("z enters every layer of the decoder.", default=False)

    def build(self, facts: Facts, density: Density) -> VAE:
        """See `models.mlp`."""
        head: Any = density.head
        sizes = facts.event_shape, self.latent_dim
        return mlp(*sizes, hidden=self.hidden, likelihood=head, skip=self.skip)


@record("model", "lipschitz")
class Lipschitz(Model):
    """A decoder whose slope is bounded from both sides, Kinoshita et al. (2023)."""

    hidden: tuple[int, ...] = widths((512, 512))
    inverse_lipschitz: float = data("Least slope of the decoder.", default=0.0, low=0)
    lipschitz: float = data("Its largest slope.", default=20.0, low=0, low_open=True)

    def check(self) -> None:
        """The least slope is not above the largest.

        Raises:
            ValueError: names both.
        """
        super().check()
        if self.inverse_lipschitz > self.lipschitz:
            raise ValueError(
                "`inverse_lipschitz`, the least slope, must not be above `lipschitz`, the "
                f"largest; got {self.inverse_lipschitz} and {self.lipschitz}."
            )

    def build(self, facts: Facts, density: Density) -> VAE:
        """See `models.lipschitz`."""
        head: Any = density.head
        sizes = facts.event_shape, self.latent_dim
        return lipschitz(*sizes, hidden=self.hidden, likelihood=head)


@record("model", "convolutional")
class Convolutional(Model):
    """Convolutional networks on both sides; pixels are independent given z."""

    hidden: tuple[int, ...] = widths((32, 64))
    blocks: int = static(
        "Residual ones at every resolution.", default=0, low=0, high=1_000
    )
    dropout: float = dropout()
    remat: bool = remat()

    def build(self, facts: Facts, density: Density) -> VAE:
        """See `models.convolutional`."""
        head: Any = density.head
        return convolutional(
            facts.event_shape,
            self.latent_dim,
            hidden=self.hidden,
            blocks=self.blocks,
            likelihood=head,
            remat=self.remat,
        )


@record("model", "autoregressive")
class Autoregressive(Model):
    """A masked decoder over the raster order, after Germain et al. (2015)."""

    sees_data = True

    hidden: tuple[int, ...] = widths((512, 512))
    window: int | None = window(
        "Previous pixels that the decoder may see; none for all."
    )
    dropout: float = dropout()
    word_dropout: float = word_dropout()

    def build(self, facts: Facts, density: Density) -> VAE:
        """See `models.autoregressive`."""
        head: Any = density.head
        sizes = facts.event_shape, self.latent_dim
        return autoregressive(*sizes, hidden=self.hidden, likelihood=head)


@record("model", "pixelcnn")
class PixelCNN(Model):
    """A gated PixelCNN as decoder, van den Oord et al. (2016)."""

    sees_data = True
    heads = (*Model.heads, "logistic_mixture")

    hidden: tuple[int, ...] = widths((32, 32, 32, 32, 32))
    kernel: int = static("Side of a layer's field, odd.", default=3, low=1, high=1_001)
    window: int | None = window("Radius that the decoder may see; none for all.")
    dropout: float = dropout()
    word_dropout: float = word_dropout()
    remat: bool = remat()

    def build(self, facts: Facts, density: Density) -> VAE:
        """See `models.pixelcnn`."""
        head: Any = density.head
        return pixelcnn(
            self._shape(facts, density),
            self.latent_dim,
            hidden=self.hidden,
            kernel=self.kernel,
            likelihood=head,
            components=getattr(density, "components", 5),
            remat=self.remat,
        )

    def drawn(
        self,
        keys: Array,
        density: Density,
        params: Params,
        z: Array,
        facts: Facts,
        knobs: Knobs,
    ) -> Array:
        """See `models.pixelcnn_sample`."""
        head: Any = density.head
        family, shape = density.density(facts), self._shape(facts, density)
        return pixelcnn_sample(keys, head, family, params, z, shape, knobs=knobs)

    def _shape(self, facts: Facts, density: Density) -> tuple[int, ...]:
        shape = facts.event_shape
        # a mixture couples channels, if only one
        return (*shape, 1) if density.wants == "signed" and len(shape) == 2 else shape
