"""The PyTorch side: the same VAE, Adam and batch size, written as users write it."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset


class TorchVAE(nn.Module):
    """MLP VAE with a Bernoulli decoder: features-hidden-latent-hidden-features."""

    def __init__(self, features: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(features, hidden), nn.ReLU())
        self.mean = nn.Linear(hidden, latent)
        self.logvar = nn.Linear(hidden, latent)
        self.decode = nn.Sequential(
            nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, features)
        )

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.encode(x)
        mean, logvar = self.mean(hidden), self.logvar(hidden)
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        distortion = functional.binary_cross_entropy_with_logits(
            self.decode(z), x, reduction="sum"
        )
        rate = -0.5 * torch.sum(1 + logvar - mean**2 - logvar.exp())
        return (distortion + rate) / len(x)

    forward = loss


def in_memory(data: torch.Tensor, batch: int) -> Iterator[torch.Tensor]:
    """Endless shuffled batches of a tensor in memory."""
    while True:
        order = torch.randperm(len(data))
        for start in range(0, len(data) - batch + 1, batch):
            yield data[order[start : start + batch]]


class Labelled(Dataset[dict[str, torch.Tensor]]):
    """An example is a dict of image and label, as in pythae's data sets."""

    def __init__(self, data: torch.Tensor) -> None:
        self.data, self.labels = data, torch.zeros(len(data))

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"data": self.data[index], "labels": self.labels[index]}


def data_loader(data: torch.Tensor, batch: int) -> Iterator[torch.Tensor]:
    """Endless batches of a shuffling `DataLoader`, collated example by example."""
    loader = DataLoader(Labelled(data), batch, shuffle=True, drop_last=True)
    while True:
        for example in loader:
            yield example["data"]


def make_arm(
    data: torch.Tensor,
    sizes: tuple[int, int, int],
    batch: int,
    *,
    loader: bool = False,
    compiled: bool = False,
) -> Callable[[int], None]:
    """A function that trains for so many steps; no gradient is clipped.

    With a loader it is the loop of pythae's trainer: the loss of every step is read, to
    refuse NaN and to report the mean of an epoch.
    """
    model = TorchVAE(*sizes)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=compiled or None)
    loss = torch.compile(model) if compiled else model
    batches = (data_loader if loader else in_memory)(data, batch)

    def run(num_steps: int) -> None:
        for _ in range(num_steps):
            optimizer.zero_grad(set_to_none=True)
            value = loss(next(batches))
            value.backward()
            optimizer.step()
            if loader and not math.isfinite(value.item()):
                raise FloatingPointError("the loss is not finite")

    return run
