"""HTML of values: every text that is somebody's is escaped here."""

import html
from collections.abc import Iterable, Sequence

from vae_jax.report._members import Member
from vae_jax.report._values import NONE, label_of, shown_number

MAIN = (
    "elbo",
    "rate",
    "distortion",
    "nll",
    "perplexity",
    "mutual_information",
    "active_units",
    "collapsed_units",
    "shuffle_gap",
)
"""Numbers of the table; of a program of one's own, without these, the first of its."""


def escaped(text: object) -> str:
    """Text as HTML, also within quotes.

    >>> escaped('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return html.escape(str(text))


def slug(verdict: str) -> str:
    """A verdict as the name of a style.

    >>> slug("partially collapsed"), slug("<i>")
    ('partially-collapsed', '-i-')
    """
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in verdict)


def badge(verdict: str) -> str:
    """A verdict with its mark."""
    return f'<span class="verdict {slug(verdict)}">{escaped(verdict)}</span>'


def pairs_table(caption: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Names and values; nothing where there are none."""
    rows = "".join(
        f'<tr><th scope="row">{escaped(n)}</th><td>{escaped(v)}</td></tr>'
        for n, v in pairs
    )
    if not rows:
        return ""
    return f'<table class="pairs"><caption>{escaped(caption)}</caption>{rows}</table>'


def listed(sentences: Sequence[str]) -> str:
    """Sentences, one below the other."""
    items = "".join(f"<li>{escaped(one)}</li>" for one in sentences)
    return f"<ul>{items}</ul>" if items else ""


def table_metrics(names: Sequence[str]) -> list[str]:
    """The numbers that the table shows.

    >>> table_metrics(["nll", "own", "rate"]), table_metrics(["own"])
    (['rate', 'nll'], ['own'])
    """
    return [name for name in MAIN if name in names] or list(names[: len(MAIN)])


def member_table(
    members: Sequence[Member], settings: Sequence[str], metrics: Sequence[str]
) -> str:
    """A row a member; the script makes its head sort."""
    shown = table_metrics(metrics)
    head = [_head("member", "number"), _head("verdict", "text")]
    head += [_head(name, "setting") for name in settings]
    head += [_head("status", "text")]
    head += [_head(label_of(name), "number") for name in shown]
    rows = "\n".join(_row(one, settings, shown) for one in members)
    return (
        '<table id="members"><caption class="hidden">Members, their verdicts, the settings '
        "in which they differ, and their numbers</caption>"
        f'<thead><tr>{"".join(head)}<th scope="col">why</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table>"
    )


def _head(name: str, kind: str) -> str:
    return f'<th scope="col" data-kind="{kind}">{escaped(name)}</th>'


def _row(one: Member, settings: Sequence[str], metrics: Sequence[str]) -> str:
    number = one.number
    cells = [
        f'<th scope="row"><a href="#units" data-member="{number}">{number}</a></th>',
        f"<td>{badge(one.verdict)}</td>",
        *(f"<td>{escaped(one.settings.get(name, NONE))}</td>" for name in settings),
        f"<td>{escaped(one.status)}</td>",
        *(
            f'<td class="n">{shown_number(one.metrics.get(name))}</td>'
            for name in metrics
        ),
        f"<td>{_why(one)}</td>",
    ]
    return f'<tr data-verdict="{escaped(one.verdict)}">{"".join(cells)}</tr>'


def _why(one: Member) -> str:
    if not one.reasons:
        return ""
    first, more = escaped(one.reasons[0]), listed(one.reasons[1:])
    return f"<details><summary>{first}</summary>{more}</details>"
