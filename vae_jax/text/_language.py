"""An LSTM that speaks, driven by a code of two units: its law, sampled and evaluated."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64, Integer

from vae_jax.text._tokenizer import SPECIALS
from vae_jax.tokens import BOS, EOS

LATENT = 2

BLOCK = 250
"""Sentences at a time: their distributions over the words stay in the cache."""


class LanguageParameters(NamedTuple):
    """Of the LSTM that speaks; its gates are stacked: input, forget, cell, output.

    Attributes:
        embedding: of the words, `(words, embedding)`.
        from_input: `(4 * hidden, embedding + 2)`, of the embedded word and z.
        from_hidden: `(4 * hidden, hidden)`.
        bias: `(4 * hidden,)`, the sum of two.
        initial: `(hidden, 2)`, T.
        output_hidden: `(words, hidden)`, O1.
        output_latent: `(words, 2)`, O2.

    >>> len(LanguageParameters._fields)
    7
    """

    embedding: Float64[np.ndarray, "words embedding"]
    from_input: Float64[np.ndarray, "gates inputs"]
    from_hidden: Float64[np.ndarray, "gates hidden"]
    bias: Float64[np.ndarray, " gates"]
    initial: Float64[np.ndarray, "hidden 2"]
    output_hidden: Float64[np.ndarray, "words hidden"]
    output_latent: Float64[np.ndarray, "words 2"]


def draw_language(
    rng: np.random.Generator, words: int, embedding: int, hidden: int
) -> LanguageParameters:
    """Parameters from U(-1, 1), both biases too, and O2 from U(-5, 5).

    >>> draw_language(np.random.default_rng(0), 30, 4, 5).from_input.shape
    (20, 6)
    """
    gates = 4 * hidden
    biases = rng.uniform(-1, 1, (2, gates))
    return LanguageParameters(
        embedding=rng.uniform(-1, 1, (words, embedding)),
        from_input=rng.uniform(-1, 1, (gates, embedding + LATENT)),
        from_hidden=rng.uniform(-1, 1, (gates, hidden)),
        bias=biases.sum(axis=0),
        initial=rng.uniform(-1, 1, (hidden, LATENT)),
        output_hidden=rng.uniform(-1, 1, (words, hidden)),
        output_latent=rng.uniform(-5, 5, (words, LATENT)),
    )


def speak(
    parameters: LanguageParameters,
    z: Float64[np.ndarray, "sentences 2"],
    first: Int64[np.ndarray, " sentences"],
    uniform: Float64[np.ndarray, "sentences steps"],
) -> Int64[np.ndarray, "sentences steps+1"]:
    """Sentences, as words from 0 on, that begin with the first words.

    A word is where the cumulated distribution passes a uniform number.

    >>> rng = np.random.default_rng(0)
    >>> parameters = draw_language(rng, 30, 4, 5)
    >>> speak(parameters, np.zeros((2, 2)), np.array([7, 8]), rng.random((2, 3))).shape
    (2, 4)
    """
    words = np.empty((len(first), uniform.shape[1] + 1), np.int64)
    words[:, 0] = first
    for at in _blocks(len(words)):
        hidden, cell = _start(parameters, z[at])
        for t in range(uniform.shape[1]):
            hidden, cell = _step(parameters, words[at, t], z[at], hidden, cell)
            logits = _logits(parameters, z[at], hidden)
            logits -= logits.max(axis=1, keepdims=True)
            cumulated = np.cumsum(np.exp(logits, out=logits), axis=1, out=logits)
            passed = cumulated <= uniform[at, t, None] * cumulated[:, -1:]
            # the last word takes what rounding leaves
            words[at, t + 1] = passed[:, :-1].sum(axis=1)
    return words


def language_log_probs(
    parameters: LanguageParameters,
    tokens: Integer[np.ndarray, "sentences length"],
    z: Float[np.ndarray, "sentences 2"],
) -> Float64[np.ndarray, "sentences length-1"]:
    """`log p(x_{t+1} | x_1 ... x_t, z)` of every target, in nats.

    The first is `-log(words)`; that of EOS, which always comes at the same place, is 0.
    The sum over a row is `log p(x | z)`.

    He, Spokoyny, Neubig and Berg-Kirkpatrick (2019), arXiv:1901.05534.

    Args:
        parameters: of a `SyntheticLanguage`.
        tokens: BOS, words, EOS, as in its `text`.
        z: a code for each sentence.

    Raises:
        ValueError: not one code a sentence, or a sentence not of this language.

    >>> parameters = draw_language(np.random.default_rng(0), 30, 4, 5)
    >>> tokens = np.array([[2, 9, 8, 7, 3]])
    >>> language_log_probs(parameters, tokens, np.zeros((1, 2))).shape
    (1, 4)
    """
    _check_spoken(parameters, tokens, z)
    words = tokens[:, 1:-1].astype(np.int64) - len(SPECIALS)
    result = np.zeros((len(words), words.shape[1] + 1))
    result[:, 0] = -np.log(len(parameters.embedding))
    for at in _blocks(len(words)):
        hidden, cell = _start(parameters, z[at])
        for t in range(words.shape[1] - 1):
            hidden, cell = _step(parameters, words[at, t], z[at], hidden, cell)
            logits = _logits(parameters, z[at], hidden)
            result[at, t + 1] = _log_prob(logits, words[at, t + 1])
    return result


def _blocks(count: int) -> list[slice]:
    return [slice(at, at + BLOCK) for at in range(0, count, BLOCK)]


def _start(
    parameters: LanguageParameters, z: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Hidden state and cell before the first word."""
    cell = z @ parameters.initial.T
    return np.tanh(cell), cell


def _step(
    parameters: LanguageParameters,
    words: np.ndarray,
    z: np.ndarray,
    hidden: np.ndarray,
    cell: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Hidden state and cell after these words."""
    inputs = np.concatenate([parameters.embedding[words], z], axis=1)
    gates = inputs @ parameters.from_input.T + hidden @ parameters.from_hidden.T
    enter, forget, new, leave = np.split(gates + parameters.bias, 4, axis=1)
    cell = _sigmoid(forget) * cell + _sigmoid(enter) * np.tanh(new)
    return _sigmoid(leave) * np.tanh(cell), cell


def _logits(
    parameters: LanguageParameters, z: np.ndarray, hidden: np.ndarray
) -> np.ndarray:
    logits: np.ndarray = hidden @ parameters.output_hidden.T
    logits += z @ parameters.output_latent.T
    return logits


def _log_prob(logits: np.ndarray, words: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    picked = np.take_along_axis(shifted, words[:, None], axis=1)[:, 0]
    log_probs: np.ndarray = picked - np.log(np.exp(shifted).sum(axis=1))
    return log_probs


def _sigmoid(x: np.ndarray) -> np.ndarray:
    # exp(-x) would overflow
    values: np.ndarray = 0.5 * np.tanh(0.5 * x) + 0.5
    return values


def _check_spoken(
    parameters: LanguageParameters, tokens: np.ndarray, z: np.ndarray
) -> None:
    if z.shape != (len(tokens), LATENT):
        raise ValueError(
            f"`z` must be a code for each sentence, {(len(tokens), LATENT)}; got "
            f"{z.shape}."
        )
    size = len(SPECIALS) + len(parameters.embedding)
    words = tokens[:, 1:-1]
    framed = (tokens[:, 0] == BOS) & (tokens[:, -1] == EOS)
    known = (words >= len(SPECIALS)) & (words < size)
    if not words.size or not framed.all() or not known.all():
        raise ValueError(
            f"`tokens` must be BOS ({BOS}), words from {len(SPECIALS)} to {size - 1}, "
            f"EOS ({EOS}), in every row; got {tokens[:1].tolist()!r:.80} and "
            f"{len(tokens) - 1} more."
        )
