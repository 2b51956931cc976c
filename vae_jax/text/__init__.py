"""Text as padded arrays of ids, in three splits: tokenizers, batches, sources.

Sources give sentences as lists of words; a tokenizer, built from the training sentences,
makes ids of them; batches of a few fixed shapes go into a compiled step. numpy alone:
importing this loads neither JAX nor tensorflow-datasets.
"""

from vae_jax.text._batches import (
    NextToken,
    TextBatch,
    bucketed_batches,
    buckets,
    inputs_and_targets,
)
from vae_jax.text._brown import read_brown
from vae_jax.text._bytes import ByteTokenizer
from vae_jax.text._folder import read_folder
from vae_jax.text._language import LanguageParameters, language_log_probs
from vae_jax.text._perplexity import perplexity
from vae_jax.text._saved import load_tokenizer
from vae_jax.text._sources import source_files
from vae_jax.text._splits import SentenceSplits
from vae_jax.text._synthetic import (
    LatentText,
    SyntheticLanguage,
    synthetic_language,
)
from vae_jax.text._ten_sequences import ten_sequences
from vae_jax.text._text_set import TextSet, TextSplits, encode_splits, pad_sentences
from vae_jax.text._tfds import read_tfds_text
from vae_jax.text._tokenizer import SPECIALS, Tokenizer
from vae_jax.text._vocabulary import Vocabulary, build_vocabulary
from vae_jax.tokens import BOS, EOS, PAD, UNK

__all__ = [
    "BOS",
    "EOS",
    "PAD",
    "SPECIALS",
    "UNK",
    "ByteTokenizer",
    "LanguageParameters",
    "LatentText",
    "NextToken",
    "SentenceSplits",
    "SyntheticLanguage",
    "TextBatch",
    "TextSet",
    "TextSplits",
    "Tokenizer",
    "Vocabulary",
    "bucketed_batches",
    "buckets",
    "build_vocabulary",
    "encode_splits",
    "inputs_and_targets",
    "language_log_probs",
    "load_tokenizer",
    "pad_sentences",
    "perplexity",
    "read_brown",
    "read_folder",
    "read_tfds_text",
    "source_files",
    "synthetic_language",
    "ten_sequences",
]
