"""Loops of PyTorch: plain, fused, compiled, in either layout, and many models at once."""

import copy
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.func import functional_call, grad, stack_module_state, vmap

from experiments.benchmarks._torch_models import TorchVAE

RATE = 1e-3


def in_memory(data: Tensor, batch: int) -> Iterator[Tensor]:
    """Endless shuffled batches of a tensor in memory."""
    while True:
        order = torch.randperm(len(data))
        for start in range(0, len(data) - batch + 1, batch):
            yield data[order[start : start + batch]]


def train(
    make: Callable[[], TorchVAE],
    data: Tensor,
    batch: int,
    *,
    fused: bool = False,
    compiled: bool = False,
    channels_last: bool = False,
    device: str = "cpu",
) -> Callable[[int], None]:
    """A function that trains for so many steps of Adam; no gradient is clipped."""
    layout = torch.channels_last if channels_last else torch.preserve_format
    model, data = make().to(device, memory_format=layout), data.to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=fused or None)
    loss = torch.compile(model, dynamic=False) if compiled else model
    batches = in_memory(data, batch)

    def run(num_steps: int) -> None:
        for _ in range(num_steps):
            optimizer.zero_grad(set_to_none=True)
            loss(next(batches).to(memory_format=layout)).backward()
            optimizer.step()
        if device != "cpu":
            torch.cuda.synchronize()

    return run


def train_ensemble(
    make: Callable[[], TorchVAE], data: Tensor, batch: int, latent: int, members: int
) -> Callable[[int], None]:
    """Many models by `torch.func.vmap`, compiled, with one fused Adam over all of them.

    Each has batches and noise of its own.
    """
    models = [make() for _ in range(members)]
    params, buffers = stack_module_state(models)
    base = copy.deepcopy(models[0]).to("meta")

    def loss(own: dict[str, Tensor], x: Tensor, noise: Tensor) -> Tensor:
        return functional_call(base, (own, buffers), (x, noise))

    slopes = torch.compile(vmap(grad(loss)), dynamic=False)
    optimizer = torch.optim.Adam(params.values(), lr=RATE, fused=True)
    batches = [in_memory(data, batch) for _ in models]

    def run(num_steps: int) -> None:
        for _ in range(num_steps):
            x = torch.stack([next(own) for own in batches])
            found = slopes(params, x, torch.randn(members, batch, latent))
            for name, own in params.items():
                own.grad = found[name]
            optimizer.step()

    return run
