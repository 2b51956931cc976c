"""Sentences written by PyTorch, a token at a time, with what came before in a cache."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from experiments.benchmarks._torch_models import TorchVAE
from experiments.benchmarks._torch_text import BOS, LSTMDecoder, TransformerDecoder

Steps = tuple[Callable[..., Any], ...]
"""Of an LSTM and of a Transformer, as they are or compiled."""


def step_lstm(decoder: LSTMDecoder, z: Tensor, token: Tensor, state: Any) -> Any:
    """Logits of the next token, and the state after this one."""
    read = torch.cat([decoder.embedding(token), z], -1)
    states, state = decoder.lstm(read[:, None], state)
    return decoder.output(states[:, 0]), state


def step_transformer(
    decoder: TransformerDecoder, states: Tensor, cache: Tensor, position: int
) -> Tensor:
    """One position through every layer; its keys and values go into the cache."""
    for number, layer in enumerate(decoder.layers):
        query, keys, values = layer.pairs(states)
        cache[number, 0, :, :, position] = keys[:, :, 0]
        cache[number, 1, :, :, position] = values[:, :, 0]
        seen = cache[number, :, :, :, : position + 1]
        mixed = functional.scaled_dot_product_attention(query, *seen)
        states = layer.complete(states, mixed)
    return decoder.output(decoder.norm(states[:, 0]))


def masked_step(
    decoder: TransformerDecoder, states: Tensor, cache: Tensor, place: Tensor
) -> Tensor:
    """The same for any position, which is a tensor: compiled once for all of them."""
    visible = torch.arange(cache.shape[4])[None] <= place
    for number, layer in enumerate(decoder.layers):
        query, keys, values = layer.pairs(states)
        cache[number, 0].index_copy_(2, place, keys)
        cache[number, 1].index_copy_(2, place, values)
        mixed = functional.scaled_dot_product_attention(
            query, *cache[number], attn_mask=visible
        )
        states = layer.complete(states, mixed)
    return decoder.output(decoder.norm(states[:, 0]))


def choose(logits: Tensor, top_p: float) -> Tensor:
    """A token of those that are likeliest and hold `top_p`; of all at 1."""
    chances = logits.softmax(-1)
    if top_p == 1:
        return torch.multinomial(chances, 1)[:, 0]
    ordered, places = chances.sort(-1, descending=True)
    ordered[ordered.cumsum(-1) - ordered >= top_p] = 0
    return places.gather(1, torch.multinomial(ordered, 1))[:, 0]


@torch.inference_mode()
def write(vae: TorchVAE, z: Tensor, length: int, top_p: float, steps: Steps) -> Tensor:
    """So many tokens of each sentence, whatever has ended."""
    if isinstance(vae.decoder, LSTMDecoder):
        return write_lstm(vae.decoder, z, length, top_p, steps[0])
    return write_transformer(vae.decoder, z, length, top_p, steps[1])


def write_lstm(
    decoder: LSTMDecoder, z: Tensor, length: int, top_p: float, step: Any
) -> Tensor:
    token, state, tokens = torch.full((len(z),), BOS), decoder.start(z), []
    for _ in range(length):
        logits, state = step(decoder, z, token, state)
        token = choose(logits, top_p)
        tokens.append(token)
    return torch.stack(tokens, 1)


def write_transformer(
    decoder: TransformerDecoder, z: Tensor, length: int, top_p: float, step: Any
) -> Tensor:
    token, tokens = torch.full((len(z),), BOS), []
    cache = empty_cache(decoder, len(z), length + 1)
    places = place_of(step, length + 1)
    step(decoder, decoder.prefix(z)[:, None], cache, places[0])
    for time in range(length):
        inputs = decoder.embedding(token)[:, None] + decoder.positions[time]
        logits = step(decoder, inputs, cache, places[time + 1])
        token = choose(logits, top_p)
        tokens.append(token)
    return torch.stack(tokens, 1)


def place_of(step: Any, room: int) -> list[Any]:
    """Every position, as the step takes it."""
    if step is step_transformer:
        return list(range(room))
    return list(torch.arange(room).split(1))


def empty_cache(decoder: TransformerDecoder, batch: int, room: int) -> Tensor:
    """(layers, keys and values, batch, heads, positions, size)."""
    width, heads = decoder.embedding.embedding_dim, decoder.layers[0].heads
    return torch.zeros(len(decoder.layers), 2, batch, heads, room, width // heads)


def writing(
    make: Callable[[], TorchVAE],
    batch: int,
    latent: int,
    length: int,
    top_p: float,
    *,
    compiled: bool = False,
) -> Callable[[int], None]:
    """A function that writes so many batches of sentences."""
    vae, steps = make().eval(), (step_lstm, step_transformer)
    if compiled:
        forms = step_lstm, masked_step
        steps = tuple(torch.compile(one, dynamic=False) for one in forms)

    def run(num_batches: int) -> None:
        for _ in range(num_batches):
            write(vae, torch.randn(batch, latent), length, top_p, steps)

    return run
