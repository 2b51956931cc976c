"""A tokenizer of whole words: the frequent ones have an id, the others are UNK."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vae_jax.text._tokenizer import SPECIALS, Ids, check_sentence, content, write_record
from vae_jax.text._whole import whole
from vae_jax.tokens import BOS, EOS, UNK

NOT_WORDS = frozenset(SPECIALS) - {SPECIALS[UNK]}
"""`<unk>` is no word either, but stands for one."""


@dataclass(frozen=True)
class Vocabulary:
    """Words and their ids: `words[i]` has the id `4 + i`, after PAD, UNK, BOS, EOS.

    A word `<unk>` in a text, as in prepared copies of the Penn Treebank, is UNK itself;
    the spellings of the other specials are refused, for their ids have another meaning.

    Attributes:
        words: without the specials, in the order of their ids.

    Raises:
        ValueError: a word occurs twice, has a space in it, or is spelt as a special.

    >>> vocabulary = Vocabulary(("so", "goes"))
    >>> vocabulary.size
    6
    >>> vocabulary.encode(["so", "it", "goes"])
    [2, 4, 1, 5, 3]
    >>> vocabulary.decode([2, 4, 1, 5, 3, 0, 0])
    'so <unk> goes'
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse words that could not be told apart."""
        check_sentence(self.words)
        # a list could be changed behind the ids
        object.__setattr__(self, "words", tuple(self.words))
        seen = set(SPECIALS)
        for word in self.words:
            if word in seen or word.split() != [word]:
                raise ValueError(
                    "`words` must be words without spaces, each once, none spelt as a "
                    f"special ({', '.join(SPECIALS)}); got {word!r}."
                )
            seen.add(word)

    @property
    def size(self) -> int:
        """The number of ids, specials included."""
        return len(SPECIALS) + len(self.words)

    def encode(self, words: Sequence[str]) -> list[int]:
        """`[BOS, id, ..., id, EOS]`; a word without an id is UNK.

        Raises:
            ValueError: not a list of words, or a word spelt as PAD, BOS or EOS.
        """
        check_sentence(words)
        refuse_specials(words)
        return [BOS, *(self._ids.get(word, UNK) for word in words), EOS]

    def decode(self, ids: Ids) -> str:
        """Words, with spaces between, up to EOS; UNK, which stands for one, is shown.

        Raises:
            ValueError: not whole numbers from 0 to size - 1.
        """
        spelling = SPECIALS + self.words
        return " ".join(spelling[i] for i in content(ids, self.size))

    def save(self, path: str | Path) -> None:
        """Write it as JSON, to be read by `load_tokenizer`.

        Raises:
            FileExistsError: there is something at `path` already.
        """
        write_record(path, {"kind": "words", "words": self.words})

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words, start=len(SPECIALS))}


def build_vocabulary(
    sentences: Iterable[Sequence[str]],
    *,
    max_size: int | None = None,
    min_count: int = 1,
) -> Vocabulary:
    """The vocabulary of the most frequent words of some sentences.

    Ordered by falling count; of equally frequent words, the one that appears first
    comes first. Build it from the training sentences alone.

    Args:
        sentences: lists of words.
        max_size: at most so many ids, the four specials included; None for no limit.
        min_count: rarer words are left out, and will be UNK.

    Raises:
        TypeError: a limit is no whole number.
        ValueError: no word is left, a limit leaves no room, or a word is spelt as a
            special.

    >>> build_vocabulary([["b", "a"], ["c", "a", "b"]], max_size=6).words
    ('b', 'a')
    """
    _check_limits(max_size, min_count)
    counts: Counter[str] = Counter()
    for words in sentences:
        check_sentence(words)
        refuse_specials(words)
        counts.update(words)
    del counts[SPECIALS[UNK]]
    # a stable sort, and a Counter keeps the order of first appearance
    ranked = sorted(counts, key=lambda word: -counts[word])
    frequent = [word for word in ranked if counts[word] >= min_count]
    if not frequent:
        raise ValueError(
            f"`sentences` must hold a word that occurs at least `min_count`, "
            f"{min_count}, times; got {len(counts)} words, none so frequent."
        )
    room = None if max_size is None else max_size - len(SPECIALS)
    return Vocabulary(tuple(frequent[:room]))


def refuse_specials(words: Sequence[str]) -> None:
    """Refuse a word that is spelt as PAD, BOS or EOS.

    Raises:
        ValueError: there is one.

    >>> refuse_specials(["so", "<unk>", "goes"])
    """
    found = NOT_WORDS.intersection(words)
    if found:
        raise ValueError(
            f"A word must not be spelt as a special id; got {min(found)!r}. Take it "
            "out, or spell it in another way: BOS and EOS are added by `encode`."
        )


def _check_limits(max_size: int | None, min_count: int) -> None:
    if max_size is not None and whole("max_size", max_size, 0) <= len(SPECIALS):
        raise ValueError(
            f"`max_size` counts the four specials too and must be at least 5; got "
            f"{max_size}."
        )
    whole("min_count", min_count, 1)
