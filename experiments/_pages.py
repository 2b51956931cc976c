"""What the pages share: their options, the run folder, and the committed copies."""

import argparse
import fcntl
import functools
import platform
import re
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from experiments._verdicts import Verdict, as_table, print_verdicts
from vae_jax import __version__, results
from vae_jax.configs import Run, to_mapping

Draw = Callable[[Path, Path], None]
"""Draws the saved page in a folder to the path of a picture."""
Judge = Callable[[Path], Sequence[Verdict]]
"""Reads the saved page in a folder, and says which of its claims hold."""

RESULTS = Path(__file__).with_name("results")
FIGURES = Path(__file__).with_name("figures")
FORMS = ".png", ".svg", ".pdf"
EXACT_DIGITS = 15
"""Of float64 rows whose claims are good to rounding."""


def folder_for(name: str, configs: Sequence[Run]) -> Path:
    """`runs/NAME-HASH`: the same runs find their own folder, others never share it."""
    spec = {"configs": [to_mapping(config) for config in configs]}
    return Path("runs") / f"{name}-{results.short_hash(spec)}"


def page_parser(doc: str | None) -> argparse.ArgumentParser:
    """The options that every page has, under the first line of its description."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="a few steps, no claim")
    parser.add_argument("--publish", action="store_true", help="update committed rows")
    parser.add_argument("--out", type=Path, help="folder; one below runs/ by default")
    return parser


def drawn_page_parser(doc: str | None) -> argparse.ArgumentParser:
    """The options of a page with a figure."""
    parser = page_parser(doc)
    parser.add_argument(
        "--redraw", action="store_true", help="only draw committed rows"
    )
    return parser


def page_arguments(
    parser: argparse.ArgumentParser, parts: Sequence[str] = ()
) -> argparse.Namespace:
    """What the command line asks for; `--publish` is refused for less than the page.

    Args:
        parser: of the page.
        parts: options that name what is run, all of it by default.
    """
    arguments = parser.parse_args()
    less = ["--smoke"] if arguments.smoke else []
    for part in parts:
        if set(getattr(arguments, part)) != set(parser.get_default(part)):
            less.append(f"--{part}")
    if arguments.publish and less:
        parser.error(
            "--publish replaces the committed rows, and must run the whole page; got "
            f"it with {' and '.join(less)}"
        )
    return arguments


def save_rows(page: Path, *, digits: int = 5, **tables: pd.DataFrame) -> None:
    """Every table as `NAME.csv` in the folder of a page, which is made.

    Args:
        page: the folder.
        digits: that a number keeps, `EXACT_DIGITS` where claims are exact.
        **tables: the rows.
    """
    page.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(page / f"{name}.csv", index=False, float_format=f"%.{digits}g")


def read_rows(page: Path, *names: str) -> list[pd.DataFrame]:
    """The tables of these names, as `save_rows` has left them."""
    return [pd.read_csv(page / f"{name}.csv") for name in names]


def finish_rows(name: str, table: pd.DataFrame, out: Path, published: bool) -> None:
    """Save the one table of a page, publish it if asked, and say where it is."""
    out.mkdir(parents=True, exist_ok=True)
    rows = out / f"{name}.csv"
    table.to_csv(rows, index=False, float_format="%.6g")
    if published:
        publish(name, rows)
    print(f"Results: {out}")


def finish_page(
    name: str, out: Path, draw: Draw, judge: Judge, arguments: argparse.Namespace
) -> None:
    """Draw and judge the saved page, publish it if asked, and say where everything is.

    Args:
        name: of the page.
        out: where its rows are, in the folder `page`.
        draw: its figure.
        judge: its claims, from its rows.
        arguments: of the command line: with `smoke` nothing is claimed, and with
            `publish` rows and pictures become the committed ones.
    """
    page, picture = out / "page", out / f"{name}.png"
    draw(page, picture)
    if not arguments.smoke:
        save_verdicts(page, judge(page))
    if arguments.publish:
        publish(name, page, picture)
    print(f"Results: {out}")


def redraw_page(name: str, draw: Draw, judge: Judge) -> None:
    """The committed pictures and verdicts again, from the committed rows."""
    draw(RESULTS / name, FIGURES / f"{name}.png")
    save_verdicts(RESULTS / name, judge(RESULTS / name))


def save_verdicts(page: Path, found: Sequence[Verdict]) -> None:
    """Print them, and keep them beside the rows of the page."""
    print_verdicts(found)
    save_rows(page, verdicts=as_table(found))


def save_figure(figure: Figure, picture: Path) -> None:
    """As PNG at the path, and as SVG and PDF beside it; equal figures give equal bytes.

    What is rasterised in them, as a cloud of thousands of points is, has 150 dots an inch;
    what is drawn in the SVG is where it should be to a hundredth of a point.
    """
    with matplotlib.rc_context({"svg.hashsalt": picture.stem, "svg.fonttype": "none"}):
        figure.savefig(picture, dpi=120, metadata={"Software": None})
        svg, pdf = picture.with_suffix(".svg"), picture.with_suffix(".pdf")
        figure.savefig(svg, dpi=150, metadata={"Date": None})
        figure.savefig(pdf, dpi=150, metadata={"CreationDate": None})
    svg.write_text(rounded(svg.read_text(encoding="utf-8")), encoding="utf-8")
    plt.close(figure)
    print(f"Figure: {picture}")


def rounded(svg: str) -> str:
    """Paths of an SVG with two digits after the point, of matplotlib's six.

    >>> rounded('<path d="M 1.234567 2.5" transform="scale(0.015625)"/>')
    '<path d="M 1.23 2.5" transform="scale(0.015625)"/>'
    """
    shorter = functools.partial(re.sub, r"(\.\d\d)\d+", r"\1")
    return re.sub(r' d="[^"]*"', lambda path: shorter(path.group()), svg)


def note_origin(name: str) -> None:
    """Which versions made the published rows of a page, and when: `results/origin.csv`.

    What is not known is left empty there, never filled in afterwards.
    """
    with (RESULTS / "origin.csv").open("r+", encoding="utf-8", newline="") as file:
        # pages of the gallery end beside each other
        fcntl.flock(file, fcntl.LOCK_EX)
        known = with_origin(pd.read_csv(file, dtype=str).set_index("page"), name)
        file.seek(0)
        file.truncate()
        known.to_csv(file)


def with_origin(known: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows with that of a page which is published now."""
    known.loc[name] = {
        "date": datetime.now(UTC).date().isoformat(),
        "vae_jax": __version__,
        "jax": version("jax"),
        "jaxlib": version("jaxlib"),
        "python": platform.python_version(),
    }
    return known.sort_index()


def publish(name: str, rows: Path, picture: Path | None = None) -> None:
    """Copy rows (a file or a folder of them) and picture to where they are committed."""
    target = RESULTS / f"{name}{rows.suffix}"
    if rows.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(rows, target)
    else:
        shutil.copyfile(rows, target)
    note_origin(name)
    print(f"Published: {target}")
    if picture is not None:
        for form in FORMS:
            # a page that draws by itself has its PNG alone
            if (drawn := picture.with_suffix(form)).exists():
                shutil.copyfile(drawn, FIGURES / drawn.name)
                print(f"Published: {FIGURES / drawn.name}")
