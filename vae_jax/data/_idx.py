"""IDX files, the format of MNIST and its relatives, and their official checksums."""

import gzip
import hashlib
import math
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 8


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

    Raises:
        ValueError: not IDX, not unsigned bytes, or not of the length its header states.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "labels"
    >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
    >>> read_idx(path).tolist()
    [7, 8, 9]
    """
    return _parse(_unpack(Path(path).read_bytes(), path), path)


def _unpack(raw: bytes, path: str | Path) -> bytes:
    """What a file holds, whether it is compressed or not."""
    if not raw.startswith(GZIP_MAGIC):
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is damaged: {error}. Fetch it again.") from error


def _parse(content: bytes, path: str | Path) -> np.ndarray:
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTE:
        raise ValueError(
            f"{path} must be an IDX file of unsigned bytes, which begins with 00 00 "
            f"08; got {content[:3].hex(' ') or 'nothing'}."
        )
    start = 4 + 4 * content[3]
    sizes = (content[at : at + 4] for at in range(4, start, 4))
    shape = tuple(int.from_bytes(size, "big") for size in sizes)
    expected = start + math.prod(shape)
    if len(content) < start or len(content) != expected:
        raise ValueError(
            f"{path} must hold {expected} bytes for the shape {shape} in its header; "
            f"got {len(content)}. Fetch it again."
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


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

    >>> read_official("mnist", {})
    {}
    """
    return {key: _read_official(name, key, path) for key, path in paths.items()}


def _read_official(name: str, key: str, path: Path) -> np.ndarray:
    source = SOURCES[name]
    raw = path.read_bytes()
    content = _unpack(raw, path)
    array = _parse(content, path)
    digest = hashlib.sha256(raw if source.of_archive else content).hexdigest()
    if digest != source.sha256[key]:
        which = f"{FILES[key]}.gz" if source.of_archive else f"{FILES[key]}, unpacked,"
        raise ValueError(
            f"{path} is not the official file of {name}, or is damaged: the SHA-256 of "
            f"{which} must be {source.sha256[key]}; got {digest}. Fetch it again: "
            f"curl -fO {source.url}{FILES[key]}.gz"
        )
    return array
