"""One sentence a line, its words apart by white space."""

from pathlib import Path


def read_lines(path: Path) -> list[list[str]]:
    r"""The words of every line of a file that is not blank.

    Raises:
        ValueError: not UTF-8.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "short.txt"
    >>> _ = path.write_text("so it goes\n\nand so  on\n")
    >>> read_lines(path)
    [['so', 'it', 'goes'], ['and', 'so', 'on']]
    """
    try:
        # a mark of the byte order would stick to the first word
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} must be UTF-8; got something else: {error}. Convert it: "
            f"iconv -f LATIN1 -t UTF-8."
        ) from error
    # not splitlines, which also splits at separators inside a line
    lines = (line.split() for line in text.split("\n"))
    return [words for words in lines if words]


def existing_folder(folder: str | Path) -> Path:
    """The folder, if there is one.

    Raises:
        FileNotFoundError: there is none.

    >>> existing_folder("nowhere")
    Traceback (most recent call last):
    FileNotFoundError: `folder` must be a folder that exists; got nowhere.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise FileNotFoundError(f"`folder` must be a folder that exists; got {path}.")
    return path
