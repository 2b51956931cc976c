"""Prepared copies are stock ones, made and read without TensorFlow; damage is named."""

import functools
import http.server
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import small_sets
import tensorflow_datasets as tfds

from vae_jax import data
from vae_jax.data import _tfds
from vae_jax.data._idx import FILES, SOURCES

TRAIN = "mnist/3.0.1/mnist-train.array_record-00000-of-00001"


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist"])
def test_the_stock_data_source_reads_what_we_prepare(
    name, arrays, family, idx_folder, tmp_path, capfd
):
    loaded = data.load(name, folder=idx_folder, data_dir=tmp_path / "root")
    assert capfd.readouterr().out == ""
    stock = tfds.data_source(name, data_dir=tmp_path / "root")
    for split, ours in (("train", loaded.train), ("test", loaded.test)):
        theirs = [stock[split][i] for i in range(len(ours.images))]
        np.testing.assert_array_equal([e["image"][..., 0] for e in theirs], ours.images)
        np.testing.assert_array_equal([e["label"] for e in theirs], ours.labels)
        everything = [(e["image"], e["label"]) for e in stock[split]]
        assert small_sets.examples(*zip(*everything, strict=True)) == (
            small_sets.examples(arrays[f"{split}_images"], arrays[f"{split}_labels"])
        )


def test_a_colour_set_prepared_by_anybody_loads_by_its_name(tmp_path):
    rows = small_sets.rgb_rows(30)
    small_sets.prepare_stock(tmp_path, {"train": rows, "test": rows[:5]})
    loaded = data.load("tiny_rgb", data_dir=tmp_path)
    assert loaded.train.images.shape == (27, 6, 4, 3)
    assert loaded.max_value == 255
    kept = [np.concatenate(part) for part in zip(loaded.train, loaded[2], strict=True)]
    expected = [(np.asarray(row["image"]), row["label"]) for row in rows]
    assert small_sets.examples(*kept) == (
        small_sets.examples(*zip(*expected, strict=True))
    )


def test_a_set_without_labels_has_minus_one(tmp_path):
    rows = [{"picture": row["image"]} for row in small_sets.rgb_rows(20)]
    features = {"picture": tfds.features.Image(shape=(6, 4, 3))}
    small_sets.prepare_stock(tmp_path, {"train": rows}, features)
    loaded = data.load("tiny_rgb", folder=tmp_path)
    assert set(np.concatenate([split.labels for split in loaded[1:4]])) == {-1}


@pytest.mark.parametrize("batch", [1000, 1])
def test_images_of_unlike_sizes_are_refused(tmp_path, monkeypatch, batch):
    monkeypatch.setattr(_tfds, "BATCH", batch)
    rows = small_sets.rgb_rows(4) + small_sets.rgb_rows(4, (5, 5))
    small_sets.prepare_stock(tmp_path, {"train": rows})
    with pytest.raises(ValueError, match=r"one size, in uint8; got uint8\[5, 5, 3\]"):
        data.load("tiny_rgb", data_dir=tmp_path)


def test_a_set_without_images_or_without_train_is_refused(tmp_path):
    numbers = {"length": tfds.features.Scalar(np.float32)}
    rows = [{"length": 1.0}] * 3
    small_sets.prepare_stock(tmp_path, {"train": rows}, numbers, "lengths")
    with pytest.raises(ValueError, match="feature `image`.*; got the features length"):
        data.load("lengths", data_dir=tmp_path)
    small_sets.prepare_stock(tmp_path, {"whole": small_sets.rgb_rows(2)})
    with pytest.raises(
        ValueError, match="tiny_rgb must have a split `train`; got whole"
    ):
        data.load("tiny_rgb", data_dir=tmp_path)


def test_flipped_bits_of_the_prepared_data_are_noticed_or_harmless(root):
    path = root / TRAIN
    whole, clean = path.read_bytes(), _tfds.read_prepared(path.parent)
    # behind the records the file is filled with zeros to 64 KiB, twice
    used = len(whole[:65536].rstrip(b"\0"))
    messages = []
    for position in np.random.default_rng(0).choice(used, 60, replace=False):
        broken = bytearray(whole)
        broken[position] ^= 1 << (position % 8)
        path.write_bytes(broken)
        try:
            read = _tfds.read_prepared(path.parent)
        except ValueError as error:
            messages.append(str(error))
            continue
        for part, expected in zip(read["train"], clean["train"], strict=True):
            np.testing.assert_array_equal(part, expected)
    # 50 images of 784 incompressible bytes: nearly every byte is a pixel
    assert len(messages) >= 55
    assert all("cannot be read, split 'train'" in message for message in messages)


@pytest.mark.parametrize("length", [0, 1000, 65536, 131071])
def test_a_shortened_file_is_noticed(root, length):
    path = root / TRAIN
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match="cannot be read, split 'train'.*Delete"):
        _tfds.read_prepared(path.parent)


@pytest.mark.parametrize(
    ("old", "new"),
    [('"50"', '"40"'), ('"50"', '"60"'), ('"50"', '"5x"'), ('"train"', '"tra1n"')],
)
def test_a_damaged_description_is_noticed(root, old, new):
    path = root / "mnist" / "3.0.1" / "dataset_info.json"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=f"{path.parent} cannot be read.*Delete"):
        _tfds.read_prepared(path.parent)


@pytest.mark.parametrize("key", FILES)
def test_a_flipped_bit_of_an_idx_file_is_refused_before_anything_is_made(
    key, family, idx_folder, tmp_path, root
):
    (path,) = idx_folder.glob(f"{FILES[key]}*")
    broken = bytearray(path.read_bytes())
    broken[len(broken) // 2] ^= 1
    path.write_bytes(broken)
    with pytest.raises(ValueError, match=f"{path}.*damaged.*Fetch it again"):
        data.load("mnist", folder=idx_folder, data_dir=tmp_path / "new")
    assert not (tmp_path / "new").exists()
    # also where a good copy is prepared already
    with pytest.raises(ValueError, match=f"{path}.*damaged.*Fetch it again"):
        data.load("mnist", folder=idx_folder, data_dir=root)


@pytest.fixture
def server(arrays, idx_folder, family, monkeypatch):
    """Serves the IDX files to this machine, as the official site would."""
    files = http.server.SimpleHTTPRequestHandler
    monkeypatch.setattr(files, "log_message", lambda *_: None)
    handler = functools.partial(files, directory=idx_folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever).start()
        url = f"http://127.0.0.1:{running.server_port}/"
        monkeypatch.setitem(SOURCES, "mnist", small_sets.source(arrays, url))
        for file in idx_folder.iterdir():
            if not file.suffix:
                file.rename(file.with_name(f"{file.name}.gz"))
        yield idx_folder
        running.shutdown()


def test_downloads_what_is_not_here(server, arrays, tmp_path):
    loaded = data.load("mnist", data_dir=tmp_path / "root")
    expected = small_sets.examples(arrays["test_images"], arrays["test_labels"])
    assert small_sets.examples(*loaded.test) == expected
    shutil.rmtree(server)
    again = data.load("mnist", data_dir=tmp_path / "root")
    np.testing.assert_array_equal(again.train.images, loaded.train.images)


def test_a_damaged_download_is_refused_and_fetched_anew(server, tmp_path):
    path = server / f"{FILES['train_labels']}.gz"
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(ValueError, match="not the official file of mnist"):
        data.load("mnist", data_dir=tmp_path / "root")
    path.write_bytes(good)
    assert len(data.load("mnist", data_dir=tmp_path / "root").test.labels) == 20


def test_a_failed_download_says_what_helps(server, tmp_path):
    (server / f"{FILES['train_images']}.gz").unlink()
    with pytest.raises(FileNotFoundError, match="404(.|\n)*curl -fO"):
        data.load("mnist", data_dir=tmp_path / "root")


WITHOUT_TENSORFLOW = """
import sys
from pathlib import Path
sys.path[:0] = [{path!r}, {tests!r}, {shared!r}]
import small_sets
from vae_jax import data
from vae_jax.data import _idx, _load
arrays = small_sets.family_arrays()
_idx.SOURCES["mnist"] = small_sets.source(arrays)
_load.MNIST_VALIDATION = small_sets.NUM_VALIDATION
data.load("mnist", folder={idx!r}, data_dir={root!r})
small_sets.prepare_stock(Path({root!r}), {{"train": small_sets.rgb_rows(20)}})
data.load("tiny_rgb", data_dir={root!r})
print("tensorflow" in sys.modules)
"""


def test_tensorflow_is_never_imported(idx_folder, tmp_path):
    """Where it is installed, too: a stand-in notes whoever imports it."""
    note = tmp_path / "imported"
    package = tmp_path / "path" / "tensorflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"open({str(note)!r}, 'w').close()")
    script = WITHOUT_TENSORFLOW.format(
        path=str(package.parent),
        tests=str(Path(__file__).parent),
        shared=str(Path(__file__).parents[1]),
        idx=str(idx_folder),
        root=str(tmp_path / "root"),
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False"
    assert not note.exists()
