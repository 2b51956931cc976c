"""Any folder of text: where its sentences go, and that none goes into two splits."""

import collections
import errno
import os
from pathlib import Path

import pytest
from text_sets import joined, split_of, write_files

from vae_jax import text

NUMBERS = [f"number {n}" for n in range(300)]
OWN = {
    "train.txt": ["so it goes", "and so on"],
    "valid.txt": ["so on"],
    "test.txt": ["and so it goes", "on"],
}
refused = pytest.mark.usefixtures("users_view")


def as_lines(splits):
    return {name: joined(part) for name, part in splits._asdict().items()}


def test_sentences_are_split_by_their_hash(tmp_path):
    folder = write_files(tmp_path, {"a.txt": NUMBERS[:100], "b.txt": NUMBERS[100:]})
    splits = as_lines(text.read_folder(folder))
    for name, lines in splits.items():
        # in the order of files and lines
        assert lines == [line for line in NUMBERS if split_of(line) == name]
    # binomial: 30 +- 5.2
    assert abs(len(splits["test"]) - 30) < 21
    assert abs(len(splits["validation"]) - 30) < 21


def test_the_same_words_are_in_one_split_whatever_the_file_or_spaces(tmp_path):
    spaced = [f"  number\t {line.split()[1]}  " for line in NUMBERS]
    folder = write_files(tmp_path, {"a.txt": NUMBERS, "b.txt": spaced + NUMBERS})
    splits = as_lines(text.read_folder(folder))
    sets = [set(lines) for lines in splits.values()]
    assert sum(map(len, sets)) == len(set.union(*sets)) == 300
    counts = collections.Counter(line for lines in splits.values() for line in lines)
    assert set(counts.values()) == {3}


def test_another_file_moves_no_sentence(tmp_path):
    before = as_lines(text.read_folder(write_files(tmp_path, {"b.txt": NUMBERS})))
    others = [f"other {n}" for n in range(50)]
    after = as_lines(text.read_folder(write_files(tmp_path, {"a.txt": others})))
    for name, lines in before.items():
        assert [line for line in after[name] if line in NUMBERS] == lines


@pytest.mark.parametrize("prefix", ["", "ptb.", "my.own."])
def test_files_that_are_splits_are_kept_as_they_are(tmp_path, prefix):
    files = {prefix + name: lines for name, lines in OWN.items()}
    splits = as_lines(text.read_folder(write_files(tmp_path, files)))
    assert splits == dict(
        zip(("train", "validation", "test"), OWN.values(), strict=True)
    )


@pytest.mark.parametrize("absent", OWN)
def test_two_of_the_three_files_are_refused(tmp_path, absent):
    files = {name: lines for name, lines in OWN.items() if name != absent}
    with pytest.raises(
        ValueError, match=r"train\.txt, valid\.txt and test\.txt and no"
    ):
        text.read_folder(write_files(tmp_path, files))


@pytest.mark.parametrize("other", ["README.txt", "ptb.train.txt"])
def test_a_file_beside_the_three_is_refused(tmp_path, other):
    with pytest.raises(ValueError, match=f"got .*{other}"):
        text.read_folder(write_files(tmp_path, OWN | {other: ["more"]}))


SHARED = {
    "train.txt": ["a", "b", "c", "d", "a"],
    "valid.txt": ["b", "e", "d"],
    "test.txt": ["c", "d", "f"],
}


def test_shared_sentences_are_refused_dropped_or_kept_as_asked(tmp_path):
    folder = write_files(tmp_path, SHARED)
    # b, c and d of train, d of validation
    with pytest.raises(
        ValueError, match=r"in one split; got 4 .*such as 'b'.*\"drop\""
    ):
        text.read_folder(folder)
    kept = as_lines(text.read_folder(folder, shared="keep"))
    assert list(kept.values()) == list(SHARED.values())
    dropped = as_lines(text.read_folder(folder, shared="drop"))
    assert dropped == {
        "train": ["a", "a"],
        "validation": ["b", "e"],
        "test": ["c", "d", "f"],
    }


@pytest.mark.parametrize(
    ("shared", "splits"),
    [
        ("x", {"train.txt": ["a", "x"], "valid.txt": ["x"], "test.txt": ["c"]}),
        ("y", {"train.txt": ["a", "y"], "valid.txt": ["b"], "test.txt": ["y"]}),
        ("z", {"train.txt": ["a"], "valid.txt": ["b", "z"], "test.txt": ["z"]}),
    ],
)
def test_every_pair_of_splits_is_compared(tmp_path, shared, splits):
    with pytest.raises(ValueError, match=f"got 1 that .*such as '{shared}'"):
        text.read_folder(write_files(tmp_path, splits))


def test_a_sentence_twice_in_a_split_is_no_leak(tmp_path):
    files = OWN | {"train.txt": ["so it goes"] * 3}
    assert len(text.read_folder(write_files(tmp_path, files)).train) == 3


@refused
def test_an_unknown_way_with_shared_sentences_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match="`shared` must be refuse or drop or keep; got"
    ):
        text.read_folder(write_files(tmp_path, OWN), shared="ignore")


def test_lines_of_any_system_are_read(tmp_path):
    folder = write_files(tmp_path, OWN)
    (folder / "train.txt").write_bytes(
        "\ufeffmark first\r\n\r\n \t\r\nin\u2028one  line\x0b.\nno end".encode()
    )
    assert text.read_folder(folder).train == [
        ["mark", "first"],
        ["in", "one", "line", "."],
        ["no", "end"],
    ]


def test_another_encoding_is_refused_by_name(tmp_path):
    folder = write_files(tmp_path, OWN)
    (folder / "valid.txt").write_bytes("Bäume".encode("latin1"))
    with pytest.raises(ValueError, match=r"valid\.txt must be UTF-8; got.*iconv"):
        text.read_folder(folder)


def test_a_mark_of_the_byte_order_sticks_to_no_word(tmp_path):
    """Also where files that begin with one were appended to each other."""
    folder = write_files(tmp_path, OWN)
    (folder / "train.txt").write_text("\ufeffone two\n\ufeffone three\none\ufefffour\n")
    assert joined(text.read_folder(folder).train) == [
        "one two",
        "one three",
        "one\ufefffour",
    ]


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        # without its mark and of ASCII it is UTF-8 all the same, a NUL after each letter
        ("utf-16-le", r"got a NUL at character 1\. .* iconv -f UTF-16LE"),
        ("utf-16", "must be UTF-8; got something else.* iconv -f UTF-16 "),
        ("latin1", "must be UTF-8; got something else.* iconv -f LATIN1 "),
    ],
)
def test_other_encodings_are_told_apart(tmp_path, encoding, message):
    folder = write_files(tmp_path, OWN)
    line = "so it goes" if encoding != "latin1" else "Bäume"
    (folder / "test.txt").write_bytes(line.encode(encoding))
    with pytest.raises(ValueError, match=f"test.txt {message}|test.txt.*{message}"):
        text.read_folder(folder)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_three_ways(tmp_path, end):
    folder = write_files(tmp_path, OWN)
    (folder / "train.txt").write_bytes(f"one two{end}{end}three{end}".encode())
    assert joined(text.read_folder(folder).train) == ["one two", "three"]


def test_what_may_not_be_read_is_neither_absent_nor_wrong(tmp_path, monkeypatch):
    folder = write_files(tmp_path, OWN)
    denied = PermissionError(errno.EACCES, "Permission denied", "test.txt")

    def refuse(*_):
        raise denied

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PermissionError, match="test.txt"):
        text.read_folder(folder)
    monkeypatch.setattr(os, "listdir", refuse)
    for read in (text.read_folder, text.read_brown):
        with pytest.raises(PermissionError, match="Permission denied"):
            read(folder)


@refused
@pytest.mark.parametrize(
    ("folder", "error", "message"),
    [
        (3, TypeError, "`folder` must be a path; got 3"),
        (None, TypeError, "`folder` must be a path; got None"),
        ("", ValueError, "`folder` must name a folder; got ''"),
        ("~nobody-of-that-name", ValueError, "`folder` must be in full"),
    ],
)
def test_what_is_no_folder_is_refused(folder, error, message):
    for read in (text.read_folder, text.read_brown):
        with pytest.raises(error, match=message):
            read(folder)


def test_the_files_of_a_source_are_those_that_are_read(tmp_path):
    folder = write_files(tmp_path, OWN | {"notes.md": ["a note"]})
    assert sorted(text.source_files("text", f"{folder}/")) == sorted(OWN)
    with pytest.raises(FileNotFoundError, match="500 documents"):
        text.source_files("brown", folder)
    with pytest.raises(ValueError, match="`name` must be brown or text; got 'digits'"):
        text.source_files("digits", folder)


@pytest.mark.parametrize("empty", ["train.txt", "valid.txt", "test.txt"])
def test_a_split_without_sentences_is_refused(tmp_path, empty):
    name = {"valid.txt": "validation"}.get(empty, empty.removesuffix(".txt"))
    with pytest.raises(ValueError, match=f"hold a sentence; got none in {name} "):
        text.read_folder(write_files(tmp_path, OWN | {empty: ["  "]}))


def test_too_few_sentences_for_a_hash_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"none in validation and test \(1 in all\)"):
        text.read_folder(write_files(tmp_path, {"a.txt": ["so it goes"]}))


def test_only_text_files_of_the_folder_itself_are_read(tmp_path):
    folder = write_files(tmp_path, OWN)
    write_files(tmp_path / "deeper.txt", {"more.txt": ["deep"]})
    write_files(tmp_path, {"notes.md": ["a note"]})
    assert sum(map(len, text.read_folder(folder))) == 5


def test_the_folder_may_be_below_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_files(tmp_path / "mine", OWN)
    assert len(text.read_folder("~/mine").train) == 2


def test_nothing_to_read_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must hold \.txt files.*without any"):
        text.read_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="exists; got .*nowhere"):
        text.read_folder(tmp_path / "nowhere")


def test_a_corpus_becomes_batches(tmp_path):
    """From a folder to a step, as a user writes it."""
    splits = text.read_folder(write_files(tmp_path, {"a.txt": NUMBERS}))
    vocabulary = text.build_vocabulary(splits.train, max_size=50)
    encoded = text.encode_splits(vocabulary, splits)
    assert vocabulary.size == 50
    assert vocabulary.decode(encoded.train.tokens[0]).startswith("number ")
    batches = list(text.bucketed_batches((0, 1), encoded.train, 16, [4, 8]))
    assert sum(batch.mask.sum() for batch in batches) == 3 * len(splits.train)
