"""Paths of the command line: `--out=~/x` reaches us with its tilde."""

from pathlib import Path


def expanded(path: Path) -> Path:
    """The path with `~` and `~name` as the homes that they stand for.

    Raises:
        ValueError: there is no such home.

    >>> expanded(Path("runs/first")).as_posix()
    'runs/first'
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"{path} begins with a home that is not known here; write the path in whole."
        ) from error
