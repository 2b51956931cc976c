"""The head of a page: how many members came to which verdict, why, and by which setting."""

from collections import Counter
from collections.abc import Sequence

from vae_jax.report._gather import Gathered
from vae_jax.report._html import badge, escaped, listed, slug
from vae_jax.report._members import SEED, Member
from vae_jax.report._values import NONE, label_of, ordered, shown_number

MOST_VALUES = 12
"""Of a setting, whose verdicts are counted in a table."""

FEW_SETTINGS = 3
"""Whose tables are unfolded."""

MEANS = ("rate", "mutual_information")
"""Numbers whose mean stands beside the verdicts of a value."""


def summary(found: Gathered) -> str:
    """Sentences, a table of verdicts with reasons, and one a setting."""
    sentences = "".join(f"<p>{escaped(one)}</p>" for one in told(found))
    names = [name for name in found.varied if name != SEED]
    tables = "".join(by_setting(found, name) for name in names)
    is_open = " open" if len(names) <= FEW_SETTINGS else ""
    more = f"<details{is_open}><summary>Verdicts by setting</summary>{tables}</details>"
    return sentences + verdict_table(found) + (more if tables else "")


def told(found: Gathered) -> list[str]:
    """What there is, in sentences."""
    ended = sum(found.statuses.get(s, 0) for s in ("finished", "diverged", "stopped"))
    said = [f"{ended} of {_counted(found.total, 'member')} ended."]
    parts = [f"{n} {word}" for word, n in found.verdicts.items()]
    said[0] = f"{said[0]} Verdicts: {', '.join(parts)}."
    waiting = {
        s: n
        for s, n in found.statuses.items()
        if s in ("running", "interrupted", "not begun")
    }
    if waiting:
        parts = [f"{n} {word}" for word, n in waiting.items()]
        said.append(
            f"Without numbers, because they have not ended: {', '.join(parts)}. The table "
            "says of each why, and how to go on."
        )
    if len(found.members) < found.total:
        said.append(
            f"The table and the charts show {len(found.members)} of the {found.total} "
            "members, evenly spaced by number; the verdicts above count all."
        )
    if found.of_split not in ("", NONE):
        said.append(
            f"Numbers are of the {found.of_split} split at beta = 1, in nats per example."
        )
    return said


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def verdict_table(found: Gathered) -> str:
    """Of every verdict the number of members, and one of them with its reasons."""
    most = max(found.verdicts.values())
    rows = []
    for word, number in found.verdicts.items():
        one = next((m for m in found.members if m.verdict == word), None)
        why = ""
        if one is not None:
            link = (
                f'<a href="#units" data-member="{one.number}">member {one.number}</a>'
            )
            why = f"<p>For example {link}:</p>{listed(one.reasons)}"
        share = f"--share:{number / most:.3f}"
        bar = (
            f'<span class="bar {slug(word)}" style="{share}" aria-hidden="true"></span>'
        )
        rows.append(
            f'<tr><th scope="row">{badge(word)}</th><td class="n">{number}</td>'
            f"<td>{bar}</td><td>{why}</td></tr>"
        )
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Verdicts">'
        '<table class="verdicts"><caption>Verdicts and their reasons</caption><thead><tr>'
        '<th scope="col">verdict</th><th scope="col">members</th>'
        '<th scope="col"><span class="hidden">share</span></th>'
        '<th scope="col">why</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def by_setting(found: Gathered, name: str) -> str:
    """How often each verdict was given to the members of each value; seeds are counted."""
    texts = [one.settings.get(name, NONE) for one in found.members]
    values = ordered(texts)
    if not 1 < len(values) <= MOST_VALUES:
        return ""
    words = [word for word in found.verdicts if found.verdicts[word]]
    means = [metric for metric in MEANS if metric in found.metrics]
    head = "".join(f'<th scope="col">{badge(word)}</th>' for word in words)
    head += "".join(f'<th scope="col">mean {escaped(label_of(m))}</th>' for m in means)
    rows = []
    for value in values:
        own = [m for m, text in zip(found.members, texts, strict=True) if text == value]
        counted = Counter(one.verdict for one in own)
        cells = "".join(f'<td class="n">{counted[word] or ""}</td>' for word in words)
        cells += "".join(f'<td class="n">{_mean(own, metric)}</td>' for metric in means)
        rows.append(f'<tr><th scope="row">{escaped(value)}</th>{cells}</tr>')
    return (
        '<div class="wide" tabindex="0" role="region" '
        f'aria-label="Verdicts by {escaped(name)}"><table>'
        f'<caption>by {escaped(name)}</caption><thead><tr><th scope="col">'
        f"{escaped(name)}</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _mean(members: Sequence[Member], metric: str) -> str:
    known = [one.metrics.get(metric) for one in members]
    numbers = [value for value in known if value is not None and value == value]
    return shown_number(sum(numbers) / len(numbers)) if numbers else "–"
