"""One sentence a line, its words apart by white space."""

import os
from pathlib import Path
from typing import Any

MARK = "\ufeff"
"""Of the byte order; at the front of a file, or of one that was appended to another."""

OTHER_ENCODINGS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def read_lines(path: Path) -> list[list[str]]:
    r"""The words of every line of a file that is not blank.

    A mark of the byte order in front of a line is left out; it would stick to the first
    word.

    Raises:
        ValueError: not UTF-8, or with a NUL in it.
        OSError: the file cannot be read.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "short.txt"
    >>> _ = path.write_text("so it goes\n\nand so  on\n")
    >>> read_lines(path)
    [['so', 'it', 'goes'], ['and', 'so', 'on']]
    """
    content = path.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        encoding = OTHER_ENCODINGS.get(content[:2], "LATIN1")
        raise ValueError(
            f"{path} must be UTF-8; got something else: {error}. Convert it: "
            f"iconv -f {encoding} -t UTF-8."
        ) from error
    if "\0" in text:
        raise ValueError(
            f"{path} must be UTF-8 text; got a NUL at character {text.index(chr(0))}. If "
            "it is UTF-16, convert it: iconv -f UTF-16LE -t UTF-8."
        )
    # not splitlines, which also splits at separators inside a line
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    words = (line.removeprefix(MARK).split() for line in lines)
    return [each for each in words if each]


def existing_folder(folder: Any) -> Path:
    """The folder, if there is one.

    Raises:
        TypeError: not a path.
        FileNotFoundError: there is none.
        OSError: the system does not say.

    >>> existing_folder("nowhere")
    Traceback (most recent call last):
    FileNotFoundError: `folder` must be a folder that exists; got nowhere.
    """
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(f"`folder` must be a path; got {folder!r:.80}.")
    if not os.fspath(folder):
        raise ValueError("`folder` must name a folder; got ''.")
    try:
        path = Path(folder).expanduser()
    # pathlib's word for a home that the system does not know
    except RuntimeError as error:
        raise ValueError(
            f"`folder` must be in full; got {folder!r}: {error}"
        ) from error
    if not names_in(path) and not path.is_dir():
        raise FileNotFoundError(f"`folder` must be a folder that exists; got {path}.")
    return path


def names_in(folder: Path) -> list[str]:
    """What a folder holds, in order; nothing where there is no such folder.

    Raises:
        OSError: it is there and cannot be listed.

    >>> names_in(Path("nowhere"))
    []
    """
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
