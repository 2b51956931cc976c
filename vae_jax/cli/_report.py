"""`vae-jax report`: one self-contained HTML page of a run or a sweep, or of several."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from vae_jax.cli._paths import expanded
from vae_jax.cli._said import said

if TYPE_CHECKING:
    from vae_jax.report import Drawn, Gathered, Sweep

PICTURED = 3
"""Members whose pictures a page has, unless it is asked otherwise."""

MOST_PICTURED = 24
"""A page of more would be nothing to look at, and takes minutes to draw."""


def report(
    runs: Annotated[
        tyro.conf.Positional[tuple[Path, ...]],
        said("RUN", "The folder of a run or a sweep, or several of them."),
    ],
    /,
    out: Annotated[
        Path | None,
        said(
            "FILE.html",
            "The page is written here. By default its name is of the run.",
        ),
    ] = None,
    pictures: Annotated[
        int | None,
        said(
            "INT",
            f"So many members draw, {PICTURED} by default: the best of each verdict. "
            "With 0 nothing is drawn, and JAX is not needed.",
        ),
    ] = None,
    members: Annotated[
        tuple[int, ...],
        said(
            "INT ...", "These members draw, in the place of the best of each verdict."
        ),
    ] = (),
) -> None:
    """Write one HTML page of any run or sweep, which is read without a network.

    It has the verdicts and their reasons; charts of the rate-distortion plane, of collapse
    over two settings, of training with its seeds as bands, of the schedule and of every
    unit; a table of members that sorts and filters; what members draw; and configuration,
    digests of the data, versions, and how to run it again. Its charting library comes with
    `pip install 'vae-jax[report]'`.
    """
    from vae_jax import report as pages

    folders = [expanded(run) for run in runs]
    if not folders:
        raise ValueError(
            "`run` must be given: the folder of a run or a sweep; got none."
        )
    target = checked_target(out, folders)
    number = checked_number(pictures, members)
    pages.check_library()  # refused before anything is read or drawn
    sweep = pages.read_sweep(folders)
    found = pages.gather(sweep)
    chosen = checked_members(sweep, members) or pages.pictured(sweep, number)
    pages.write(target, pages.page(found, drawn_by(sweep, found, chosen)))
    ended = len(sweep.rows)
    if ended < found.total:
        print(f"{ended} of {found.total} members are finished.")
    verdicts = ", ".join(f"{n} {word}" for word, n in found.verdicts.items())
    print(f"Verdicts: {verdicts}.")
    print(f"Report: {target} ({target.stat().st_size / 1e6:.1f} MB)")


def checked_target(out: Path | None, folders: Sequence[Path]) -> Path:
    """Where the page goes, refused before anything is computed.

    Raises:
        ValueError: another ending, or no such folder.
        FileExistsError: something that is no report would be lost.

    >>> checked_target(None, [Path("runs/a")]).as_posix()
    'a-report.html'
    """
    from vae_jax.report import check_target

    if out is None:
        more = f"-and-{len(folders) - 1}-more" if len(folders) > 1 else ""
        path = Path(f"{folders[0].absolute().name}{more}-report.html")
    else:
        path = expanded(out)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"`--out` must end in .html; got {path}.")
    if not path.parent.is_dir():
        raise ValueError(
            f"`--out` must lie in a folder that exists; got {path}. Make {path.parent} "
            "first."
        )
    check_target(path)
    return path


def checked_number(pictures: int | None, members: Sequence[int]) -> int:
    """How many members draw.

    Raises:
        ValueError: too many, or both options.

    >>> checked_number(None, ()), checked_number(0, ())
    (3, 0)
    """
    if pictures is not None and members:
        raise ValueError(
            f"`--pictures` and `--members` both say who draws; got {pictures} and "
            f"{', '.join(map(str, members))}. Give one of them."
        )
    number = PICTURED if pictures is None else pictures
    if not 0 <= number <= MOST_PICTURED or len(members) > MOST_PICTURED:
        raise ValueError(
            f"`--pictures` must be from 0 to {MOST_PICTURED}, and `--members` at most as "
            f"many; got {len(members) or number}."
        )
    return number


def checked_members(sweep: "Sweep", members: Sequence[int]) -> list[int]:
    """Those that are asked for, each once.

    Raises:
        ValueError: one that has not ended, or diverged.
    """
    usable = {row["member"] for row in sweep.rows if row["status"] != "diverged"}
    for one in members:
        if one not in usable:
            known = ", ".join(map(str, sorted(usable)[:20])) or "none"
            more = ", ..." if len(usable) > 20 else ""
            raise ValueError(
                "`--members` must be of those that ended and did not diverge "
                f"({known}{more}); got {one}."
            )
    return list(dict.fromkeys(members))


def drawn_by(sweep: "Sweep", found: "Gathered", chosen: Sequence[int]) -> "list[Drawn]":
    """What some members draw; JAX is loaded where there are any."""
    if not chosen:
        return []
    from vae_jax import sweeps
    from vae_jax.cli._report_drawn import draw

    sweeps.setup_jax(1)
    return draw(sweep, found, chosen)
