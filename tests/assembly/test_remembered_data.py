"""In one process as in two: data are known by what their files hold."""

import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from prepared_sets import prepare

from vae_jax import assembly, data
from vae_jax.configs import Run
from vae_jax.data import _memory

TEXT = {
    "dataset": "text",
    "model": "lstm",
    "likelihood": "categorical",
    "vocab_size": 8,
    "max_length": 6,
    "batch_size": 2,
}
LINES = {"train": "a b c\nb c d\nc d a", "valid": "d c", "test": "b a\na d"}


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch):
    monkeypatch.setattr(_memory, "_REMEMBERED", {})


def write(folder, lines):
    folder.mkdir(exist_ok=True)
    for name, content in lines.items():
        (folder / f"{name}.txt").write_text(f"{content}\n")
    return folder


def of_text(folder, **others):
    return Run.of(**{**TEXT, "data_folder": str(folder), **others}).data.load()


def pictures(root, seed):
    levels = np.random.default_rng(seed).integers(0, 2, (40, 4, 4), np.uint8)
    rows = [{"image": Image.fromarray(255 * each)} for each in levels]
    return prepare(
        root, {"train": rows}, {"image": tfds.features.Image(shape=(4, 4, 1))}, "tiny"
    )


def test_a_changed_text_is_read_again(tmp_path):
    folder = write(tmp_path / "mine", LINES)
    before = of_text(folder)
    assert of_text(folder) is before
    # of the same length, a moment later, in the same process
    write(folder, {"train": LINES["train"].replace("a b c", "a c b")})
    after = of_text(folder)
    # ids by falling count, then by first appearance: c, a, b, d
    assert before.train.images[0, :3].tolist() == [5, 6, 4]
    assert after.train.images[0, :3].tolist() == [5, 4, 6]
    assert data.digests(after)["train"] != data.digests(before)["train"]
    write(folder, LINES)
    assert data.digests(of_text(folder)) == data.digests(before)


@pytest.mark.parametrize("name", ["valid", "test"])
def test_every_file_of_a_text_counts(tmp_path, name):
    folder = write(tmp_path / "mine", LINES)
    before = data.digests(of_text(folder))
    write(folder, {name: "c a b d"})
    after = data.digests(of_text(folder))
    split = {"valid": "validation"}.get(name, name)
    assert [key for key in before if before[key] != after[key]] == [split]


def test_where_the_files_lie_does_not_matter(tmp_path, monkeypatch):
    folder = write(tmp_path / "mine", LINES)
    first = of_text(folder)
    (tmp_path / "link").symlink_to(folder)
    shutil.copytree(folder, tmp_path / "copy")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for other in (f"{folder}/", "mine", "./mine/../mine", "~/mine", "link", "copy"):
        assert of_text(other) is first


def test_what_is_asked_of_a_text_matters(tmp_path):
    folder = write(tmp_path / "mine", LINES)
    asked = ({}, {"vocab_size": 6}, {"max_length": 4}, {"shared_sentences": "keep"})
    assert len({id(of_text(folder, **each)) for each in asked}) == len(asked)


def test_a_set_prepared_again_is_loaded_again(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "root"))
    folder = pictures(tmp_path / "root", 0)
    config = Run.of(dataset="tiny", batch_size=2)
    before = config.data.load()
    assert config.data.load() is before
    assert data.load_dataset("tiny", folder=tmp_path / "root") is before
    for path in pictures(tmp_path / "other", 1).glob("*.array_record*"):
        shutil.copy(path, folder / path.name)
    with pytest.warns(UserWarning, match="the prepared data has changed"):
        after = config.data.load()
    assert not np.array_equal(after.train.images, before.train.images)


def test_what_is_remembered_cannot_be_changed():
    for dataset in (
        data.load_dataset("digits"),
        Run.of(
            dataset="ten_sequences", model="lstm", likelihood="categorical"
        ).data.load(),
    ):
        with pytest.raises(ValueError, match="read-only"):
            dataset.train.images[0] = 0


def test_the_last_four_are_remembered():
    loaded = [_memory.remembered(n, str, data.load) for n in range(5)]
    assert _memory.remembered(4, str, data.load) is loaded[4]
    assert _memory.remembered(1, str, data.load) is loaded[1]
    assert _memory.remembered(0, str, data.load) is not loaded[0]
    # the one that was used meanwhile is still there
    assert _memory.remembered(1, str, data.load) is loaded[1]


def test_what_changes_while_it_is_read_is_not_remembered():
    digests = iter("abbb")
    first = _memory.remembered("mine", lambda: next(digests), data.load)
    assert _memory.remembered("mine", lambda: next(digests), data.load) is not first


def test_own_images_that_do_not_fit_their_scale_are_refused():
    """Before anything is compiled, and not inside a step, where values are not known."""
    images = np.random.default_rng(0).integers(0, 256, (40, 4, 4), np.uint8)
    part = data.Split(images, np.zeros(40, np.int32))
    dataset = data.Dataset("mine", part, part, part, 1)
    with pytest.raises(ValueError, match="at least its largest level, 255; got 1"):
        assembly.splits(Run.of(), dataset)
    kept = assembly.splits(Run.of(), dataset._replace(max_value=255))
    assert kept.train is images
