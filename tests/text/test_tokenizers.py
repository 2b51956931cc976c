"""Ids have one meaning: ranks, ties, framing and specials by hand, and there and back."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_jax import text
from vae_jax.text import BOS, EOS, PAD, UNK

SENTENCES = [["d", "c", "b", "a"], ["a", "b"], ["b"]]
both = pytest.mark.parametrize(
    "tokenizer", [text.Vocabulary(("so", "it", "goes")), text.ByteTokenizer()]
)
refused = pytest.mark.usefixtures("users_view")


def test_the_special_ids_are_frozen():
    assert (PAD, UNK, BOS, EOS) == (0, 1, 2, 3)
    assert text.SPECIALS == ("<pad>", "<unk>", "<s>", "</s>")


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        # b thrice, a twice; d before c, as in the text and not in the alphabet
        ({}, "badc"),
        ({"max_size": 7}, "bad"),
        ({"max_size": 5}, "b"),
        ({"max_size": 8}, "badc"),
        ({"max_size": 100}, "badc"),
        ({"min_count": 2}, "ba"),
        ({"min_count": 3}, "b"),
        ({"min_count": 2, "max_size": 5}, "b"),
        ({"min_count": 2, "max_size": 7}, "ba"),
    ],
)
def test_words_are_ranked_by_count_then_by_first_appearance(limits, expected):
    vocabulary = text.build_vocabulary(SENTENCES, **limits)
    assert vocabulary.words == tuple(expected)
    assert vocabulary.size == 4 + len(expected)


def test_a_word_that_comes_first_and_falls_behind_keeps_no_place():
    sentences = [["x", "y"], ["y", "z"], ["z"]]
    assert text.build_vocabulary(sentences).words == ("y", "z", "x")


def test_sentences_may_be_an_iterator():
    assert text.build_vocabulary(iter(SENTENCES)).words == tuple("badc")


def test_words_are_framed_and_unknown_ones_are_unk():
    vocabulary = text.Vocabulary(("so", "it"))
    assert vocabulary.encode(["it", "never", "so"]) == [BOS, 5, UNK, 4, EOS]
    assert vocabulary.encode([]) == [BOS, EOS]


def test_bytes_are_framed_and_joined_by_spaces():
    expected = [BOS, *(4 + byte for byte in b"so \xc3\xa9"), EOS]
    assert text.ByteTokenizer().encode(["so", "é"]) == expected
    assert text.ByteTokenizer().size == 260
    assert text.ByteTokenizer().decode([BOS, 4, 259, EOS]) == "\0�"


@both
def test_decoding_stops_at_the_first_eos_and_shows_no_frame(tokenizer):
    ids = tokenizer.encode(["so", "it"])
    after = tokenizer.encode(["goes"])
    for padded in (ids, ids[1:], ids[:-1], [PAD, *ids, PAD, PAD], ids + after):
        assert tokenizer.decode(padded) == "so it"
    assert tokenizer.decode([EOS, *ids]) == ""
    assert tokenizer.decode([]) == ""


@both
@pytest.mark.parametrize("array", [np.asarray, jnp.asarray, tuple])
def test_ids_may_be_an_array(tokenizer, array):
    ids = tokenizer.encode(["so", "it"])
    assert tokenizer.decode(array(ids)) == "so it"


def test_an_unknown_word_is_shown_when_decoding():
    assert text.Vocabulary(("so",)).decode([BOS, UNK, 4, EOS]) == "<unk> so"
    assert text.ByteTokenizer().decode([BOS, UNK, 4 + 65, EOS]) == "�A"


@given(st.lists(st.sampled_from(["so", "it", "goes", "<unk>"])))
def test_words_come_back(words):
    vocabulary = text.Vocabulary(("so", "it", "goes"))
    assert vocabulary.decode(vocabulary.encode(words)) == " ".join(words)


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_bytes_come_back(words):
    tokenizer = text.ByteTokenizer()
    ids = tokenizer.encode(words)
    assert min(ids) >= BOS
    assert max(ids) < tokenizer.size
    assert tokenizer.decode(ids) == " ".join(words)


def test_every_id_has_its_own_spelling():
    vocabulary = text.build_vocabulary(SENTENCES)
    spelt = [vocabulary.decode([i]) for i in range(4, vocabulary.size)]
    assert spelt == list("badc")
    assert [vocabulary.encode([word])[1] for word in spelt] == [4, 5, 6, 7]


def test_unk_in_a_text_is_unk_itself():
    vocabulary = text.build_vocabulary([["<unk>", "a", "<unk>"]], max_size=5)
    assert vocabulary.words == ("a",)
    assert vocabulary.encode(["<unk>", "a"]) == [BOS, UNK, 4, EOS]


@pytest.mark.parametrize("special", ["<pad>", "<s>", "</s>"])
def test_a_word_spelt_as_another_special_is_refused(special):
    with pytest.raises(ValueError, match=f"spelt as a special id; got '{special}'"):
        text.build_vocabulary([["a", special]])
    with pytest.raises(ValueError, match=f"spelt as a special id; got '{special}'"):
        text.Vocabulary(("a",)).encode(["a", special])
    with pytest.raises(ValueError, match=f"got '{special}'"):
        text.Vocabulary(("a", special))
    # bytes have no such spellings
    assert (
        text.ByteTokenizer().decode(text.ByteTokenizer().encode([special])) == special
    )


@refused
@both
def test_a_text_in_place_of_words_is_refused(tokenizer):
    with pytest.raises(ValueError, match=r"list of words; got the text 'so it'.*split"):
        tokenizer.encode("so it")
    with pytest.raises(ValueError, match="sentence by sentence"):
        tokenizer.encode([["so"], ["it"]])


@refused
def test_texts_in_place_of_sentences_are_refused():
    with pytest.raises(ValueError, match="list of words; got the text 'so it goes'"):
        text.build_vocabulary(["so it goes"])


@refused
@both
@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([BOS, -1], "from 0 to .*; got -1"),
        ([BOS, EOS, 300], "from 0 to .*; got 300"),
        ([4.5], "whole numbers"),
        (np.array([4.0]), "whole numbers"),
        (np.array([[4, 5]]), "one axis"),
        ([[4], [4, 5]], "one axis"),
        (7, "one axis"),
    ],
)
def test_what_is_no_sentence_of_ids_is_refused(tokenizer, ids, message):
    with pytest.raises(ValueError, match=message):
        tokenizer.decode(ids)


@both
def test_the_ids_end_at_the_size(tokenizer):
    tokenizer.decode([tokenizer.size - 1])
    with pytest.raises(ValueError, match=f"from 0 to {tokenizer.size - 1}; got"):
        tokenizer.decode([tokenizer.size])


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_size": 4}, "at least 5; got 4"),
        ({"min_count": 0}, "at least 1; got 0"),
        ({"min_count": 4}, "at least `min_count`, 4, times; got 4 words"),
    ],
)
def test_limits_that_leave_nothing_are_refused(limits, message):
    with pytest.raises(ValueError, match=message):
        text.build_vocabulary(SENTENCES, **limits)


@pytest.mark.parametrize("words", [("a", "a"), ("a b",), ("",), ("a", "<unk>")])
def test_words_that_could_not_be_told_apart_are_refused(words):
    with pytest.raises(ValueError, match="each once"):
        text.Vocabulary(words)


@both
def test_both_are_tokenizers_and_come_back_from_their_file(tokenizer, tmp_path):
    assert isinstance(tokenizer, text.Tokenizer)
    tokenizer.save(tmp_path / "saved.json")
    assert text.load_tokenizer(str(tmp_path / "saved.json")) == tokenizer


def test_a_file_may_be_below_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    text.ByteTokenizer().save("~/saved.json")
    assert (tmp_path / "saved.json").is_file()
    assert text.load_tokenizer("~/saved.json") == text.ByteTokenizer()


def test_words_of_any_script_are_saved(tmp_path):
    vocabulary = text.Vocabulary(("Bäume", "木", "\u200bx", '"', "\\n"))
    vocabulary.save(tmp_path / "saved.json")
    loaded = text.load_tokenizer(tmp_path / "saved.json")
    assert loaded.words == vocabulary.words
    assert loaded.encode(["木"]) == [BOS, 5, EOS]


@both
def test_no_file_is_overwritten(tokenizer, tmp_path):
    path = tmp_path / "saved.json"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=f"new file; got {path}, which exists"):
        tokenizer.save(path)
    assert path.read_text() == "mine"


def test_what_cannot_be_written_leaves_no_file(tmp_path):
    with pytest.raises(UnicodeEncodeError):
        text.Vocabulary(("\ud800",)).save(tmp_path / "saved.json")
    assert not list(tmp_path.iterdir())


DAMAGE = {
    "not json": lambda record: "{",
    "a list": lambda record: "[1]",
    "another layout": lambda record: json.dumps(record | {"layout": 2}),
    "other specials": lambda record: json.dumps(record | {"specials": ["<s>"]}),
    "another kind": lambda record: json.dumps(record | {"kind": "pieces"}),
    "no words": lambda record: json.dumps({**record, "words": None}),
    "a text of words": lambda record: json.dumps(record | {"words": "abc"}),
    "no texts": lambda record: json.dumps(record | {"words": [1, 2]}),
    "a word twice": lambda record: json.dumps(record | {"words": ["a", "a"]}),
    "nothing": lambda record: "{}",
    "cut": lambda record: json.dumps(record)[:-3],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused(damage, tmp_path):
    path = tmp_path / "saved.json"
    text.Vocabulary(("a", "b")).save(path)
    path.write_text(DAMAGE[damage](json.loads(path.read_text())))
    with pytest.raises(ValueError, match=f"{path} must be the file of a tokenizer"):
        text.load_tokenizer(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"saved\.json"):
        text.load_tokenizer(tmp_path / "saved.json")
