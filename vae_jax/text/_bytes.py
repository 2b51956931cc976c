"""A tokenizer of UTF-8 bytes: 256 symbols, nothing is ever unknown."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vae_jax.text._tokenizer import SPECIALS, Ids, check_sentence, content, write_record
from vae_jax.tokens import BOS, EOS, UNK

NO_BYTE_OF_UTF8 = 0xFF


@dataclass(frozen=True)
class ByteTokenizer:
    """The byte `b` has the id `4 + b`, after PAD, UNK, BOS, EOS; 260 ids.

    The words of a sentence are joined by single spaces. `encode` never yields UNK.

    >>> ByteTokenizer().encode(["so", "é"])
    [2, 119, 115, 36, 199, 173, 3]
    >>> ByteTokenizer().decode([2, 119, 115, 36, 199, 173, 3])
    'so é'
    """

    @property
    def size(self) -> int:
        """The number of ids, specials included."""
        return len(SPECIALS) + 256

    def encode(self, words: Sequence[str]) -> list[int]:
        """`[BOS, 4 + byte, ..., 4 + byte, EOS]`.

        Raises:
            ValueError: not a list of words.
        """
        check_sentence(words)
        return [BOS, *(len(SPECIALS) + b for b in " ".join(words).encode()), EOS]

    def decode(self, ids: Ids) -> str:
        """The text up to EOS; U+FFFD stands for UNK and for what is no UTF-8.

        A model may sample any bytes, so that these are no error.

        Raises:
            ValueError: not whole numbers from 0 to 259.
        """
        shown = content(ids, self.size)
        raw = (NO_BYTE_OF_UTF8 if i == UNK else i - len(SPECIALS) for i in shown)
        return bytes(raw).decode(errors="replace")

    def save(self, path: str | Path) -> None:
        """Write it as JSON, to be read by `load_tokenizer`.

        Raises:
            FileExistsError: there is something at `path` already.
        """
        write_record(path, {"kind": "bytes"})
