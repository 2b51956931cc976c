"""Small texts that the tests share: files in a folder, and prepared sets."""

import hashlib

import tensorflow_datasets as tfds
from prepared_sets import prepare

from vae_jax.text import EOS


def write_files(folder, files):
    """`files` is name -> lines."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        text = "".join(f"{line}\n" for line in lines)
        (folder / name).write_bytes(text.encode())
    return folder


def joined(sentences):
    """Lists of words as lines, easier on the eye."""
    return [" ".join(words) for words in sentences]


def split_of(line):
    """The rule of splits by hash, once more: SHA-256, 8 bytes, modulo 10."""
    number = int(hashlib.sha256(line.encode()).hexdigest()[:16], 16)
    return {0: "test", 1: "validation"}.get(number % 10, "train")


def random_sentences(rng, num, longest=12, size=20):
    """Ids as `encode` makes them, from no words at all to `longest - 2`."""
    counts = rng.integers(0, longest - 1, num)
    return [[2, *rng.integers(4, size, count).tolist(), EOS] for count in counts]


def prepare_text(root, splits, features=None, set_name="tiny_text"):
    """Prepare a text set as any user of tensorflow-datasets does, without TensorFlow.

    `splits` is name -> list of texts, or of examples.
    """
    features = features or {"text": tfds.features.Text()}

    rows = {
        name: [row if isinstance(row, dict) else {"text": row} for row in texts]
        for name, texts in splits.items()
    }
    return prepare(root, rows, features, set_name)
