"""Prepared text sets are read by name, without TensorFlow; what a set lacks is cut."""

import subprocess
import sys

import pytest
import tensorflow_datasets as tfds
from text_sets import joined, prepare_text, split_of

from vae_jax import text

TRAIN = [f"text {n}\nof train é" for n in range(120)]
OWN = {
    "train": TRAIN,
    "validation": ["of  validation", "so it goes"],
    "test": ["of test"],
}
FLAT = [" ".join(line.split()) for line in TRAIN]


def test_the_splits_of_a_set_are_kept_as_they_are(tmp_path):
    prepare_text(tmp_path, OWN | {"unsupervised": ["left out"]})
    splits = text.read_tfds_text("tiny_text", data_dir=tmp_path)
    assert sorted(joined(splits.train)) == sorted(FLAT)
    assert sorted(joined(splits.validation)) == ["of validation", "so it goes"]
    assert joined(splits.test) == ["of test"]


def test_the_order_is_that_of_the_stock_data_source(tmp_path):
    prepare_text(tmp_path, OWN)
    splits = text.read_tfds_text("tiny_text", data_dir=str(tmp_path))
    stock = tfds.data_source("tiny_text", data_dir=tmp_path, split="train")
    expected = [" ".join(row["text"].decode().split()) for row in stock]
    assert joined(splits.train) == expected


@pytest.mark.parametrize("lacking", [["validation"], ["test"], ["validation", "test"]])
def test_what_a_set_lacks_is_cut_from_train_by_hash(tmp_path, lacking):
    prepare_text(tmp_path, {k: v for k, v in OWN.items() if k not in lacking})
    splits = text.read_tfds_text("tiny_text", data_dir=tmp_path)
    for name in lacking:
        own = sorted(line for line in FLAT if split_of(line) == name)
        assert sorted(joined(getattr(splits, name))) == own
    rest = sorted(line for line in FLAT if split_of(line) not in lacking)
    assert sorted(joined(splits.train)) == rest


def test_shared_texts_are_refused_dropped_or_kept_as_asked(tmp_path):
    prepare_text(tmp_path, OWN | {"test": ["so it goes", "of test"]})
    with pytest.raises(ValueError, match="tiny_text must stand in one split; got 1"):
        text.read_tfds_text("tiny_text", data_dir=tmp_path)
    kept = text.read_tfds_text("tiny_text", data_dir=tmp_path, shared="keep")
    assert len(kept.validation) == 2
    dropped = text.read_tfds_text("tiny_text", data_dir=tmp_path, shared="drop")
    assert joined(dropped.validation) == ["of validation"]


def test_another_feature_is_read_by_its_name(tmp_path):
    features = {
        "title": tfds.features.Text(),
        "label": tfds.features.ClassLabel(names="ab"),
    }
    rows = {
        part: [{"title": line, "label": 0} for line in [*lines, "   "]]
        for part, lines in OWN.items()
    }
    prepare_text(tmp_path, rows, features)
    splits = text.read_tfds_text("tiny_text", "title", tmp_path)
    # an example without words is no sentence
    assert sorted(joined(splits.train)) == sorted(FLAT)
    with pytest.raises(
        ValueError, match="`feature` must be a text of tiny_text: title"
    ):
        text.read_tfds_text("tiny_text", data_dir=tmp_path)
    with pytest.raises(ValueError, match=r"got 'titel'\. Did you mean `title`\?"):
        text.read_tfds_text("tiny_text", "titel", tmp_path)
    with pytest.raises(ValueError, match=r"got 'label'\.* Its features are .*title"):
        text.read_tfds_text("tiny_text", "label", tmp_path)


def test_a_set_without_train_is_refused(tmp_path):
    prepare_text(tmp_path, {"test": ["of test"]})
    with pytest.raises(ValueError, match="must have a split `train`; got test"):
        text.read_tfds_text("tiny_text", data_dir=tmp_path)


def test_a_set_that_is_not_here_is_refused_with_what_helps(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError) as caught:
        text.read_tfds_text("lm1b", data_dir=tmp_path)
    assert "tfds build lm1b --file_format=array_record" in str(caught.value)
    assert str(tmp_path / "lm1b") in str(caught.value)
    prepare_text(tmp_path, OWN)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match=r"these do: tiny_text.*mean `tiny_text`"
    ):
        text.read_tfds_text("tiny_txt")
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    for folder in (None, tmp_path, f"~/{tmp_path.name}"):
        assert len(text.read_tfds_text("tiny_text", data_dir=folder).test) == 1


@pytest.mark.parametrize("name", ["../tiny_text", "a/b/c", "", "Tiny", "a b"])
def test_what_is_no_name_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="`name` must be `set` or `set/config`"):
        text.read_tfds_text(name, data_dir=tmp_path)


def test_a_damaged_set_is_refused(tmp_path):
    folder = prepare_text(tmp_path, OWN)
    path = folder / "tiny_text-test.array_record-00000-of-00001"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="cannot be read, split 'test'.*Delete"):
        text.read_tfds_text("tiny_text", data_dir=tmp_path)


def test_a_text_of_another_encoding_is_refused(tmp_path):
    prepare_text(tmp_path, OWN | {"test": ["Bäume".encode("latin1")]})
    with pytest.raises(ValueError, match="must be UTF-8; got .* in split 'test'"):
        text.read_tfds_text("tiny_text", data_dir=tmp_path)


IMPORTS = """
import sys
from vae_jax import text
text.synthetic_language(num_sentences=10, vocab_size=20)
print(sorted({"jax", "tensorflow_datasets", "tensorflow"} & set(sys.modules)))
"""


def test_text_needs_numpy_alone():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
