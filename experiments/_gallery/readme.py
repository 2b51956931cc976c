"""Writes the numbers of the committed rows into `README.md`, here and above.

`python -m experiments.gallery --redraw` does so after it has drawn the pictures, and
`python -m experiments._gallery.readme` by itself; a test says which numbers are not those
of the rows. Words stay as they are: a number that changes may want other words around it.
"""

import re
from pathlib import Path

from experiments._gallery.blocks import with_blocks
from experiments._gallery.facts import Fact
from experiments._gallery.listing import pages as listed
from experiments._gallery.sentences import FACTS, README_FACTS
from experiments._gallery.tables import TABLES

GALLERY = Path(__file__).parents[1] / "README.md"
README = Path(__file__).parents[2] / "README.md"
NUMBER = r"-?\d[\d.]*\d|-?\d"


def pattern(words: str) -> re.Pattern[str]:
    """The words with a number in the place of every `{}`, over any line breaks."""
    parts = [re.escape(part).replace(r"\ ", r"\s+") for part in words.split("{}")]
    return re.compile(f"({NUMBER})".join(parts))


def written(text: str, known: list[Fact]) -> str:
    """The text with the numbers of the rows.

    Raises:
        ValueError: words that do not stand in the text exactly once, or other numbers than
            they have places for.
    """
    for words, made in known:
        numbers = list(made())
        found = list(pattern(words).finditer(text))
        if len(found) != 1 or len(numbers) != words.count("{}"):
            raise ValueError(
                f"{words!r} must stand once in the text, with {len(numbers)} numbers; "
                f"found {len(found)} times."
            )
        for place, number in reversed(list(enumerate(numbers, start=1))):
            start, end = found[0].span(place)
            text = text[:start] + number + text[end:]
    return text


def with_tables(text: str) -> str:
    """The text with every table of `TABLES` made anew.

    Raises:
        ValueError: a header that does not stand in the text exactly once.
    """
    for header, made in TABLES.items():
        lines = text.split("\n")
        found = [number for number, line in enumerate(lines) if line.startswith(header)]
        if len(found) != 1:
            raise ValueError(f"{header!r} must head one table; got {len(found)}.")
        first = last = found[0] + 2
        while lines[last].startswith("|"):
            last += 1
        lines[first:last] = [
            f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in line)}|"
            for line in made()
        ]
        text = "\n".join(lines)
    return text


def pages() -> dict[Path, str]:
    """What each file should hold."""
    made = with_tables(with_blocks(GALLERY.read_text(), listed()))
    return {
        GALLERY: written(made, FACTS),
        README: written(README.read_text(), README_FACTS),
    }


def main() -> None:
    """Write both files."""
    for path, text in pages().items():
        changed = text != path.read_text()
        path.write_text(text)
        print(f"{'Written' if changed else 'As it was'}: {path}")


if __name__ == "__main__":
    main()
