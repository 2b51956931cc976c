"""Reading back a tokenizer, of whichever kind a file holds."""

import json
from pathlib import Path
from typing import Any

from vae_jax.text._bytes import ByteTokenizer
from vae_jax.text._tokenizer import LAYOUT, SPECIALS, Tokenizer
from vae_jax.text._vocabulary import Vocabulary


def load_tokenizer(path: str | Path) -> Tokenizer:
    """The tokenizer that a `save` has written.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or no tokenizer of this package.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "words.json"
    >>> Vocabulary(("so", "goes")).save(path)
    >>> load_tokenizer(path)
    Vocabulary(words=('so', 'goes'))
    """
    path = Path(path).expanduser()
    try:
        return _tokenizer(json.loads(path.read_text(encoding="utf-8")))
    # what is no UTF-8 and what is no JSON are ValueErrors as well
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} must be the file of a tokenizer, as `save` writes it; got one that "
            f"is damaged or something else: {error}."
        ) from error


def _tokenizer(record: Any) -> Tokenizer:
    if record["layout"] != LAYOUT:
        raise ValueError(f"its layout must be {LAYOUT}, it is {record['layout']!r}")
    if tuple(record["specials"]) != SPECIALS:
        raise ValueError(f"its specials must be {SPECIALS}")
    if record["kind"] == "bytes":
        return ByteTokenizer()
    if record["kind"] != "words":
        raise ValueError(f"its kind must be words or bytes, it is {record['kind']!r}")
    if not isinstance(record["words"], list):
        raise ValueError("its words must be a list")
    return Vocabulary(tuple(record["words"]))
