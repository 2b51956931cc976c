"""Sets of sentences as records of a run, and as the splits that the engine holds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from vae_jax import data, text
from vae_jax.data import DataSet
from vae_jax.records import normal_folder, record, static

NO_CLASS = -1
"""Sentences have no labels."""

Shared = Literal["default", "refuse", "drop", "keep"]


@record()
class Sentences(DataSet):
    """Tokens of sentences."""

    of_sentences = True

    def prepare(self, wants: str, max_value: int) -> Callable[[Any, Any], Any]:
        """Tokens are read as they are."""
        del wants, max_value
        return lambda keys, tokens: tokens


@record("dataset", "ten_sequences")
class TenSequences(Sentences):
    """Ten sequences of ten digits each, the same in every split."""

    def load(self) -> data.Dataset:
        """See `text.ten_sequences`."""
        return data.remembered(self.name, str, _ten)


@record("dataset", "synthetic_language")
class RandomLanguage(Sentences):
    """Sentences of a random LSTM whose true code is known, He et al. (2019)."""

    def load(self) -> data.Dataset:
        """See `text.synthetic_language`."""
        return data.remembered(self.name, str, _language)


@record()
class Corpus(Sentences):
    """Words of a folder as tokens of the vocabulary of its training sentences."""

    read: ClassVar[Callable[..., text.SentenceSplits]]

    data_folder: str = static("Local folder of its files.")
    vocab_size: int = static(
        "Words of the vocabulary, the four special tokens included; all others are the "
        "unknown word.",
        default=10_000,
        low=5,
        high=10_000_000,
    )
    max_length: int = static(
        "Tokens of a sentence, beginning and end included; longer ones are cut.",
        default=40,
        low=3,
        high=10_000,
    )
    shared_sentences: Shared = static(
        "Sentences that two splits share: refuse them, drop them from train and "
        "validation, or keep them; a corpus has its own default.",
        default="default",
    )

    def check(self) -> None:
        """One name for one folder."""
        object.__setattr__(self, "data_folder", normal_folder(self.data_folder))

    def load(self) -> data.Dataset:
        """The folder's sentences.

        Raises:
            ValueError: sentences that two splits share, where they are refused.
            FileNotFoundError: the folder does not hold the set.
            OSError: a file cannot be read.
        """
        asked = self.name, self.vocab_size, self.max_length, self.shared_sentences
        return data.remembered(
            asked,
            lambda: data.content_digest(text.source_files(self.name, self.data_folder)),
            self._read,
        )

    def spelt(self, tokens: np.ndarray) -> list[str]:
        """Sentences in the words of the folder's vocabulary."""
        vocabulary = self._vocabulary(self._words())
        return [vocabulary.decode(row) for row in tokens]

    def _read(self) -> data.Dataset:
        words = self._words()
        vocabulary = self._vocabulary(words)
        splits = text.encode_splits(vocabulary, words, self.max_length, too_long="cut")
        return _dataset(self.name, splits, vocabulary.size - 1)

    def _words(self) -> text.SentenceSplits:
        shared = self.shared_sentences
        said = {} if shared == "default" else {"shared": shared}
        return type(self).read(Path(self.data_folder), **said)

    def _vocabulary(self, words: text.SentenceSplits) -> text.Vocabulary:
        return text.build_vocabulary(words.train, max_size=self.vocab_size)


@record("dataset", "brown")
class Brown(Corpus):
    """The Brown corpus, from the files of its package."""

    read = staticmethod(text.read_brown)


@record("dataset", "text")
class OwnText(Corpus):
    """Sentences of your own, a file a split."""

    read = staticmethod(text.read_folder)


def _ten() -> data.Dataset:
    ten = text.ten_sequences()
    splits = text.TextSplits(ten, ten, ten)
    return _dataset("ten_sequences", splits, int(ten.tokens.max()))


def _language() -> data.Dataset:
    language = text.synthetic_language()
    parts = (getattr(language, split).text for split in text.TextSplits._fields)
    largest = len(text.SPECIALS) + len(language.parameters.embedding) - 1
    return _dataset("synthetic_language", text.TextSplits(*parts), largest)


def _dataset(name: str, splits: text.TextSplits, largest: int) -> data.Dataset:
    """Tokens without the one that begins every sentence; the largest is the last id."""
    train, validation, test = (_split(part) for part in splits)
    return data.Dataset(name, train, validation, test, largest, "tokens")


def _split(part: text.TextSet) -> data.Split:
    return data.Split(part.tokens[:, 1:], np.full(len(part.tokens), NO_CLASS, np.int32))
