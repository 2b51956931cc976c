"""Tables of runs for the terminal."""

from typing import TYPE_CHECKING

from vae_jax.configs import RunConfig, to_mapping

if TYPE_CHECKING:
    import pandas as pd

METRICS = {
    "rate": "rate",
    "distortion": "distortion",
    "nll": "NLL",
    "mutual_information": "MI",
    "active_units": "active",
    "collapsed_units": "collapsed",
    "verdict": "verdict",
}
"""Columns of results, and their names in a table; nats per example, and units of z."""


def varied(runs: "pd.DataFrame") -> list[str]:
    """The config fields in which the runs differ.

    >>> import pandas as pd
    >>> varied(pd.DataFrame({"beta": [1, 2], "latent_dim": [8, 8]}))
    ['beta']
    """
    fields = [name for name in to_mapping(RunConfig()) if name in runs]
    return [name for name in fields if runs[name].astype(str).nunique() > 1]


def print_runs(runs: "pd.DataFrame") -> None:
    """A row a member: what distinguishes it, its status, its metrics."""
    columns = ["member", *varied(runs), "status", *(m for m in METRICS if m in runs)]
    table = runs[columns].rename(columns=METRICS)
    print("Nats per example; NLL is an importance-weighted bound; units of z.")
    print(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
