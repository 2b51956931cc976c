"""What every tokenizer shares: four special ids, the protocol, the file it is saved to.

The ids are the same for all: PAD 0, UNK 1, BOS 2, EOS 3, and what is a word, a byte or a
symbol begins at 4. BOS is the input of the first step and never predicted; EOS is
predicted as any word is; PAD is neither.
"""

import json
import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Integer

from vae_jax.tokens import BOS, EOS, PAD

SPECIALS = ("<pad>", "<unk>", "<s>", "</s>")
"""How the special ids are spelt, in their order."""

LAYOUT = 1
"""Raised when what is written into a tokenizer's file changes."""

Ids = Sequence[int] | Integer[Any, " ids"]


@runtime_checkable
class Tokenizer(Protocol):
    """From the words of a sentence to ids, and back to text.

    >>> from vae_jax.text import ByteTokenizer
    >>> isinstance(ByteTokenizer(), Tokenizer)
    True
    """

    @property
    def size(self) -> int:
        """The number of ids, specials included: the classes of a model's softmax."""

    def encode(self, words: Sequence[str]) -> list[int]:
        """`[BOS, ..., EOS]` of one sentence."""

    def decode(self, ids: Ids) -> str:
        """The text up to the first EOS, without PAD and BOS."""

    def save(self, path: str | Path) -> None:
        """Write a JSON file that `load_tokenizer` reads; an existing one is refused."""


def check_sentence(words: Sequence[str]) -> None:
    """Refuse what is no list of words.

    A text is a sequence of strings too: unnoticed, its letters would be the words.

    Raises:
        ValueError: a text, or something in the list is no text.

    >>> check_sentence(["so", "it", "goes"])
    """
    if isinstance(words, str):
        raise ValueError(
            f"A sentence must be a list of words; got the text {words[:40]!r}. "
            "Split it: text.split()."
        )
    if not isinstance(words, Sequence):
        raise ValueError(f"A sentence must be a list of words; got {words!r:.80}.")
    strange = [word for word in words if not isinstance(word, str)]
    if strange:
        raise ValueError(
            f"The words of a sentence must be texts; got {strange[0]!r:.80}. A list of "
            "sentences is given sentence by sentence."
        )


def content(ids: Ids, size: int) -> list[int]:
    """The ids that are shown: all before the first EOS but PAD and BOS.

    Raises:
        ValueError: not whole numbers from 0 to size - 1, in one axis.

    >>> from vae_jax.tokens import UNK
    >>> content([BOS, 7, UNK, EOS, 9, PAD], 10)
    [7, 1]
    """
    whole = whole_numbers(ids)
    wrong = [i for i in whole if not 0 <= i < size]
    if wrong:
        raise ValueError(
            f"`ids` must be from 0 to {size - 1}; got {wrong[0]}. Were they made by "
            "another tokenizer?"
        )
    end = whole.index(EOS) if EOS in whole else len(whole)
    return [i for i in whole[:end] if i not in (PAD, BOS)]


def whole_numbers(ids: Ids) -> list[int]:
    """Ids as Python integers, of whichever array they were.

    Raises:
        ValueError: not whole numbers, or in more than one axis.

    >>> import numpy as np
    >>> whole_numbers(np.array([2, 7, 3], np.int32))
    [2, 7, 3]
    """
    try:
        return [operator.index(i) for i in np.asarray(ids).tolist()]
    # numpy's refusal of rows of unlike lengths is a ValueError
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`ids` must be whole numbers in one axis, one sentence; got "
            f"{ids!r:.80}. Give the sentences one by one."
        ) from error


def write_record(path: str | Path, record: dict[str, Any]) -> None:
    """Write a tokenizer's JSON file.

    Raises:
        FileExistsError: there is something at `path` already.

    >>> import tempfile
    >>> write_record(Path(tempfile.mkdtemp()) / "bytes.json", {"kind": "bytes"})
    """
    path = Path(path).expanduser()
    full = {"layout": LAYOUT, "specials": SPECIALS, **record}
    # all of it before the file is there: what cannot be written leaves none behind
    text = json.dumps(full, ensure_ascii=False, indent=1).encode()
    try:
        with path.open("xb") as file:
            file.write(text)
    except FileExistsError as error:
        raise FileExistsError(
            f"`path` must be the name of a new file; got {path}, which exists. Delete "
            "it, or choose another name."
        ) from error
