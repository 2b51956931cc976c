"""`vae-jax use`: a trained member of a run encodes, draws, reconstructs or is exported."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import tyro

from vae_jax.cli._paths import expanded
from vae_jax.cli._said import said
from vae_jax.cli._tables import METRICS

if TYPE_CHECKING:
    from vae_jax.trained import Member, TrainedRun

Action = Literal["encode", "sample", "reconstruct", "interpolate", "export"]

TAKES = {
    "encode": ("count", "split", "condition"),
    "sample": ("count", "condition", "seed", "temperature", "top_p"),
    "reconstruct": ("count", "split", "condition"),
    "interpolate": ("count", "split", "condition", "steps"),
    "export": (),
}
"""The options that change what an action does."""

ENDINGS = {
    "encode": (".npz",),
    "sample": (".png", ".npz", ".txt"),
    "reconstruct": (".png", ".npz", ".txt"),
    "interpolate": (".png", ".npz", ".txt"),
    "export": ("",),
}
"""Of what an action can write."""


def use(
    run: Annotated[
        tyro.conf.Positional[Path], said("FOLDER", "The folder of a run or a sweep.")
    ],
    action: Annotated[
        tyro.conf.Positional[Action],
        said(
            "ACTION",
            "It is encode, sample, reconstruct, interpolate or export.",
        ),
    ],
    /,
    member: Annotated[
        int | None, said("INT", "The member has this number; a run of one needs none.")
    ] = None,
    best: Annotated[
        str | None,
        said("METRIC", "The best finished member by this metric is used, such as nll."),
    ] = None,
    prefer: Annotated[
        Literal["lowest", "highest"] | None,
        said(
            "lowest|highest",
            "The best is the lowest or the highest. It is known of nll, distortion, "
            "perplexity, mutual_information and active_units.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        said(
            "PATH",
            "This new file is written, or the folder of an export; its ending says what. "
            "By default its name is of the run, the action and the member.",
        ),
    ] = None,
    count: Annotated[
        int | None,
        said(
            "INT",
            "So many examples are taken, or pairs of them. By default they are 8, and to "
            "encode all of the split.",
        ),
    ] = None,
    split: Annotated[
        Literal["train", "validation", "test"] | None,
        said(
            "train|validation|test",
            "Examples are of this split of the data, of test by default.",
        ),
    ] = None,
    condition: Annotated[
        str | None,
        said(
            "NAME",
            "A conditional model samples at this label, by name or number, or takes "
            "examples of it. By default they are of all labels.",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        said("INT", "So many images lead from one end to the other, 8 by default."),
    ] = None,
    seed: Annotated[
        int | None, said("INT", "Samples have this seed, 0 by default.")
    ] = None,
    temperature: Annotated[
        float | None,
        said("FLOAT", "Words are drawn at this temperature, 1 by default."),
    ] = None,
    top_p: Annotated[
        float | None,
        said(
            "FLOAT",
            "Words are of this share of the likeliest, of all by default.",
        ),
    ] = None,
) -> None:
    """Let a trained member encode, sample, reconstruct, interpolate or be exported.

    It writes the posterior of every example of a split (encode), new examples (sample),
    what z alone says of examples (reconstruct), what lies between one and the next
    (interpolate), or a folder that runs without this package, with a model card (export).
    Arrays are written as .npz, images as a picture, .png, and sentences as .txt.
    """
    given = {
        "count": count,
        "split": split,
        "condition": condition,
        "steps": steps,
        "seed": seed,
        "temperature": temperature,
        "top_p": top_p,
    }
    refuse_idle(action, given)
    check_path(action, out)
    from vae_jax import sweeps, trained

    sweeps.setup_jax(1)
    folder = expanded(run)
    chosen = pick(trained.open_run(folder), member, best, prefer)
    from vae_jax.cli import _use_actions

    path = expanded(out) if out is not None else default_path(folder, action, chosen)
    check_path(action, path)
    options = {name: value for name, value in given.items() if value is not None}
    _use_actions.write(chosen, action, path, options)
    print(f"{chosen!r} of {folder}")
    print(f"Results: {path}")


def refuse_idle(action: str, given: Mapping[str, object]) -> None:
    """No option that would change nothing.

    Raises:
        ValueError: names the option.

    >>> refuse_idle("sample", {"seed": 1, "steps": None})
    """
    for name, value in given.items():
        if value is not None and name not in TAKES[action]:
            of = [one for one in get_args(Action) if name in TAKES[one]]
            raise ValueError(
                f"`{name}` is of {' or '.join(of)}; got {name}={value!r} with "
                f"{action}. Leave it out."
            )


def check_path(action: str, out: Path | None) -> None:
    """A new file of an ending that the action can write.

    Raises:
        ValueError: another ending.
        FileExistsError: there is something.

    >>> check_path("encode", Path("codes.npz"))
    """
    if out is None:
        return
    path = expanded(out)
    if action != "export" and path.suffix not in ENDINGS[action]:
        raise ValueError(
            f"`out` must end in {' or '.join(ENDINGS[action])} for {action}; got {out}."
        )
    if path.exists() and not (action == "export" and path.is_dir()):
        raise FileExistsError(
            f"`out` must be the name of a new file; got {out}, which exists. Delete it, or "
            "choose another name."
        )
    if not path.parent.is_dir() and action != "export":
        raise FileNotFoundError(
            f"`out` must lie in a folder that exists; got {out}. Make {path.parent} first."
        )


def pick(
    stored: "TrainedRun", member: int | None, best: str | None, prefer: str | None
) -> "Member":
    """The member that is meant."""
    if member is not None and best is not None:
        raise ValueError(
            f"`member` and `best` both say which member; got {member} and {best!r}. Give "
            "one of them."
        )
    if prefer is not None and best is None:
        raise ValueError(
            f"`prefer` is of --best; got {prefer} without it. Leave it out."
        )
    if best is not None:
        check_metric(best)
        lowest = None if prefer is None else prefer == "lowest"
        return stored.best(best, lowest=lowest)
    usable = stored.numbers()
    if member is None and len(usable) != 1:
        raise ValueError(
            f"`member` must be given for a run of several, or `best`; {len(usable)} of its "
            "members can be used."
        )
    return stored[usable[0] if member is None else member]


def check_metric(best: str) -> None:
    """Refuse the heading of a table in the place of the column that it stands for.

    Raises:
        ValueError: names the column.

    >>> check_metric("nll")
    """
    headings = {said.lower(): name for name, said in METRICS.items()}
    meant = headings.get(best.lower(), best)
    if meant != best and best not in METRICS:
        raise ValueError(
            f"`best` must be a column of the results; got {best!r}, which is the heading "
            f"of one. Did you mean `{meant}`?"
        )


def default_path(folder: Path, action: str, chosen: "Member") -> Path:
    """A name in the working directory, for the first thing that the action can write."""
    name = f"{folder.resolve().name}-{chosen.number}-{action}"
    if action == "export":
        return Path(name)
    shown = len(chosen.facts.event_shape) > 1 or chosen.run.data.of_sentences
    if action == "encode" or not shown:
        return Path(f"{name}.npz")
    return Path(f"{name}.txt" if chosen.run.data.of_sentences else f"{name}.png")
