"""IDX files, the format of MNIST and its relatives, and their official checksums."""

import gzip
import hashlib
import io
import math
import os
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vae_jax.data._contents import file_digest
from vae_jax.data._paths import user_path

FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 8

MOST_PACKED = 1032
"""Bytes that a byte of gzip can stand for: 258 in two bits."""

LARGEST_OFFICIAL = 16 + 60_000 * 28 * 28
"""Bytes of the largest of the four files, unpacked."""


class Source(NamedTuple):
    """Where a set of the MNIST family comes from, and what its files hash to.

    Attributes:
        url: folder of the four `.gz` files.
        sha256: of each file, by the keys of `FILES`.
        of_archive: the checksums are of the `.gz` files, not of what they hold.
    """

    url: str
    sha256: dict[str, str]
    of_archive: bool = False


def _by_file(*checksums: str) -> dict[str, str]:
    return dict(zip(FILES, checksums, strict=True))


SOURCES = {
    "fashion_mnist": Source(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        _by_file(
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
    "mnist": Source(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        _by_file(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    "kmnist": Source(
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        _by_file(
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
        of_archive=True,
    ),
}
"""Fashion-MNIST and MNIST are recognised however they were compressed."""


def read_idx(path: str | Path) -> np.ndarray:
    """The array of an IDX file of unsigned bytes, compressed by gzip or not.

    The header is read first, and no more than it states: a small file cannot unpack into
    all memory.

    Raises:
        ValueError: not IDX, not unsigned bytes, or not of the length its header states.
        OSError: the file cannot be read.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "labels"
    >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
    >>> read_idx(path).tolist()
    [7, 8, 9]
    """
    return _read(user_path("path", path)).array


class _Contents(NamedTuple):
    array: np.ndarray
    header: bytes

    def sha256(self) -> str:
        """Of the unpacked file."""
        whole = hashlib.sha256(self.header)
        whole.update(self.array.reshape(-1).data)
        return whole.hexdigest()


def _read(path: Path, largest: int | None = None) -> _Contents:
    """What a file holds, whether it is compressed or not."""
    with path.open("rb") as raw:
        packed = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        raw.seek(0)
        size = os.fstat(raw.fileno()).st_size
        most = MOST_PACKED * size if packed else size
        try:
            with gzip.GzipFile(fileobj=raw) if packed else raw as file:
                return _parse(file, path, most if largest is None else largest)
        # not OSError, which says nothing about the file's contents
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is damaged: {error}. Fetch it again.") from error


def _parse(file: io.BufferedIOBase, path: Path, most: int) -> _Contents:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] != UNSIGNED_BYTE:
        raise ValueError(
            f"{path} must be an IDX file of unsigned bytes, which begins with 00 00 "
            f"08; got {start[:3].hex(' ') or 'nothing'}."
        )
    header = start + file.read(4 * start[3])
    sizes = (header[at : at + 4] for at in range(4, len(header), 4))
    shape = tuple(int.from_bytes(size, "big") for size in sizes)
    count = math.prod(shape)
    expected = 4 + 4 * start[3] + count
    # one byte more than stated: to meet the end, where the checksum is
    content = file.read(count + 1) if expected <= most else b""
    if len(content) != count or len(header) != 4 + 4 * start[3]:
        held = len(header) + len(content) if expected <= most else most
        raise ValueError(
            f"{path} must hold {expected} bytes for the shape {shape} in its header; "
            f"got {held}{_more(expected, held, most)}. Fetch it again."
        )
    return _Contents(np.frombuffer(content, np.uint8).reshape(shape), header)


def _more(expected: int, held: int, most: int) -> str:
    if held > expected:
        return " or more"
    return " at the most" if expected > most else ""


def find_files(folder: Path) -> dict[str, Path]:
    """Those of the four files that lie in a folder, compressed or not.

    >>> find_files(Path("nowhere"))
    {}
    """
    found = {}
    for key, name in FILES.items():
        for path in (folder / f"{name}.gz", folder / name):
            if path.is_file():
                found[key] = path
                break
    return found


def read_official(name: str, paths: dict[str, Path]) -> dict[str, np.ndarray]:
    """The four arrays of a set, after their SHA-256 has been compared.

    Raises:
        ValueError: a file is damaged, or not the official one.
        OSError: a file cannot be read.

    >>> read_official("mnist", {})
    {}
    """
    return {key: _read_official(name, key, path) for key, path in paths.items()}


def check_official(name: str, paths: dict[str, Path]) -> None:
    """Compare the SHA-256 of files, without reading again what was compared before.

    Raises:
        ValueError: a file is damaged, or not the official one.
        OSError: a file cannot be read.

    >>> check_official("mnist", {})
    """
    for key, path in paths.items():
        known = file_digest(path), SOURCES[name].sha256[key]
        if known not in _COMPARED:
            _read_official(name, key, path)
            if file_digest(path) == known[0]:
                _COMPARED.add(known)


_COMPARED: set[tuple[str, str]] = set()


def _read_official(name: str, key: str, path: Path) -> np.ndarray:
    source = SOURCES[name]
    content = _read(path, LARGEST_OFFICIAL)
    digest = file_digest(path) if source.of_archive else content.sha256()
    if digest != source.sha256[key]:
        which = f"{FILES[key]}.gz" if source.of_archive else f"{FILES[key]}, unpacked,"
        raise ValueError(
            f"{path} is not the official file of {name}, or is damaged: the SHA-256 of "
            f"{which} must be {source.sha256[key]}; got {digest}. Fetch it again: "
            f"curl -fO {source.url}{FILES[key]}.gz"
        )
    return content.array
