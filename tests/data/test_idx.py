"""IDX files are read as written; damage and strangers are named."""

import errno
import gzip
import hashlib
import os
import tracemalloc

import numpy as np
import pytest

from vae_jax import data
from vae_jax.data._idx import FILES, SOURCES, Source, find_files, read_official

HEADER = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (5, 2, 3))
PIXELS = bytes(range(30))
# mtime=0: a time stamp in a parameter would give each pytest worker other test names
PACKED = gzip.compress(HEADER + PIXELS, mtime=0)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_reads_what_was_written(tmp_path, pack):
    path = tmp_path / "images"
    path.write_bytes(pack(HEADER + PIXELS))
    expected = np.arange(30, dtype=np.uint8).reshape(5, 2, 3)
    np.testing.assert_array_equal(data.read_idx(path), expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with 00 00 08; got nothing"),
        (b"PNG" + PIXELS, "begins with 00 00 08; got 50 4e 47"),
        (b"\0\0\x0d\1\0\0\0\1\0\0\0\0", "got 00 00 0d"),  # float32
        ((HEADER + PIXELS)[:-1], "must hold 46 bytes .*; got 45"),
        (HEADER + PIXELS + b"\0", "must hold 46 bytes .*; got 47"),
        (HEADER[:10], "must hold|header"),
        (PACKED[:-9], "is damaged"),
        (PACKED[:-1], "is damaged"),
        (b"\x1f\x8b" + PIXELS, "is damaged"),
    ],
    ids=[
        "nothing",
        "another format",
        "float32",
        "one byte short",
        "one byte long",
        "half a header",
        "gzip without end",
        "gzip one byte short",
        "gzip head only",
    ],
)
def test_damage_is_named(tmp_path, content, message):
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{path}.*{message}"):
        data.read_idx(path)


def test_every_flipped_bit_of_a_compressed_file_is_noticed_or_harmless(tmp_path):
    path = tmp_path / "images"
    for position in range(len(PACKED)):
        broken = bytearray(PACKED)
        broken[position] ^= 1
        path.write_bytes(broken)
        try:
            read = data.read_idx(path)
        except ValueError:
            continue
        # time stamp and system in the gzip header hold no data
        assert read.tobytes() == PIXELS


@pytest.mark.parametrize("of_archive", [False, True])
def test_official_files_are_known_by_their_checksum(tmp_path, monkeypatch, of_archive):
    content = HEADER + PIXELS
    archive = gzip.compress(content, mtime=1)
    known = hashlib.sha256(archive if of_archive else content).hexdigest()
    source = Source("http://nowhere/", dict.fromkeys(FILES, known), of_archive)
    monkeypatch.setitem(SOURCES, "mnist", source)
    (tmp_path / f"{FILES['train_images']}.gz").write_bytes(archive)
    arrays = read_official("mnist", find_files(tmp_path))
    assert arrays["train_images"].tobytes() == PIXELS
    other = gzip.compress(HEADER + PIXELS[::-1], mtime=1)
    (tmp_path / f"{FILES['train_images']}.gz").write_bytes(other)
    with pytest.raises(ValueError, match=f"not the official file of mnist.*{known}"):
        read_official("mnist", find_files(tmp_path))


def test_another_compression_is_fine_where_the_contents_are_known(
    tmp_path, monkeypatch
):
    known = hashlib.sha256(HEADER + PIXELS).hexdigest()
    source = Source("http://nowhere/", dict.fromkeys(FILES, known))
    monkeypatch.setitem(SOURCES, "mnist", source)
    for level, name in zip((0, 1, 6, 9), FILES.values(), strict=True):
        packed = gzip.compress(HEADER + PIXELS, level, mtime=level)
        (tmp_path / f"{name}.gz").write_bytes(packed)
    arrays = read_official("mnist", find_files(tmp_path))
    assert {array.tobytes() for array in arrays.values()} == {PIXELS}


MANY = 1 << 24
"""Zeros that gzip packs into some 16 kB: a small file that would fill a memory."""


def idx_header(*sizes):
    return bytes([0, 0, 8, len(sizes)]) + b"".join(n.to_bytes(4, "big") for n in sizes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        # it holds far more than it says
        (gzip.compress(HEADER + bytes(MANY)), "must hold 46 bytes .*; got 47 or more"),
        # it says more than it can hold, packed or not
        (
            gzip.compress(idx_header(2**31, 2**10) + PIXELS),
            r"must hold 2199023255564 bytes .*; got \d+ at the most",
        ),
        (
            idx_header(2**31, 2**10) + PIXELS,
            "2199023255564 bytes .*; got 42 at the most",
        ),
        # it is no IDX file at all
        (gzip.compress(bytes([1]) + bytes(MANY)), "begins with 00 00 08; got 01 00 00"),
    ],
    ids=["more", "too much, packed", "too much", "another format"],
)
def test_no_more_is_unpacked_than_the_header_states(tmp_path, content, message):
    path = tmp_path / "images"
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(ValueError, match=message):
        data.read_idx(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < MANY // 8


def test_an_official_file_is_never_larger_than_the_largest(tmp_path):
    """Not even where the header says so, and the checksum would be wrong in the end."""
    path = tmp_path / f"{FILES['train_images']}.gz"
    path.write_bytes(gzip.compress(idx_header(60_001, 28, 28) + bytes(1 << 20)))
    with pytest.raises(ValueError, match="47040800 bytes .*; got 47040016 at the most"):
        read_official("mnist", find_files(tmp_path))


def test_what_cannot_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    path = tmp_path / "images"
    path.write_bytes(PACKED)

    def broken(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(gzip.GzipFile, "read", broken)
    with pytest.raises(OSError, match="Input/output error"):
        data.read_idx(path)
    with pytest.raises(FileNotFoundError, match="absent"):
        data.read_idx(tmp_path / "absent")
    with pytest.raises(IsADirectoryError):
        data.read_idx(tmp_path)


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        (3, TypeError, "`path` must be a path, a text or a Path; got 3"),
        (b"images", TypeError, "`path` must be a path, .*; got b'images'"),
        ("", ValueError, "`path` must name a folder or a file; got ''"),
        ("~nobody-of-that-name/x", ValueError, "`path` must be below a known home"),
    ],
)
@pytest.mark.usefixtures("users_view")
def test_what_is_no_path_is_refused(path, error, message):
    with pytest.raises(error, match=message):
        data.read_idx(path)
