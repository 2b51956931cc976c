"""Every number of the gallery and the README is that of the committed rows.

`tests/gallery_settings.txt` lists, section by section, the numbers in prose that are not
of the rows: sizes, settings, thresholds, and what the text itself says was measured apart.
"""

import re
from pathlib import Path

import pytest

from experiments._gallery import readme
from experiments._gallery.blocks import without_blocks
from experiments._gallery.tables import between, fixed, keeping, three

SETTINGS = Path(__file__).with_name("gallery_settings.txt")


@pytest.mark.parametrize("path", readme.pages(), ids=lambda path: path.parent.name)
def test_what_is_written_is_what_the_rows_say(path):
    """`python -m experiments.gallery --redraw` writes it so."""
    made, stands = readme.pages()[path].splitlines(), path.read_text().splitlines()
    for number, (line, expected) in enumerate(zip(stands, made, strict=True)):
        assert line == expected, f"{path.name}, line {number + 1}"


def others(text):
    """Section: the numbers in its prose that no fact makes, in order."""
    covered = [readme.pattern(words).search(text).span() for words, _ in readme.FACTS]
    # tables, links and code are not prose
    apart = r"^\|.*$|\]\([^)]*\)|`[^`]*`"
    covered += [found.span() for found in re.finditer(apart, text, flags=re.M)]
    token = rf"^## (.*)$|(?<![\w.])(?:{readme.NUMBER})(?!\w)"
    section, found = "", {}
    for match in re.finditer(token, text, flags=re.M):
        if match.group(1):
            section = match.group(1)
        elif not any(start <= match.start() < end for start, end in covered):
            found.setdefault(section, []).append(match.group())
    return found


def test_every_other_number_in_prose_is_a_known_setting():
    """A new number is made from the rows (`readme.FACTS`), or is listed as a setting."""
    text = without_blocks(readme.GALLERY.read_text())
    known = dict(line.split(": ") for line in SETTINGS.read_text().splitlines())
    found = {section: " ".join(own) for section, own in others(text).items()}
    assert found == known


def test_a_number_that_is_not_of_the_rows_is_found():
    text = readme.GALLERY.read_text()
    wrong = text
    for words in (r"\| beta 1 \| ", "the ELBO differs by "):
        wrong, count = re.subn(rf"({words})[\d.]+", r"\g<1>99.9", wrong)
        assert count == 1
    assert readme.written(readme.with_tables(wrong), readme.FACTS) == text


def test_words_that_are_gone_are_missed():
    facts = [("a rate of {} nats", lambda: ["1.0"])]
    assert readme.written("so a rate\nof 0.5 nats", facts) == "so a rate\nof 1.0 nats"
    for text in ("a rate of nothing", "a rate of 1 nats, a rate of 2 nats"):
        with pytest.raises(ValueError, match="must stand once"):
            readme.written(text, facts)
    with pytest.raises(ValueError, match="must head one table; got 0"):
        readme.with_tables("no table")


def test_rounding_by_hand():
    # the digits of the row decide, not those of the binary number: 1.075 is below
    assert [fixed(v, 2) for v in (1.075, 0.59496, -0.001, 2.10468)] == [
        "1.08",
        "0.59",
        "0.00",
        "2.10",
    ]
    assert [three(v) for v in (17317, 3542.7, 162.49, 97.291, 2.1387)] == [
        "17300",
        "3540",
        "162",
        "97.3",
        "2.14",
    ]
    assert between([0.0054, 0.0084], 2) == "0.01"
    assert between([0.5, 0.25, 1.0], 2) == "0.25 to 1.00"
    # of three seeds: 0, 2.3 and the one that their mean of 1.53 leaves, 2.3
    assert keeping(0.0, 4.6 / 3, 2.3) == 2
    assert keeping(0.0, 0.1, 0.3) == 1
