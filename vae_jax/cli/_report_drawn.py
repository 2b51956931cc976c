"""What the members of a report draw: reconstructions, samples, a path between two codes."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from vae_jax import results, trained
from vae_jax.cli import _use_actions
from vae_jax.report import Drawn, Gathered, Images, Lines, Sweep

COUNT, STEPS = 8, 6
"""Examples a row, and what lies between two of them: with both they are as many."""

Part = Images | Lines


def draw(sweep: Sweep, found: Gathered, chosen: Sequence[int]) -> list[Drawn]:
    """What some members draw; what cannot be drawn is told in its place."""
    rows = {row["member"]: row for row in sweep.rows}
    named = {one.number: one for one in found.members}
    folders: dict[str, trained.TrainedRun] = {}
    every = []
    for number in chosen:
        row = rows[number]
        # of one folder there is no column that says which
        name = row.get("folder", next(iter(sweep.manifests)))
        title = f"{row.get('model', 'model')} on {row.get('dataset', 'data')}"
        if number in named:
            one = named[number]
            apart = [f"{n}={one.settings.get(n, 'none')}" for n in found.varied]
            title = ", ".join([title, one.verdict, *apart])
        try:
            if name not in folders:
                folders[name] = trained.open_run(Path(name))
            member = folders[name][row.get("member_in_folder", number)]
        except (ValueError, OSError, results.DamagedFile, results.ForeignFile) as error:
            every.append(Drawn(number, title, (), (f"It cannot draw: {error}",)))
            continue
        every.append(Drawn(number, title, *drawn_by(member)))
    return every


def drawn_by(member: trained.Member) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """The rows of one member, and why others are missing."""
    parts: list[Part] = []
    notes: list[str] = []
    ways: dict[str, Callable[[trained.Member], Iterator[Part]]] = {
        "reconstructions": reconstructions,
        "samples": samples,
        "interpolations": interpolations,
    }
    for name, way in ways.items():
        try:
            parts += way(member)
        # what needs its data says so where they are gone, and numbers are no pictures
        except (ValueError, OSError) as error:
            notes.append(f"No {name}: {error}")
    return tuple(parts), tuple(notes)


def reconstructions(member: trained.Member) -> Iterator[Part]:
    """Examples of the test split, and what z alone says of them."""
    count = min(COUNT, len(member.dataset.test.images))
    found = _use_actions.reconstructed(member, count)
    yield row(member, "examples of the test split", found["x"])
    yield row(member, "what z says of them", found["reconstructions"])


def samples(member: trained.Member) -> Iterator[Part]:
    """New examples; of a conditional member those of its first label."""
    told, said = None, ""
    if member.condition is not None and not member.condition.of_covariates:
        told = str(member.about.labels[0])
        said = f" at the condition {told}"
    found = _use_actions.sampled(member, COUNT, condition=told)
    yield row(member, f"samples of the prior{said}", found["samples"])


def interpolations(member: trained.Member) -> Iterator[Part]:
    """An example, what lies between its code and that of another, and that other."""
    found = _use_actions.interpolated(member, 1, steps=STEPS)
    path = np.concatenate([found["x_a"][:1], found["paths"][0], found["x_b"][:1]])
    yield row(member, "an example, the path of z, another example", path)


def row(member: trained.Member, name: str, made: np.ndarray) -> Part:
    """Images as they are shown, or sentences as they are read."""
    if member.run.data.of_sentences:
        return Lines(name, tuple(map(str, member.run.data.spelt(made))))
    return Images(name, member.pictures(made))
