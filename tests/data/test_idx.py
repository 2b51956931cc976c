"""IDX files are read as written; damage and strangers are named."""

import gzip
import hashlib

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
