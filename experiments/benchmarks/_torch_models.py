"""VAEs of vectors and images in PyTorch, as users write them.

Layers have the names that they have in `vae_jax.models`, so that parameters can be handed
over and losses and gradients compared; see `tests/benchmarks`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

Distortion = Callable[[Tensor, Tensor], Tensor]
"""Of what is decoded and of the data, summed over all of them, in nats."""


class TorchVAE(nn.Module):
    """The mean ELBO of a batch, negative, from an encoder and a decoder."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, distortion: Distortion):
        super().__init__()
        self.encoder, self.decoder, self.distortion = encoder, decoder, distortion

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        mean, logvar = self.encoder(x).chunk(2, -1)
        noise = torch.randn_like(mean) if noise is None else noise
        z = mean + torch.exp(0.5 * logvar) * noise
        distortion = self.distortion(self.decoder(z, x), x)
        rate = -0.5 * torch.sum(1 + logvar - mean**2 - logvar.exp())
        return (distortion + rate) / len(x)


def bernoulli(logits: Tensor, x: Tensor) -> Tensor:
    """Of binary data."""
    return functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")


def gaussian(mean: Tensor, x: Tensor) -> Tensor:
    """Of variance 1, with its constant."""
    constant = 0.5 * math.log(2 * math.pi) * x.numel()
    return 0.5 * functional.mse_loss(mean, x, reduction="sum") + constant


def layers(**modules: nn.Module) -> nn.ModuleDict:
    """Modules by name."""
    return nn.ModuleDict(modules)


class MLPEncoder(nn.Module):
    def __init__(self, features: int, hidden: int, latent: int):
        super().__init__()
        self.mlp = layers(layer_0=nn.Linear(features, hidden))
        self.posterior = nn.Linear(hidden, 2 * latent)

    def forward(self, x: Tensor) -> Tensor:
        return self.posterior(functional.relu(self.mlp.layer_0(x)))


class MLPDecoder(nn.Module):
    def __init__(self, features: int, hidden: int, latent: int):
        super().__init__()
        self.mlp = layers(layer_0=nn.Linear(latent, hidden))
        self.output = nn.Linear(hidden, features)

    def forward(self, z: Tensor, x: Tensor) -> Tensor:
        return self.output(functional.relu(self.mlp.layer_0(z)))


def mlp(features: int, hidden: int, latent: int) -> TorchVAE:
    """features-hidden-latent-hidden-features, of binary data."""
    sizes = features, hidden, latent
    return TorchVAE(MLPEncoder(*sizes), MLPDecoder(*sizes), bernoulli)


def groups_of(channels: int) -> int:
    """The largest number of equal groups of at least 8 channels each."""
    return next(n for n in range(max(channels // 8, 1), 0, -1) if channels % n == 0)


def norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(groups_of(channels), channels, eps=1e-5)


class Block(nn.Module):
    """`x + conv(relu(norm(conv(relu(norm(x))))))`."""

    def __init__(self, width: int):
        super().__init__()
        self.norm_0, self.norm_1 = norm(width), norm(width)
        self.layer_0 = nn.Conv2d(width, width, 3, padding=1)
        self.layer_1 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        change = self.layer_0(functional.relu(self.norm_0(x)))
        return x + self.layer_1(functional.relu(self.norm_1(change)))


def blocks(width: int, number: int) -> nn.Sequential:
    return nn.Sequential(*(Block(width) for _ in range(number)))


class ImageEncoder(nn.Module):
    """Halves the sides at every width."""

    def __init__(
        self,
        shape: tuple[int, int, int],
        hidden: tuple[int, ...],
        latent: int,
        num: int,
    ):
        super().__init__()
        channels, height, width = shape
        self.plain, inputs = num == 0, (channels, *hidden)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 4, stride=2, padding=1)
            for a, b in zip(inputs, hidden, strict=False)
        )
        self.blocks = nn.ModuleList(blocks(b, num) for b in hidden)
        self.end = (
            nn.Identity() if self.plain else nn.Sequential(norm(hidden[-1]), nn.ReLU())
        )
        size = (height >> len(hidden)) * (width >> len(hidden)) * hidden[-1]
        self.posterior = nn.Linear(size, 2 * latent)

    def forward(self, x: Tensor) -> Tensor:
        for down, inner in zip(self.down, self.blocks, strict=True):
            x = down(x)
            x = inner(functional.relu(x) if self.plain else x)
        return self.posterior(self.end(x).flatten(1))


class ImageDecoder(nn.Module):
    """Doubles the sides at every width: repeated pixels, then 3x3 taps."""

    def __init__(
        self,
        shape: tuple[int, int, int],
        hidden: tuple[int, ...],
        latent: int,
        num: int,
    ):
        super().__init__()
        channels, height, width = shape
        self.plain = num == 0
        self.small = hidden[0], height >> len(hidden), width >> len(hidden)
        self.start = nn.Linear(latent, math.prod(self.small))
        self.up = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1)
            for a, b in zip(hidden, hidden[1:], strict=False)
        )
        self.blocks = nn.ModuleList(blocks(b, num) for b in hidden)
        self.end = (
            nn.Identity() if self.plain else nn.Sequential(norm(hidden[-1]), nn.ReLU())
        )
        self.output = nn.Conv2d(hidden[-1], channels, 3, padding=1)

    def forward(self, z: Tensor, x: Tensor) -> Tensor:
        image = self.start(z).unflatten(1, self.small)
        for level, inner in enumerate(self.blocks):
            if level:
                image = self.up[level - 1](doubled(image))
            image = inner(functional.relu(image) if self.plain else image)
        return self.output(doubled(self.end(image)))


def doubled(x: Tensor) -> Tensor:
    """Every pixel twice both ways."""
    return functional.interpolate(x, scale_factor=2, mode="nearest")


def convolutional(
    shape: tuple[int, int, int],
    hidden: tuple[int, ...],
    latent: int,
    num_blocks: int = 0,
) -> TorchVAE:
    """Of images of (channels, height, width): binary of one channel, else real."""
    encoder = ImageEncoder(shape, hidden, latent, num_blocks)
    decoder = ImageDecoder(shape, hidden[::-1], latent, num_blocks)
    return TorchVAE(encoder, decoder, bernoulli if shape[0] == 1 else gaussian)
