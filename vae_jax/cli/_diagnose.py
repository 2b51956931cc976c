"""`vae-jax diagnose`: is a stored run, or a posterior of a file, collapsed, and why?"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from vae_jax.cli._paths import expanded

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 20
NAMED = ("mean", "logvar", "std", "var", "log_std", "layout")
"""Options that say what is what in a file."""


def diagnose(
    source: tyro.conf.Positional[Path],
    /,
    member: int | None = None,
    mean: str | None = None,
    logvar: str | None = None,
    std: str | None = None,
    var: str | None = None,
    log_std: str | None = None,
    layout: str | None = None,
    by: Literal["unit", "channel", "position"] | None = None,
    examples: int | None = None,
    seed: int | None = None,
    picture: Path | None = None,
    beta: float | None = None,
    error: Literal["mse", "half_mse", "l1", "bce", "nll"] | None = None,
    reduction: Literal["sum", "mean", "total"] | None = None,
    kl_reduction: Literal["sum", "mean", "total"] | None = None,
    dims: int | None = None,
    batch_size: int | None = None,
) -> None:
    """Print whether a posterior is collapsed, with the reasons.

    The source is the folder of a run or a sweep, or a file that any framework has written:
    npz, Parquet or safetensors, with the arrays `means` and `logvars` of shape (examples,
    units), (examples, positions, width) or (examples, height, width, channels). It may
    also hold `log_likelihood`, a number an example under a sample of its own z,
    `log_likelihood_shuffled`, the same under the z of another example, and `partner`, the
    index of that example. They show whether the decoder uses z.

    Args:
        source: the folder or the file.
        member: of a folder, only this member is shown.
        mean: the name of the means in the file, unless it is means, mean or mu.
        logvar: the name of the log-variances, unless it is logvars, logvar or log_var.
        std: the name of standard deviations, which are converted to log-variances.
        var: the name of variances, which are converted to log-variances.
        log_std: the name of logarithms of standard deviations, which are converted too.
        layout: a letter for every axis of the arrays, such as nchw, as PyTorch has images.
            n is the examples, c or d the channels or units, and t, h and w are positions.
        by: what is judged one by one. It is a unit, or a channel if there are positions.
        examples: how many examples are compared with each other. It is at most 5000 unless
            it is given, and less if there are many units.
        seed: the seed of the samples of z, which is 0 unless it is given.
        picture: a PNG, PDF or SVG file to which the report is drawn.
        beta: the weight of the KL in your loss. The report then says which beta of the
            ELBO that is.
        error: the reconstruction in your loss. It is a squared error (mse), half of it, an
            absolute error (l1), a binary cross-entropy (bce) or a negative log-likelihood.
        reduction: how that is added up. It is a sum over an example and a mean over the
            batch (sum), a mean over everything (mean), or a sum over everything (total).
        kl_reduction: how the KL is added up, in the same words. It is sum unless it is
            given.
        dims: the number of values that a mean of the reconstruction is taken over, which
            is pixels times colours.
        batch_size: the examples in a batch. It is needed if only one of the two terms is a
            total.
    """
    path = expanded(source)
    given = {
        name: value
        for name, value in locals().items()
        if name not in ("source", "path", "member") and value is not None
    }
    if not path.is_file():
        refuse_options(path, given)
        diagnose_run(path, member)
        return
    if member is not None:
        raise ValueError(
            f"`member` is one of a folder of runs; {path} is a file. Leave it out."
        )
    from vae_jax.cli._dump import Loss, diagnose_dump

    named = {name: given.get(name) for name in NAMED}
    loss = Loss(beta, error, reduction, kl_reduction, dims, batch_size)
    diagnose_dump(path, named, by, examples, seed, picture, loss)


def refuse_options(folder: Path, given: dict[str, Any]) -> None:
    """What is for a file changes nothing of a folder."""
    if not folder.exists() and given:
        raise ValueError(f"`source` must be a folder or a file; there is no {folder}.")
    for name in given:
        raise ValueError(
            f"`--{name.replace('_', '-')}` is for a file of posteriors; {folder} is a "
            "folder of runs. Leave it out."
        )


def diagnose_run(folder: Path, member: int | None) -> None:
    """The verdict on every member of a stored run."""
    from vae_jax import results
    from vae_jax.cli._tables import print_runs

    stored = results.read(folder)
    total = stored.runs.num_rows + len(stored.missing)
    if not stored.runs.num_rows:
        raise ValueError(
            f"{folder} has no results yet: 0 of {total} members are finished. Give the "
            "command that began it again, and it goes on."
        )
    runs = chosen(stored.runs.to_pandas(), member, total)
    print_runs(runs)
    for row in runs.to_dict("records"):
        print_verdict(row)
    if stored.missing:
        print(f"\n{stored.runs.num_rows} of {total} members are finished.")
    print(f"\nResults: {folder}")


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
    units = ", ".join(f"{value:.3g}" for value in values(row.get("kl_per_unit")))
    if units:
        print(f"  KL per unit (nats): {units}")


def values(cell: Any) -> list[Any]:
    """Of a column of lists; none where the value is missing.

    >>> values(["a"]), values(None), values(float("nan"))
    (['a'], [], [])
    """
    return list(cell) if hasattr(cell, "__len__") else []
