"""Anybody's text: a folder of `.txt` files, one sentence a line."""

from pathlib import Path

from vae_jax.text._lines import existing_folder, names_in, read_lines
from vae_jax.text._options import Shared
from vae_jax.text._splits import SentenceSplits, split_sentences

PARTS = {"train": "train", "valid": "validation", "test": "test"}
"""Names of files that are splits already."""


def read_folder(folder: str | Path, *, shared: Shared = "refuse") -> SentenceSplits:
    r"""The sentences of a folder's `.txt` files, in three splits.

    Words are what white space separates, blank lines are no sentences, files are UTF-8;
    sub-folders are not read. Which split a sentence is in:

    - where the files are `train.txt`, `valid.txt` and `test.txt`, or end so
      (`ptb.train.txt`), by its file;
    - else by its hash: of all possible sentences one tenth is validation, another test.
      The same words are in the same split whatever the file, and a new file moves no
      sentence of the others.

    In a split the order is that of the files' names and of their lines.

    Args:
        folder: with the files.
        shared: of sentences that two of the split files have: `refuse` them, `drop` them
            from train and validation, or `keep` them, which lets the test set be learnt
            by heart.

    Raises:
        FileNotFoundError: no such folder, or no `.txt` file in it.
        ValueError: some of the split files are missing or there are others beside them,
            a file is not UTF-8, a split is empty, or sentences are shared.
        OSError: a file cannot be read.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("train", "valid", "test"):
    ...     _ = (folder / f"{name}.txt").write_text(f"a line to {name}\n")
    >>> read_folder(folder).validation
    [['a', 'line', 'to', 'valid']]
    """
    paths = text_files(folder)
    root = paths[0].parent
    parts = _named_parts(root, paths)
    if parts is None:
        everything = [words for path in paths for words in read_lines(path)]
        return split_sentences(str(root), {"train": everything}, shared)
    own = {name: read_lines(path) for name, path in parts.items()}
    return split_sentences(str(root), own, shared)


def text_files(folder: str | Path) -> list[Path]:
    """The files that `read_folder` reads, in their order.

    Raises:
        FileNotFoundError: no such folder, or none in it.

    >>> text_files("nowhere")
    Traceback (most recent call last):
    FileNotFoundError: `folder` must be a folder that exists; got nowhere.
    """
    root = existing_folder(folder)
    named = [root / name for name in names_in(root) if name.endswith(".txt")]
    paths = [path for path in named if path.is_file()]
    if not paths:
        raise FileNotFoundError(
            f"`folder` must hold .txt files, one sentence a line; got {root} without any."
        )
    return paths


def _named_parts(root: Path, paths: list[Path]) -> dict[str, Path] | None:
    """The files that are splits, if the folder is cut into such; nothing if it is not."""
    by_last_word = [(path.name.split(".")[-2], path) for path in paths]
    parts = {PARTS[word]: path for word, path in by_last_word if word in PARTS}
    if not parts:
        return None
    if len(parts) < len(PARTS) or len(paths) > len(PARTS):
        raise ValueError(
            f"{root} must hold train.txt, valid.txt and test.txt and no other .txt, or "
            f"none of the three; got {', '.join(path.name for path in paths)}. Move "
            "the others away, or rename those."
        )
    return parts
