"""VAEs of sentences in PyTorch, as users write them: `nn.LSTM`, and a Transformer.

Names are those of `vae_jax.models`; see `_torch_models`.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from experiments.benchmarks._torch_models import TorchVAE

PAD, BOS = 0, 2


def categorical(logits: Tensor, x: Tensor) -> Tensor:
    """Of the tokens that are no padding."""
    return functional.cross_entropy(
        logits.flatten(0, 1), x.flatten(), reduction="sum", ignore_index=PAD
    )


def after_bos(x: Tensor) -> Tensor:
    """The token that begins a sentence in front of it."""
    return torch.cat([torch.full_like(x[:, :1], BOS), x], 1)


class LSTMEncoder(nn.Module):
    """The posterior is linear in the last state; sentences have no padding here."""

    def __init__(self, vocabulary: int, embedding: int, hidden: int, latent: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True)
        self.posterior = nn.Linear(hidden, 2 * latent, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        _, (state, _) = self.lstm(self.embedding(after_bos(x)))
        return self.posterior(state[-1])


class LSTMDecoder(nn.Module):
    """z is beside every input and makes the first state."""

    def __init__(self, vocabulary: int, embedding: int, hidden: int, latent: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.cell = nn.Linear(latent, hidden, bias=False)
        self.lstm = nn.LSTM(embedding + latent, hidden, batch_first=True)
        self.output = nn.Linear(hidden, vocabulary, bias=False)

    def start(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden state and cell before the first token."""
        cell = self.cell(z)[None]
        return torch.tanh(cell), cell

    def forward(self, z: Tensor, x: Tensor) -> Tensor:
        inputs = self.embedding(after_bos(x[:, :-1]))
        beside = z[:, None].expand(-1, inputs.shape[1], -1)
        states, _ = self.lstm(torch.cat([inputs, beside], -1), self.start(z))
        return self.output(states)


def lstm(vocabulary: int, embedding: int, hidden: int, latent: int) -> TorchVAE:
    """Of sentences, (batch, length)."""
    sizes = vocabulary, embedding, hidden, latent
    return TorchVAE(LSTMEncoder(*sizes), LSTMDecoder(*sizes), categorical)


class Layer(nn.Module):
    """Pre-norm attention and a feed-forward branch."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width, eps=1e-6)
        self.project = nn.Linear(width, 3 * width)
        self.attention_output = nn.Linear(width, width)
        self.feed_norm = nn.LayerNorm(width, eps=1e-6)
        self.feed = nn.Linear(width, 4 * width)
        self.feed_output = nn.Linear(4 * width, width)

    def pairs(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, (batch, heads, time, size)."""
        found = self.project(self.attention_norm(x)).unflatten(-1, (3, self.heads, -1))
        query, keys, values = found.permute(2, 0, 3, 1, 4)
        return query, keys, values

    def complete(self, x: Tensor, mixed: Tensor) -> Tensor:
        """From what attention found on."""
        x = x + self.attention_output(mixed.transpose(1, 2).flatten(2))
        active = functional.gelu(self.feed(self.feed_norm(x)), approximate="tanh")
        return x + self.feed_output(active)

    def forward(self, x: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        mixed = functional.scaled_dot_product_attention(
            *self.pairs(x), attn_mask=mask, is_causal=causal
        )
        return self.complete(x, mixed)


class Body(nn.Module):
    """Embedded tokens with sinusoids, the layers and the last norm."""

    def __init__(self, vocabulary: int, width: int, number: int, heads: int, room: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(number))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.register_buffer("positions", sinusoids(room, width), persistent=False)

    def embed(self, tokens: Tensor) -> Tensor:
        return self.embedding(tokens) + self.positions[: tokens.shape[1]]


class TransformerEncoder(Body):
    def __init__(
        self,
        vocabulary: int,
        width: int,
        number: int,
        heads: int,
        latent: int,
        length: int,
    ):
        super().__init__(vocabulary, width, number, heads, length + 1)
        self.posterior = nn.Linear(width, 2 * latent)

    def forward(self, x: Tensor) -> Tensor:
        read = after_bos(x)
        states, visible = self.embed(read), (read != PAD)[:, None, None]
        for layer in self.layers:
            states = layer(states, visible, False)
        return self.posterior(self.norm(states[:, 0]))


class TransformerDecoder(Body):
    """z is a position in front of the sentence."""

    def __init__(
        self,
        vocabulary: int,
        width: int,
        number: int,
        heads: int,
        latent: int,
        length: int,
    ):
        super().__init__(vocabulary, width, number, heads, length)
        self.prefix = nn.Linear(latent, width)
        self.output = nn.Linear(width, vocabulary)

    def forward(self, z: Tensor, x: Tensor) -> Tensor:
        inputs = self.embed(after_bos(x[:, :-1]))
        states = torch.cat([self.prefix(z)[:, None], inputs], 1)
        for layer in self.layers:
            states = layer(states, None, True)
        return self.output(self.norm(states[:, 1:]))


def sinusoids(length: int, width: int) -> Tensor:
    """Vaswani et al.'s, sines first."""
    half = (width + 1) // 2
    frequencies = torch.exp(-math.log(10_000) * 2 * torch.arange(half) / width)
    angles = torch.arange(length)[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)[:, :width]


def transformer(
    vocabulary: int, width: int, number: int, heads: int, latent: int, length: int
) -> TorchVAE:
    """Of sentences, (batch, length)."""
    sizes = vocabulary, width, number, heads, latent, length
    return TorchVAE(TransformerEncoder(*sizes), TransformerDecoder(*sizes), categorical)
