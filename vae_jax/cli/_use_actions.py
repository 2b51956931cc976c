"""What `vae-jax use` computes and writes."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

if TYPE_CHECKING:
    from vae_jax.trained import Member

COUNT, STEPS = 8, 8
COLUMNS = 16
"""Images in a row of a picture."""

TITLES = {
    "sample": "samples of the prior",
    "reconstruct": "images, and what z says of them",
    "interpolate": "an image, the path of z, another image",
}


def write(member: "Member", action: str, path: Path, options: dict[str, Any]) -> None:
    """Carry out an action and write its result, whole or not at all.

    Raises:
        ValueError: an ending that these data have not; more examples than there are.
    """
    if action == "export":
        member.export(path)
        return
    of_sentences = member.run.data.of_sentences
    if path.suffix == ".png" and of_sentences:
        raise ValueError(f"`out` must end in .txt or .npz for sentences; got {path}.")
    if path.suffix == ".txt" and not of_sentences:
        raise ValueError(f"`out` must end in .png or .npz for images; got {path}.")
    arrays = COMPUTED[action](member, **options)
    if path.suffix == ".npz":
        content = npz(arrays)
    elif path.suffix == ".txt":
        content = sentences(member, arrays)
    else:
        content = picture(member, action, arrays)
    with path.open("xb") as file:
        file.write(content)


def encoded(
    member: "Member",
    count: int | None = None,
    split: str = "test",
    condition: str | None = None,
) -> dict[str, np.ndarray]:
    """The posterior of every example, with its class."""
    chosen = examples(member, count, split, condition)
    found = member.encode(chosen.x, condition=chosen.condition)
    mean, logvar = np.asarray(found.mean), np.asarray(found.logvar)
    labels = getattr(member.dataset, split).labels[chosen.rows]
    return {"mean": mean, "logvar": logvar, "labels": labels}


def sampled(
    member: "Member",
    count: int = COUNT,
    seed: int = 0,
    condition: str | None = None,
    **choice: Any,
) -> dict[str, np.ndarray]:
    """New examples and their codes: what `Member.sample` draws, in its two steps.

    With their means too, where a code alone has one.
    """
    if not 0 <= seed < 2**31:
        raise ValueError(f"`seed` must be from 0 to {2**31 - 1}; got {seed}.")
    said = None if condition is None else member.said_condition(condition)
    keys = jax.random.split(jax.random.key(seed))
    z = member.sample_codes(keys[0], count)
    x = member.draw(keys[1], z, condition=said, **choice)
    found = {"z": np.asarray(z), "samples": np.asarray(x)}
    if member.reads_data:
        return found
    return found | {"means": np.asarray(member.decode(z, condition=said))}


def reconstructed(
    member: "Member",
    count: int = COUNT,
    split: str = "test",
    condition: str | None = None,
) -> dict[str, np.ndarray]:
    """Examples as the model sees them, and what z says of them."""
    chosen = examples(member, count, split, condition)
    told = {"condition": chosen.condition}
    return {
        "x": member.raw(member.prepare(chosen.x)),
        "z": np.asarray(member.encode(chosen.x, **told).mean),
        "reconstructions": np.asarray(member.reconstruct(chosen.x, **told)),
    }


def interpolated(
    member: "Member",
    count: int = COUNT,
    split: str = "test",
    condition: str | None = None,
    steps: int = STEPS,
) -> dict[str, np.ndarray]:
    """From each example to the next, `count` pairs, those of a condition by themselves."""
    if count < 1:
        raise ValueError(f"`count` must be at least 1; got {count}.")
    chosen = pairs(member, count, split, condition)
    told = None if chosen.condition is None else chosen.condition[::2]
    between = member.interpolate(chosen.x[::2], chosen.x[1::2], steps, condition=told)
    x = member.raw(member.prepare(chosen.x))
    return {"x_a": x[::2], "x_b": x[1::2], "paths": np.asarray(between)}


COMPUTED: dict[str, Callable[..., dict[str, np.ndarray]]] = {
    "encode": encoded,
    "sample": sampled,
    "reconstruct": reconstructed,
    "interpolate": interpolated,
}


class Chosen(NamedTuple):
    """Examples, their conditions if the model takes them, and where they stand."""

    x: np.ndarray
    condition: Any
    rows: np.ndarray


def examples(
    member: "Member", count: int | None, split: str, condition: str | None
) -> Chosen:
    """Examples evenly over a split, or a condition in it; all, where no count is given.

    Files are often sorted by class, so that the first examples would be of one.

    Raises:
        ValueError: more than there are, or an unknown condition.
    """
    rows, of = rows_of(member, split, condition)
    size = len(rows) if count is None else count
    if not 1 <= size <= len(rows):
        raise ValueError(
            f"`count` must ask for 1 to {len(rows)} examples of {of}; got {size}."
        )
    return chosen_of(member, split, rows[np.arange(size) * len(rows) // size])


def pairs(member: "Member", count: int, split: str, condition: str | None) -> Chosen:
    """Pairs evenly over a split; of a conditional member, of two with one condition.

    Raises:
        ValueError: more than there are, or an unknown condition.
    """
    rows, of = rows_of(member, split, condition)
    told = member.conditions_of(split)
    if told is not None and told.ndim > 1:
        raise ValueError(
            "`interpolate` needs pairs of one condition, which examples with covariates "
            "are not; `Member.interpolate` in Python takes one."
        )
    groups = np.zeros(len(rows), int) if told is None else told[rows]
    waiting: dict[Any, int] = {}
    found: list[tuple[int, int]] = []
    for row, group in zip(rows.tolist(), groups.tolist(), strict=True):
        if group in waiting:
            found.append((waiting.pop(group), row))
        else:
            waiting[group] = row
    if count > len(found):
        raise ValueError(
            f"`count` must ask for 1 to {len(found)} pairs of {of}; got {count}."
        )
    evenly = np.arange(count) * len(found) // count
    return chosen_of(member, split, np.array(found)[evenly].reshape(-1))


def rows_of(
    member: "Member", split: str, condition: str | None
) -> tuple[np.ndarray, str]:
    """Where the examples of a split, or of a condition in it, stand, and which they are."""
    rows = np.arange(len(getattr(member.dataset, split).images))
    if condition is None:
        return rows, f"the {split} split"
    if member.condition is not None and member.condition.of_covariates:
        raise ValueError(
            f"`condition` of covariates is of sample; got {condition!r}. Leave it out: "
            "every example of a split has its own."
        )
    [label] = np.asarray(member.told(member.said_condition(condition), 1))
    told = member.conditions_of(split)
    return rows[told == label], f"the {split} split with the condition {condition!r}"


def chosen_of(member: "Member", split: str, rows: np.ndarray) -> Chosen:
    """The examples that stand at these places."""
    told = member.conditions_of(split)
    x = member.raw(getattr(member.dataset, split).images[rows])
    if told is None:
        return Chosen(x, None, rows)
    own = told[rows]
    return Chosen(x, own if own.ndim == 1 else member.covariates.returned(own), rows)


def npz(arrays: dict[str, np.ndarray]) -> bytes:
    """Named arrays in one file."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def sentences(member: "Member", arrays: dict[str, np.ndarray]) -> bytes:
    """A sentence a line; under every example what was made of it, and an empty line."""
    spelt = member.run.data.spelt
    made = arrays.get("samples", arrays.get("reconstructions", arrays.get("paths")))
    assert made is not None
    if "samples" in arrays:
        lines = spelt(made)
    elif "paths" in arrays:
        lines = [line for path in made for line in [*spelt(path), ""]]
    else:
        pairs = zip(spelt(arrays["x"]), spelt(made), strict=True)
        lines = [line for pair in pairs for line in [*pair, ""]]
    return ("\n".join(lines).rstrip("\n") + "\n").encode()


def wrapped(shown: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rows of at most `COLUMNS` images, those of one place below each other.

    >>> list(wrapped({"x": np.zeros((17, 8, 8))}))
    ['x, 1 to 16', 'x, 17 to 17']
    """
    size = max(map(len, shown.values()))
    if size <= COLUMNS:
        return shown
    return {
        f"{name}, {first + 1} to {min(first + COLUMNS, size)}": images[
            first : first + COLUMNS
        ]
        for first in range(0, size, COLUMNS)
        for name, images in shown.items()
    }


def picture(member: "Member", action: str, arrays: dict[str, np.ndarray]) -> bytes:
    """A grid of images as PNG."""
    from vae_jax import figures

    shown = {
        name: member.pictures(a) for name, a in arrays.items() if name not in ("z",)
    }
    if action == "interpolate":
        # a path begins and ends with what z says of the two examples beside it
        parts = zip(shown["x_a"], shown["paths"], shown["x_b"], strict=True)
        rows = {
            f"pair {number}": np.stack([a, *path, b])
            for number, (a, path, b) in enumerate(parts)
        }
    else:
        rows = wrapped(shown)
    verdict = member.row.get("verdict")
    found = f" ({verdict})" if isinstance(verdict, str) else ""
    name = f"{member.run.model.chosen_name}, member {member.number}{found}"
    title = f"{name}: {TITLES[action]}"
    buffer = io.BytesIO()
    figures.images_figure(rows, title).savefig(buffer, format="png", dpi=160)
    return buffer.getvalue()
