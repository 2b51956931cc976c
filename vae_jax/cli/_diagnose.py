"""`vae-jax diagnose`: is a stored run, or a posterior of a file, collapsed, and why?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from vae_jax.cli._paths import expanded
from vae_jax.cli._said import said

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 20
NAMED = ("mean", "logvar", "std", "var", "log_std", "layout")
"""Options that say what is what in a file."""

CHOICES = {
    "by": ("unit", "channel", "position"),
    "error": ("mse", "half_mse", "l1", "bce", "nll"),
    "reduction": ("sum", "mean", "total"),
    "kl_reduction": ("sum", "mean", "total"),
}
"""Checked here: the parser would have None among the choices."""


def diagnose(
    source: Annotated[
        tyro.conf.Positional[Path],
        said(
            "FOLDER|FILE", "The folder of a run or a sweep, or the file of a posterior."
        ),
    ],
    /,
    member: Annotated[
        int | None, said("INT", "Only this member of a folder is shown.")
    ] = None,
    mean: Annotated[
        str | None,
        said(
            "NAME",
            "The means, not samples of z, have this name, if it is not means, mean or mu.",
        ),
    ] = None,
    logvar: Annotated[
        str | None,
        said(
            "NAME",
            "The log-variances have this name, if it is not logvars, logvar or log_var.",
        ),
    ] = None,
    std: Annotated[
        str | None,
        said("NAME", "This array holds standard deviations, which are converted."),
    ] = None,
    var: Annotated[
        str | None, said("NAME", "This array holds variances, which are converted.")
    ] = None,
    log_std: Annotated[
        str | None,
        said(
            "NAME",
            "This array holds logarithms of standard deviations, which are converted.",
        ),
    ] = None,
    layout: Annotated[
        str | None,
        said(
            "LETTERS",
            "A letter says what each axis is, as in nchw, which is how PyTorch has images: "
            "n is the examples, c or d the channels or units, t, h and w are positions. "
            "By default it is nd or ntd, or nhwc if the shape is clear.",
        ),
    ] = None,
    by: Annotated[
        str | None,
        said(
            "unit|channel|position",
            "These parts are judged one by one. By default they are units, or channels "
            "if there are positions.",
        ),
    ] = None,
    examples: Annotated[
        int | None,
        said(
            "INT",
            "So many examples are compared with each other. By default they are at "
            "most 5000, and fewer if there are many units.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        said("INT", "Samples of z have this seed. It is 0 by default."),
    ] = None,
    picture: Annotated[
        Path | None,
        said("FILE.png", "The report is drawn into this PNG, PDF or SVG file."),
    ] = None,
    beta: Annotated[
        float | None,
        said(
            "FLOAT",
            "The KL has this weight in your loss, and the report says which beta of the "
            "ELBO that is. It needs --error and --reduction.",
        ),
    ] = None,
    error: Annotated[
        str | None,
        said(
            "mse|half_mse|l1|bce|nll",
            "The reconstruction in your loss is a squared error, half of it, an absolute "
            "error, a binary cross-entropy or a negative log-likelihood.",
        ),
    ] = None,
    reduction: Annotated[
        str | None,
        said(
            "sum|mean|total",
            "The reconstruction is summed over an example and averaged over the batch, "
            "averaged over both, or summed over both. PyTorch's reduction='sum' is total.",
        ),
    ] = None,
    kl_reduction: Annotated[
        str | None,
        said(
            "sum|mean|total",
            "The KL is added up in one of the same ways. It is sum by default.",
        ),
    ] = None,
    dims: Annotated[
        int | None,
        said(
            "INT",
            "The mean of the reconstruction is over so many values of an example, which "
            "are pixels times colours, such as 784 of 28x28 grey ones.",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        said(
            "INT",
            "A batch has so many examples. It is needed if one of the two terms is a total "
            "and the other is not.",
        ),
    ] = None,
) -> None:
    """Print whether a posterior is collapsed, of a run or of a file, and why.

    The source is the folder of a run or a sweep, or a file that any framework has written:
    npz, Parquet or safetensors, with the arrays `means` and `logvars` of shape (examples,
    units), (examples, positions, width) or (examples, height, width, channels). The means
    are those of the encoder, not samples of z. The file may also hold `log_likelihood`, the
    nats of each example under a sample of its own z, summed over its values,
    `log_likelihood_shuffled`, the same under the z of another example, and `partner`, the
    index of that example, without which errors are too large: they show whether the decoder
    uses z.

    vae-jax diagnose posterior.npz --picture report.png --beta 0.002 --error bce --reduction
    mean --dims 784 --kl-reduction mean

    All options but --member and --picture are for files. Standard deviations and variances
    are refused unless an option names them.
    """
    path = expanded(source)
    if not path.exists():
        raise ValueError(f"`source` must be a folder or a file; there is no {path}.")
    given = {
        name: value
        for name, value in locals().items()
        if name not in ("source", "path", "member") and value is not None
    }
    if not path.is_file():
        given.pop("picture", None)
        refuse_options(path, given)
        diagnose_run(path, member, picture)
        return
    if member is not None:
        raise ValueError(
            f"`member` is one of a folder of runs; {path} is a file. Leave it out."
        )
    check_choices(given)
    from vae_jax.cli._dump import diagnose_dump
    from vae_jax.cli._loss import Loss

    named = {name: given.get(name) for name in NAMED}
    loss = Loss(beta, error, reduction, kl_reduction, dims, batch_size)
    diagnose_dump(path, named, by, examples, seed, picture, loss)


def check_choices(given: dict[str, Any]) -> None:
    """Refuse a word that is none of an option's."""
    from vae_jax import checks

    for name, allowed in CHOICES.items():
        if name in given:
            checks.option(f"--{name.replace('_', '-')}", given[name], allowed)


def refuse_options(folder: Path, given: dict[str, Any]) -> None:
    """What is for a file changes nothing of a folder."""
    for name in given:
        raise ValueError(
            f"`--{name.replace('_', '-')}` is for a file of posteriors; {folder} is a "
            f"folder of runs. Leave it out, or write such a file first: `vae-jax use "
            f"{folder} encode --out codes.npz`, and then `vae-jax diagnose codes.npz` "
            "takes it."
        )


def diagnose_run(folder: Path, member: int | None, picture: Path | None) -> None:
    """The verdict on every member of a stored run, and the picture of one."""
    from vae_jax import results
    from vae_jax.cli._tables import print_runs

    target = None
    if picture is not None:
        from vae_jax.cli._picture import checked_picture

        target = checked_picture(picture)
    stored = results.read(folder)
    total = stored.runs.num_rows + len(stored.missing)
    if not stored.runs.num_rows:
        raise ValueError(
            f"{folder} has no results yet: 0 of {total} members are finished. Give the "
            "command that began it again, and it goes on."
        )
    among = stored.runs.to_pandas()
    runs = chosen(among, member, total)
    if target is not None and len(runs) > 1:
        raise ValueError(
            f"`--picture` is of one member; {folder} has {len(runs)}. Give --member."
        )
    print_runs(runs, among)
    for row in runs.to_dict("records"):
        print_verdict(row)
    if stored.missing:
        print(f"\n{stored.runs.num_rows} of {total} members are finished.")
    if target is not None:
        draw_picture(folder, int(runs["member"].iloc[0]), target)
    print(f"\nResults: {folder}")


def draw_picture(folder: Path, number: int, target: Path) -> None:
    """Open a member, and draw its report."""
    from vae_jax import sweeps, trained
    from vae_jax.cli._picture import draw_member

    sweeps.setup_jax(1)
    draw_member(trained.open_run(folder)[number], target)
    print(f"\nPicture: {target}")


def chosen(runs: "pd.DataFrame", member: int | None, total: int) -> "pd.DataFrame":
    """All rows, or that of one member."""
    if member is None:
        return runs
    known = runs["member"].tolist()
    if member not in known:
        finished = f"0 to {total - 1}"
        if len(known) < total:
            more = ", ..." if len(known) > SHOWN else ""
            finished = f"those finished, {', '.join(map(str, known[:SHOWN]))}{more}"
        raise ValueError(f"`member` must be one of {finished}; got {member}.")
    return runs[runs["member"] == member]


def print_verdict(row: dict[Any, Any]) -> None:
    """What one member came to; a program of your own may measure something else."""
    verdict = row.get("verdict")
    # a run that diverged has that for a verdict
    words = dict.fromkeys(w for w in (row["status"], verdict) if isinstance(w, str))
    print(f"\nmember {row['member']}: {', '.join(words)}")
    for reason in values(row.get("reasons")):
        print(f"  - {reason}")
    if row["status"] == "diverged":
        return
    if row["status"] == "stopped":
        print(f"  - Stopped at step {row['stopped_at']:g}: {row['stopped_because']}.")
    units = ", ".join(f"{value:.3g}" for value in values(row.get("kl_per_unit")))
    if units:
        print(f"  KL per unit (nats): {units}")


def values(cell: Any) -> list[Any]:
    """Of a column of lists; none where the value is missing.

    >>> values(["a"]), values(None), values(float("nan"))
    (['a'], [], [])
    """
    return list(cell) if hasattr(cell, "__len__") else []
