"""Sentences in place of images: a config's text as the splits that the engine holds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from vae_jax import data, likelihoods, text
from vae_jax.assembly._memory import remembered
from vae_jax.types import Array, ArrayLike

NO_CLASS = -1


def load_text(
    name: str,
    folder: str | Path | None,
    vocab_size: int,
    max_length: int,
    shared_sentences: str = "default",
) -> data.Dataset:
    """Tokens without the one that begins every sentence; `max_value` is the largest id.

    `ten_sequences` has the same ten in every split: they are all that there is. The limits,
    and what becomes of sentences that two splits share, are of `brown` and `text`. What is
    remembered is known by what the files hold: once they have changed they are read again.

    Raises:
        ValueError: no folder, where the set needs one; sentences that two splits share,
            where they are refused.
        FileNotFoundError: the folder does not hold the set.
        OSError: a file cannot be read.

    >>> sentences = load_text("ten_sequences", None, 10_000, 40)
    >>> sentences.train.images.shape, sentences.max_value
    ((10, 11), 5)
    """
    made = {"ten_sequences": _ten, "synthetic_language": _language}
    if name in made:
        return remembered(name, str, made[name])
    if folder is None:
        raise ValueError(
            f"dataset={name!r} is read from a folder; got none. Name it by `data_folder`."
        )
    asked = name, vocab_size, max_length, shared_sentences
    return remembered(
        asked,
        lambda: data.content_digest(text.source_files(name, folder)),
        lambda: _read(*asked, folder),
    )


def _ten() -> data.Dataset:
    ten = text.ten_sequences()
    splits = text.TextSplits(ten, ten, ten)
    return _dataset("ten_sequences", splits, int(ten.tokens.max()))


def _language() -> data.Dataset:
    language = text.synthetic_language()
    parts = (getattr(language, split).text for split in text.TextSplits._fields)
    largest = len(text.SPECIALS) + len(language.parameters.embedding) - 1
    return _dataset("synthetic_language", text.TextSplits(*parts), largest)


def _read(
    name: str, vocab_size: int, max_length: int, shared: str, folder: str | Path
) -> data.Dataset:
    """Words of a folder as tokens of the vocabulary of its training sentences."""
    read: Callable[..., text.SentenceSplits] = (
        text.read_brown if name == "brown" else text.read_folder
    )
    words = read(folder, **({} if shared == "default" else {"shared": shared}))
    vocabulary = text.build_vocabulary(words.train, max_size=vocab_size)
    splits = text.encode_splits(vocabulary, words, max_length, too_long="cut")
    return _dataset(name, splits, vocabulary.size - 1)


def _dataset(name: str, splits: text.TextSplits, largest: int) -> data.Dataset:
    train, validation, test = (_split(part) for part in splits)
    return data.Dataset(name, train, validation, test, largest)


def _split(part: text.TextSet) -> data.Split:
    return data.Split(part.tokens[:, 1:], np.full(len(part.tokens), NO_CLASS, np.int32))


def sentences() -> likelihoods.Likelihood:
    """Categorical, and nothing charged for what stands after the end of a sentence.

    >>> logits, x = jnp.zeros((1, 3, 8)), jnp.array([[5, 3, 0]])
    >>> round(float(sentences().log_prob(logits, x)[0] / jnp.log(8)), 4)
    -2.0
    """

    def log_prob(logits: Any, x: ArrayLike) -> Array:
        return likelihoods.categorical_log_prob(logits, x, mask=x != text.PAD)

    return likelihoods.categorical()._replace(log_prob=log_prob)


def with_perplexity(evaluate: Callable[..., dict[str, Array]]) -> Callable[..., Any]:
    """The evaluation with `perplexity`: exp of the NLL of all sentences over their tokens.

    Counted are the tokens that are predicted: the one that ends a sentence, and neither the
    one that begins it nor padding. The NLL is the importance-weighted bound.

    >>> class Data:
    ...     evaluation = jnp.array([[4, 3, 0], [4, 5, 3]])
    >>> found = with_perplexity(lambda *a: {"nll": 2.5 * jnp.log(7.0)})(0, 0, 0, Data)
    >>> round(float(found["perplexity"]), 3)
    7.0
    """

    def call(state: Any, key: Any, hyper: Any, data: Any) -> dict[str, Array]:
        named = evaluate(state, key, hyper, data)
        words = jnp.sum(jnp.asarray(data.evaluation) != text.PAD, axis=1)
        tokens = jnp.mean(words, dtype=jnp.float32)
        return named | {"perplexity": jnp.exp(named["nll"] / tokens)}

    call.__name__ = "evaluate"
    return call
