"""The VAE with a gated PixelCNN decoder in PyTorch; see `vae_jax.models.pixelcnn`."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from experiments.benchmarks._torch_models import (
    ImageDecoder,
    ImageEncoder,
    TorchVAE,
    bernoulli,
)

HALF = 1
"""Pixels to either side that a kernel of 3 sees."""


def gate(sums: Tensor) -> Tensor:
    values, shares = sums.chunk(2, 1)
    return torch.tanh(values) * torch.sigmoid(shares)


class GatedLayer(nn.Module):
    """Two stacks: of the rows above, and of the pixels to the left."""

    def __init__(self, inputs: int, width: int, latent: int, number: int):
        super().__init__()
        wide, back = 2 * width, HALF + (number > 0)
        self.number = number
        # the first layer sees neither its own row nor its own pixel
        self.last = 0 if number else -1
        self.vertical = nn.Conv2d(inputs, wide, (back, 2 * HALF + 1))
        self.horizontal = nn.Conv2d(inputs, wide, (1, back))
        self.across = nn.Conv2d(wide, wide, 1)
        self.of_code = nn.Linear(latent, 2 * wide)
        self.of_map = nn.Conv2d(width, 2 * wide, 1)
        self.onward, self.skip = nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)

    def forward(
        self, v: Tensor, h: Tensor, z: Tensor, place: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        told = self.of_code(z)[:, :, None, None] + self.of_map(place)
        of_rows, of_pixels = told.chunk(2, 1)
        above = self.vertical(functional.pad(v, (HALF, HALF, HALF, self.last)))
        side = self.across(above) + of_pixels
        left = self.horizontal(functional.pad(h, (HALF, self.last, 0, 0)))
        gated = gate(left + side)
        onward = self.onward(gated)
        h = onward + h if self.number else onward
        return gate(above + of_rows), h, self.skip(gated)


class PixelDecoder(nn.Module):
    def __init__(
        self,
        shape: tuple[int, int, int],
        hidden: tuple[int, ...],
        latent: int,
        num: int,
    ):
        super().__init__()
        channels, width = shape[0], hidden[0]
        self.decoded = ImageDecoder((width, *shape[1:]), (width,) * num, latent, 0)
        self.gated = nn.ModuleList(
            GatedLayer(width if n else channels, width, latent, n)
            for n in range(len(hidden))
        )
        self.gathered = nn.Conv2d(width, width, 1)
        self.output = nn.Conv2d(width, channels, 1)

    def forward(self, z: Tensor, x: Tensor) -> Tensor:
        place = functional.relu(self.decoded(z, x))
        v, h, total = x, x, None
        for layer in self.gated:
            v, h, skip = layer(v, h, z, place)
            total = skip if total is None else total + skip
        return self.output(functional.relu(self.gathered(functional.relu(total + h))))


def pixelcnn(
    shape: tuple[int, int, int], hidden: tuple[int, ...], latent: int
) -> TorchVAE:
    """Of binary images of (channels, height, width)."""
    num = halvings(*shape[1:])
    encoder = ImageEncoder(shape, (hidden[0],) * num, latent, 0)
    return TorchVAE(encoder, PixelDecoder(shape, hidden, latent, num), bernoulli)


def halvings(height: int, width: int) -> int:
    """How often the sides are halved: while both are even and above 4."""
    number = 0
    while height % 2 == width % 2 == 0 and min(height, width) > 4:
        height, width, number = height // 2, width // 2, number + 1
    return number
