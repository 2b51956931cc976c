"""A large Parquet file stays out of memory, and is the data of one that is read whole."""

import re
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vae_jax import data, views
from vae_jax.configs import Run
from vae_jax.data import _memory
from vae_jax.userdata import _converted, _parquet
from vae_jax.views import Rows

SIZE = 300
DRAWS = np.random.default_rng(0)
WORDS = {"split": DRAWS.choice(["train", "val", "test"], SIZE)}
CLASS = {"kind": DRAWS.choice(["ale", "beer"], SIZE)}
WHOLE = {f"w{i}": DRAWS.integers(0, 40, SIZE) for i in range(4)}
REAL = {f"r{i}": DRAWS.normal(size=SIZE) for i in range(3)}
SHARED = {name: np.r_[column[:-20], column[:20]] for name, column in REAL.items()}
GREY = {"x": list(DRAWS.integers(0, 256, (SIZE, 12)))}

CASES = {
    "real": (REAL, {}),
    "standardized": (REAL, {"standardize": True}),
    "standardized counts": (WHOLE, {"standardize": True}),
    "counts": (WHOLE, {"likelihood": "poisson"}),
    "mixed, of splits and classes": (
        {**REAL, **WHOLE, **WORDS, **CLASS},
        {"split_column": "split", "label_column": "kind", "without_columns": ["w1"]},
    ),
    "some splits, which share": (
        {**SHARED, "split": ["train"] * 200 + ["test"] * 100},
        {"split_column": "split", "standardize": True},
    ),
    "features of unlike scales": ({**REAL, "far": 1e4 * REAL["r0"]}, {}),
    "lists, as pictures": (GREY, {"data_key": "x", "data_shape": [3, 4]}),
    "lists in a range": (GREY, {"data_key": "x", "value_range": [0, 255]}),
    "columns that are numbers": (dict(enumerate(REAL.values())), {}),
    # refused, in the same words
    "a gap": ({**REAL, "gap": [1.0] * 211 + [np.nan] + [2.0] * (SIZE - 212)}, {}),
    "an infinity": ({**REAL, "big": [1.0] * 211 + [np.inf] * (SIZE - 211)}, {}),
    "text": ({**REAL, **CLASS}, {}),
    "no such column": (REAL, {"label_column": "r7"}),
    "unlike lists": ({"x": [[1, 2]] * 250 + [[1]] * 50}, {"data_key": "x"}),
    "nothing for float32": ({"a": 1e50 * REAL["r0"], "b": REAL["r1"]}, {}),
    "outside of the range": (REAL, {"value_range": [-1, 1]}),
    "constant": ({**REAL, "one": [1.5] * SIZE}, {"standardize": True}),
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_JAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(views, "BLOCK_BYTES", 500)
    monkeypatch.setattr(_parquet, "BLOCK_NUMBERS", 64)
    return tmp_path / "cache"


@pytest.fixture
def large(monkeypatch):
    """Afterwards every file is a large one."""

    def change():
        _memory._REMEMBERED.clear()
        monkeypatch.setattr(views, "LARGE", 1)

    return change


def read(path, **settings):
    """What was loaded, or the refusal; and the warnings."""
    asked = Run.of(dataset=str(path), **{"likelihood": "gaussian", **settings})
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            found = asked.data.load()
        except ValueError as error:
            found = error
    return found, sorted(str(one.message) for one in told)


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_data_of_a_table_in_memory(tmp_path, large, case):
    columns, settings = CASES[case]
    path = tmp_path / "mine.parquet"
    pd.DataFrame(columns).to_parquet(path, row_group_size=37)
    expected, told = read(path, **settings)
    large()
    found, told_now = read(path, **settings)
    assert told_now == told
    if isinstance(expected, ValueError):
        assert str(found) == str(expected)
        return
    assert isinstance(found.train.images, Rows)
    assert data.digests(found) == data.digests(expected)
    np.testing.assert_equal(found[4:], expected[4:])
    for split in data.SPLITS:
        own, other = getattr(found, split), getattr(expected, split)
        assert own.images.dtype == other.images.dtype
        np.testing.assert_array_equal(own.images[:], other.images)
        np.testing.assert_array_equal(own.labels, other.labels)


def test_a_list_with_a_gap_is_refused(tmp_path, large):
    path = tmp_path / "mine.parquet"
    lists = pa.array([[1, 2]] * 250 + [[1, None]] * 50)
    pq.write_table(pa.table({"x": lists}), path)
    large()
    found, _ = read(path, data_key="x")
    assert "without gaps; got int64" in str(found)
    assert "float64" in str(found)


def made(cache):
    """The files of the only array that is kept."""
    [folder] = (cache / "examples").iterdir()
    return folder


def test_the_array_is_made_once_and_whatever_the_file_is_called(
    tmp_path, large, cache, monkeypatch
):
    pd.DataFrame(REAL).to_parquet(tmp_path / "a.parquet")
    large()
    first, _ = read(tmp_path / "a.parquet")
    pd.DataFrame(REAL).to_parquet(tmp_path / "b.parquet")
    monkeypatch.setattr(_converted, "_write", None)
    second, _ = read(tmp_path / "b.parquet", validation_share=0.3)
    assert len(second.train.images) < len(first.train.images)
    assert {f.name for f in made(cache).iterdir()} == {
        "examples.npy",
        "sha256.json",
        "lock",
    }


@pytest.mark.parametrize("part", ["examples.npy", "sha256.json"])
def test_a_damaged_array_is_made_again(tmp_path, large, cache, part):
    pd.DataFrame(REAL).to_parquet(tmp_path / "a.parquet")
    large()
    expected, _ = read(tmp_path / "a.parquet")
    digests = data.digests(expected)
    _memory._REMEMBERED.clear()
    damaged = bytearray((made(cache) / part).read_bytes())
    damaged[-3] ^= 1
    (made(cache) / part).write_bytes(damaged)
    found, told = read(tmp_path / "a.parquet")
    assert len(told) == 1
    assert f"made again: {part} is damaged" in told[0]
    assert data.digests(found) == digests


def test_what_is_refused_leaves_no_half_array(tmp_path, large, cache):
    unlike = pd.DataFrame({"x": [[1, 2]] * 250 + [[1]] * 50})
    unlike.to_parquet(tmp_path / "a.parquet")
    large()
    read(tmp_path / "a.parquet", data_key="x")
    assert [f.name for f in made(cache).iterdir()] == ["lock"]


def test_without_room_it_says_how_to_move_the_cache(tmp_path, large, monkeypatch):
    pd.DataFrame(REAL).to_parquet(tmp_path / "a.parquet")
    large()
    (tmp_path / "file").touch()
    monkeypatch.setenv("VAE_JAX_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match=r"a\.parquet.* GB.*set VAE_JAX_CACHE"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_damaged_file_is_named(tmp_path, large, keep):
    path = tmp_path / "mine.parquet"
    pd.DataFrame(REAL).to_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    large()
    found, _ = read(path)
    assert f"{path} must be a table; got" in str(found)


LOADED = """
import sys
from vae_jax import data, views
from vae_jax.configs import Run
import pandas, pyarrow.parquet

views.LARGE = int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
views.BLOCK_BYTES = 2**22
asked = {"data_key": "x", "standardize": True, "likelihood": "gaussian"}
asked |= {"validation_share": 0.01, "test_share": 0.01}
run = Run.of(dataset=sys.argv[1], **asked)
print(data.digests(run.data.load())["train"])
"""


def taken_up(path, limit):
    """The most memory that loading takes, beside the pages of mapped files; the digest."""
    with subprocess.Popen(
        [sys.executable, "-c", LOADED, str(path), str(limit)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        before = most = anonymous(process.pid)
        process.stdin.write("\n")
        process.stdin.flush()
        while process.poll() is None:
            most = max(most, anonymous(process.pid))
            time.sleep(0.002)
        assert process.returncode == 0
        return most - before, process.stdout.read()


def anonymous(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int((re.findall(r"RssAnon:\s+(\d+) kB", status) or [0])[0]) * 1024


@pytest.mark.slow  # a file of a quarter of a gigabyte, twice
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_is_bounded(tmp_path):
    """One group of rows, 64 times the limit."""
    rows, columns = 2**18, 128
    path, size = tmp_path / "large.parquet", rows * columns * 8
    numbers = np.random.default_rng(0).normal(size=rows * columns)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(numbers), columns)
    pq.write_table(pa.table({"x": lists}), path, row_group_size=rows)
    del numbers, lists
    in_file, digest = taken_up(path, size // 64)
    in_memory, expected = taken_up(path, 2 * size)
    assert digest == expected
    assert in_memory > 2 * size
    # measured: 99 MB and 1640 MB, of 268 MB of examples
    assert in_file < size / 2
