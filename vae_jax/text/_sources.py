"""Which files a set of sentences is read from."""

from pathlib import Path

from vae_jax.text._brown import document_files
from vae_jax.text._folder import text_files


def source_files(name: str, folder: str | Path) -> dict[str, Path]:
    """The files that `read_brown` (`brown`) or `read_folder` (`text`) reads, by name.

    Raises:
        FileNotFoundError: the folder does not hold them.
        ValueError: another name.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "mine.txt").touch()
    >>> sorted(source_files("text", folder))
    ['mine.txt']
    """
    known = {"brown": document_files, "text": text_files}
    if name not in known:
        raise ValueError(f"`name` must be {' or '.join(known)}; got {name!r}.")
    return {path.name: path for path in known[name](folder)}
