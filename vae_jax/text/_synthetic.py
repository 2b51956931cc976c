"""A data set of which everything is known: sentences of an LSTM, and their codes."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from vae_jax.text._language import LATENT, LanguageParameters, draw_language, speak
from vae_jax.text._text_set import TextSet
from vae_jax.text._tokenizer import SPECIALS
from vae_jax.text._whole import whole
from vae_jax.tokens import BOS, EOS

CENTRES = np.array([[-2.0, -2.0], [2.0, 2.0], [-2.0, 2.0], [2.0, -2.0]])


class LatentText(NamedTuple):
    """Sentences, and the codes that they were generated from.

    Attributes:
        text: BOS, words (from id 4 on), EOS; all of the same length.
        z: float64, `(sentences, 2)`.

    >>> LatentText._fields
    ('text', 'z')
    """

    text: TextSet
    z: Float64[np.ndarray, "sentences 2"]


class SyntheticLanguage(NamedTuple):
    """A data set in three splits, and the model that made it.

    Attributes:
        train: to fit on.
        validation: to choose by.
        test: to report.
        parameters: for `language_log_probs`.

    >>> SyntheticLanguage._fields
    ('train', 'validation', 'test', 'parameters')
    """

    train: LatentText
    validation: LatentText
    test: LatentText
    parameters: LanguageParameters


def synthetic_language(
    seed: int = 19950927,
    num_sentences: int = 20000,
    vocab_size: int = 1000,
    *,
    length: int = 10,
    embedding_dim: int = 100,
    hidden_dim: int = 100,
) -> SyntheticLanguage:
    """Sentences of an LSTM with a code: the ground truth of a text VAE.

    - `z ~ N(m, I)`, m one of (-2, -2), (2, 2), (-2, 2), (2, -2), equally often
    - `c_0 = T z, h_0 = tanh(c_0)`, and x_1 is uniform over the words
    - `h_t, c_t = LSTM([embed(x_t), z], h_{t-1}, c_{t-1})`
    - `x_{t+1} ~ softmax(O1 h_t + O2 z)`

    All parameters are U(-1, 1), the two biases of the LSTM too, and O2 is U(-5, 5). The
    first 8 tenths of the sentences are train, the next is validation, the last test:
    16 000, 2000 and 2000. Text has 12 ids a sentence and 11 targets, of `4 + vocab_size`
    ids. In float64, 20 000 sentences take 2 to 6 s. Fewer sentences of a seed are the
    first of more. The random numbers are numpy's: the authors' seed gives another sample
    of the same law. The same seed gives the same words on every machine, unless
    another order of summation turns one of them, which is rare in float64.

    He, Spokoyny, Neubig and Berg-Kirkpatrick (2019), arXiv:1901.05534, their
    synthetic set as their published code generates it.

    Args:
        seed: of parameters and sentences.
        num_sentences: in all three splits, at least 10.
        vocab_size: words, without the specials.
        length: words of a sentence.
        embedding_dim: units of the words' embeddings.
        hidden_dim: units of the LSTM.

    Raises:
        TypeError: not a whole number.
        ValueError: a size is too small, or the seed negative.

    >>> language = synthetic_language(num_sentences=20, vocab_size=50)
    >>> language.train.text.tokens.shape, language.train.z.shape
    ((16, 12), (16, 2))
    """
    _check_sizes(seed, num_sentences, vocab_size, length, embedding_dim, hidden_dim)
    # a stream each: then fewer sentences are the first of more
    streams = np.random.SeedSequence(seed).spawn(5)
    parameters_rng, mixture, noise, first, words = map(np.random.default_rng, streams)
    parameters = draw_language(parameters_rng, vocab_size, embedding_dim, hidden_dim)
    centres = CENTRES[mixture.integers(len(CENTRES), size=num_sentences)]
    z = centres + noise.standard_normal((num_sentences, LATENT))
    begin = first.integers(vocab_size, size=num_sentences)
    spoken = speak(parameters, z, begin, words.random((num_sentences, length - 1)))
    cuts = [num_sentences * 8 // 10, num_sentences * 9 // 10]
    parts = np.split(np.arange(num_sentences), cuts)
    train, validation, test = (LatentText(_framed(spoken[at]), z[at]) for at in parts)
    return SyntheticLanguage(train, validation, test, parameters)


def _check_sizes(
    seed: int,
    num_sentences: int,
    vocab_size: int,
    length: int,
    embedding: int,
    hidden: int,
) -> None:
    smallest = {
        "seed": (seed, 0),
        "num_sentences": (num_sentences, 10),
        "vocab_size": (vocab_size, 2),
        "length": (length, 1),
        "embedding_dim": (embedding, 1),
        "hidden_dim": (hidden, 1),
    }
    for name, (value, least) in smallest.items():
        whole(name, value, least)


def _framed(words: np.ndarray) -> TextSet:
    tokens = np.pad(words + len(SPECIALS), ((0, 0), (1, 1))).astype(np.int32)
    tokens[:, 0], tokens[:, -1] = BOS, EOS
    return TextSet(tokens, np.full(len(tokens), tokens.shape[1], np.int32))
