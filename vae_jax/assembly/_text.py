"""Sentences in place of images: a config's text as the splits that the engine holds."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax.numpy as jnp
import numpy as np

from vae_jax import data, likelihoods, text
from vae_jax.types import Array, ArrayLike

NO_CLASS = -1


@lru_cache(maxsize=4)
def load_text(
    name: str,
    folder: str | None,
    vocab_size: int,
    max_length: int,
    shared_sentences: str = "default",
) -> data.Dataset:
    """Tokens without the one that begins every sentence; `max_value` is the largest id.

    `ten_sequences` has the same ten in every split: they are all that there is. The limits,
    and what becomes of sentences that two splits share, are of `brown` and `text`.

    Raises:
        ValueError: no folder, where the set needs one; sentences that two splits share,
            where they are refused.
        FileNotFoundError: the folder does not hold the set.

    >>> sentences = load_text("ten_sequences", None, 10_000, 40)
    >>> sentences.train.images.shape, sentences.max_value
    ((10, 11), 5)
    """
    if name == "ten_sequences":
        ten = text.ten_sequences()
        return _dataset(name, text.TextSplits(ten, ten, ten), int(ten.tokens.max()))
    if name == "synthetic_language":
        language = text.synthetic_language()
        parts = (getattr(language, split).text for split in text.TextSplits._fields)
        largest = len(text.SPECIALS) + len(language.parameters.embedding) - 1
        return _dataset(name, text.TextSplits(*parts), largest)
    if folder is None:
        raise ValueError(
            f"dataset={name!r} is read from a folder; got none. Name it by `data_folder`."
        )
    read: Callable[..., text.SentenceSplits] = (
        text.read_brown if name == "brown" else text.read_folder
    )
    chosen = {} if shared_sentences == "default" else {"shared": shared_sentences}
    words = read(folder, **chosen)
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
        tokens = jnp.mean(jnp.sum(jnp.asarray(data.evaluation) != text.PAD, axis=1))
        return named | {"perplexity": jnp.exp(named["nll"] / tokens)}

    call.__name__ = "evaluate"
    return call
