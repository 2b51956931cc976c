"""The PyTorch side: a sentence VAE with `nn.LSTM`, written as users write it."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from experiments.benchmarks._torch import in_memory

BOS = 2


class TorchSentenceVAE(nn.Module):
    """One LSTM reads and one writes; z is beside every input and makes the first state."""

    def __init__(self, vocabulary: int, embedding: int, hidden: int, latent: int):
        super().__init__()
        self.read = nn.Embedding(vocabulary, embedding)
        self.encoder = nn.LSTM(embedding, hidden, batch_first=True)
        self.posterior = nn.Linear(hidden, 2 * latent, bias=False)
        self.write = nn.Embedding(vocabulary, embedding)
        self.cell = nn.Linear(latent, hidden, bias=False)
        self.decoder = nn.LSTM(embedding + latent, hidden, batch_first=True)
        self.output = nn.Linear(hidden, vocabulary, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mean over the batch of reconstruction + KL, in nats."""
        begin = torch.full_like(x[:, :1], BOS)
        _, (state, _) = self.encoder(self.read(torch.cat([begin, x], 1)))
        mean, logvar = self.posterior(state[-1]).chunk(2, -1)
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        inputs = self.write(torch.cat([begin, x[:, :-1]], 1))
        beside = z[:, None].expand(-1, x.shape[1], -1)
        cell = self.cell(z)[None]
        states, _ = self.decoder(
            torch.cat([inputs, beside], -1), (torch.tanh(cell), cell)
        )
        logits = self.output(states)
        distortion = functional.cross_entropy(
            logits.flatten(0, 1), x.flatten(), reduction="sum"
        )
        rate = -0.5 * torch.sum(1 + logvar - mean**2 - logvar.exp())
        return (distortion + rate) / len(x)


def make_lstm_arm(
    tokens: torch.Tensor, sizes: tuple[int, int, int, int], batch: int
) -> Callable[[int], None]:
    """A function that trains for so many steps of Adam."""
    model = TorchSentenceVAE(*sizes)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    batches = in_memory(tokens, batch)

    def run(num_steps: int) -> None:
        for _ in range(num_steps):
            optimizer.zero_grad(set_to_none=True)
            model(next(batches)).backward()
            optimizer.step()

    return run
