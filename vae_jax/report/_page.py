"""One HTML file of everything: template, style, scripts, library, data and pictures."""

import os
import secrets
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template

from vae_jax import __version__
from vae_jax.report._gather import Gathered, Origin
from vae_jax.report._html import escaped, member_table, pairs_table
from vae_jax.report._library import library
from vae_jax.report._pictures import Drawn, Images, Lines, fitting_uris
from vae_jax.report._script import between_tags
from vae_jax.report._summary import summary
from vae_jax.report._sweep import ELSEWHERE
from vae_jax.report._values import in_script

SCRIPTS = ("table", "frame", "plane", "map", "training", "units", "main")
"""In their order; what is drawn last begins it all."""

GENERATOR = '<meta name="generator" content="vae-jax report">'
"""By which a report is known, so that a newer one may take its place."""


def page(found: Gathered, drawn: Sequence[Drawn] = (), title: str = "") -> str:
    """A self-contained page: nothing is loaded when it is read.

    Args:
        found: of `gather`.
        drawn: what trained members draw.
        title: of the page; the names of the folders by default.

    Raises:
        ValueError: vl-convert-python, which holds the charting library, is not installed.

    The README shows a report.
    """
    script = library()
    names = ", ".join(one.folder for one in found.origins)
    last = ", ".join(os.path.basename(one.folder) for one in found.origins)
    verdicts = "".join(
        f'<option value="{escaped(w)}">{escaped(w)}</option>' for w in found.verdicts
    )
    return Template(_file("page.html")).substitute(
        title=escaped(title or f"Report of {last}"),
        css=_file("page.css"),
        origin=escaped(f"{found.total} members of {names}"),
        nav=_nav(bool(drawn)),
        summary=summary(found),
        charts=_file("charts.html"),
        verdicts=verdicts,
        members=member_table(found.members, found.varied, found.metrics),
        drawn=_drawn(drawn),
        configuration=_configuration(found),
        again="".join(_again(origin) for origin in found.origins),
        footer=escaped(
            f"Made by vae-jax report {__version__}, with Vega, Vega-Lite and Vega-Embed "
            "(BSD-3-Clause) inside. Nothing is loaded when this page is read."
        ),
        data=in_script(found.chart),
        library=script,
        script=between_tags("\n".join(_file(f"{name}.js") for name in SCRIPTS)),
    )


def write(path: str | os.PathLike[str], text: str) -> None:
    """Write a page, whole or not at all; an older report of this name is replaced.

    Args:
        path: of the file.
        text: of `page`.

    Raises:
        FileExistsError: there is something else.

    >>> import tempfile
    >>> write(Path(tempfile.mkdtemp(), "a.html"), GENERATOR)
    """
    target = Path(path)
    check_target(target)
    temporary = target.with_name(f".tmp-{secrets.token_hex(8)}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def check_target(path: Path) -> None:
    """Refuse to write over what is no report.

    Raises:
        FileExistsError: there is something else.

    >>> check_target(Path("no/such/file.html"))
    """
    if not path.exists():
        return
    if path.is_file():
        with path.open("rb") as file:
            if GENERATOR.encode() in file.read(400):
                return
    raise FileExistsError(
        f"`out` must be a new file or an older report; {path} is something else. Name "
        "another file."
    )


@cache
def _file(name: str) -> str:
    return (files("vae_jax.report") / "page" / name).read_text(encoding="utf-8")


def _nav(has_drawn: bool) -> str:
    sections = {
        "summary": "Summary",
        "charts": "Charts",
        "members-section": "Members",
        **({"drawn": "What members draw"} if has_drawn else {}),
        "configuration": "Configuration",
        "again": "How to run it again",
    }
    links = (f'<li><a href="#{to}">{name}</a></li>' for to, name in sections.items())
    return "".join(links)


def _configuration(found: Gathered) -> str:
    differing, shared = found.settings
    parts = [pairs_table("Settings in which members differ", differing)]
    parts.append(_folded("Settings that all share", shared))
    for origin in found.origins:
        caption = f"Data, versions and machine of {origin.folder}"
        parts.append(_folded(caption, origin.pairs))
    return "".join(parts)


def _folded(caption: str, pairs: Sequence[tuple[str, str]]) -> str:
    table = pairs_table(caption, pairs)
    if not table:
        return ""
    return f"<details><summary>{escaped(caption)}</summary>{table}</details>"


def _again(origin: Origin) -> str:
    """The commands of one folder."""
    go_on = f"vae-jax sweep resume {origin.folder}"
    said = f"<h3>{escaped(origin.folder)}</h3>"
    if origin.toml is None:
        return said + (
            "<p>This folder is of a program of its own, or of too many unlike settings for "
            "a file to be shown here; its <code>manifest.json</code> has the settings of "
            "every member.</p>"
        )
    elsewhere = ""
    if ELSEWHERE in origin.folder + origin.toml:
        elsewhere = (
            f"<p>A path that begins with <code>{escaped(ELSEWHERE)}</code> was of the "
            "machine that it ran on: write where the file lies.</p>"
        )
    return (
        f"{said}<p>What has not ended goes on with <code>{escaped(go_on)}</code>. Anew: "
        "save this as <code>again.toml</code>, and <code>vae-jax sweep again.toml</code>."
        f'</p>{elsewhere}<pre tabindex="0"><code>{escaped(origin.toml)}</code></pre>'
    )


def _drawn(drawn: Sequence[Drawn]) -> str:
    if not drawn:
        return ""
    numbers = ", ".join(str(one.number) for one in drawn)
    uris = fitting_uris(drawn)
    articles = "".join(_article(one, own) for one, own in zip(drawn, uris, strict=True))
    return (
        '<section id="drawn" aria-labelledby="drawn-title"><h2 id="drawn-title">What '
        f"members draw</h2><p>Of members {numbers}.</p>{articles}</section>"
    )


def _article(one: Drawn, uris: Sequence[str]) -> str:
    parts = [
        _images(one, part, uri) if isinstance(part, Images) else _lines(part)
        for part, uri in zip(one.parts, uris, strict=True)
    ]
    notes = "".join(f"<p>{escaped(note)}</p>" for note in one.notes)
    name = f"Member {one.number}: {one.title}"
    return (
        f'<article><h3>{escaped(name)}</h3><div class="drawn">{"".join(parts)}</div>'
        f"{notes}</article>"
    )


def _images(one: Drawn, part: Images, uri: str) -> str:
    number, (height, width) = len(part.images), part.images.shape[1:3]
    said = f"{number} images side by side, {part.name}, of member {one.number}"
    return (
        f"<figure><figcaption>{escaped(part.name)}</figcaption>"
        f'<img src="{uri}" alt="{escaped(said)}" width="{number * width}" '
        f'height="{height}"></figure>'
    )


def _lines(part: Lines) -> str:
    items = "".join(f"<li>{escaped(line)}</li>" for line in part.lines)
    return f"<div><h4>{escaped(part.name)}</h4><ol>{items}</ol></div>"
