"""What a row says of a member that diverged, from metrics made by hand."""

import numpy as np
import pandas as pd
import pytest

from vae_jax import assembly, diagnostics, results
from vae_jax.cli._diagnose import diagnose
from vae_jax.sweeps.stored._rows import missing, plain

MANIFEST = {"spec": {}, "versions": {}}
MEASURED = {name: np.float32(0.0) for name in diagnostics.CollapseReport._fields} | {
    "kl_per_unit": np.zeros(3, np.float32),
    "active_units": np.int32(0),
    "collapsed_units": np.int32(3),
    "distortion": np.float32(40.0),
    "nll": np.float32(41.5),
}


def row(member, bad=None):
    """As `make_rows` makes it; the metrics of both are those of a collapsed run."""
    measured = plain if bad is None else missing
    return (
        {
            "member": member,
            "member_id": f"id-{member}",
            "beta": 2.0,
            "status": "finished" if bad is None else "diverged",
        }
        | {"first_bad_step": -1 if bad is None else bad}
        | {name: measured(value) for name, value in MEASURED.items()}
        | assembly.describe(MEASURED, bad)
    )


@pytest.mark.parametrize("shards", [[[0, 1, 2]], [[0, 2], [1]], [[1], [0, 2]]])
def test_a_mean_over_members_leaves_out_the_diverged_one(tmp_path, shards):
    """Also where a shard holds no other member, so that its columns are all missing."""
    results.create_or_open(tmp_path, MANIFEST)
    for members in shards:
        rows = [row(member, 7 if member == 1 else None) for member in members]
        results.commit_shard(tmp_path, rows)
    runs = results.read(tmp_path).runs.to_pandas()
    assert runs["verdict"].tolist() == ["collapsed", "diverged", "collapsed"]
    names = ["nll", "rate", "active_units"]
    assert runs[names].count().tolist() == [2, 2, 2]
    assert runs.groupby("beta")[names].mean().loc[2.0].tolist() == [41.5, 0.0, 0.0]


def test_nothing_but_diverged_members_is_a_table_of_numbers(tmp_path, capsys):
    results.create_or_open(tmp_path, MANIFEST)
    results.commit_shard(tmp_path, [row(0, 7)])
    runs = results.read(tmp_path).runs.to_pandas()
    assert all(pd.api.types.is_numeric_dtype(runs[n]) for n in ("nll", "active_units"))
    assert runs.groupby("beta")[["nll"]].mean().isna().to_numpy().all()
    diagnose(tmp_path)
    told = capsys.readouterr().out
    assert "member 0: diverged\n" in told
    assert "not finite at step 7" in told
    assert "KL per unit" not in told


def test_a_program_without_a_report_has_no_verdict_however_it_ends():
    assert assembly.describe({"x": np.float32(1.0)}, 7) == {}
