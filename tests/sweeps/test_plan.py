"""What a dry run says is what the sweep then does."""

import re

import jax
import numpy as np
import pytest

from vae_jax import cli, results, sweeps
from vae_jax.configs import Run

SPEC = """
[base]
num_steps = 20
log_every = 10
eval_samples = 1

[[grid]]
hidden = [[4], [6]]
free_bits = [0.1, 0.2]
seed = [0, 1]

[[grid]]
hidden = [[4]]
posterior = "delta"
committed_rate = [0.1, 0.2]
"""


@pytest.mark.slow  # 20 s: three programs
def test_the_plan_is_what_is_done(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sweeps, "setup_jax", lambda devices: None)  # it has begun
    (tmp_path / "sweep.toml").write_text(SPEC)
    cli.main(["sweep", "sweep.toml", "--dry-run"])
    printed = capsys.readouterr().out
    assert "Members: 10. Cohorts, and programs: 3. Member-steps: 200." in printed
    assert re.search(r"\[6\] +free +4 ", printed)
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.toml"]

    runs = sweeps.read_spec(tmp_path / "sweep.toml")
    cohorts = sweeps.plan(runs)
    assert [len(one.members) for one in cohorts] == [4, 4, 2]
    stored = sweeps.run(runs, tmp_path / "out", sweeps.Options(progress=False))
    assert stored.runs.num_rows == 10
    for one in cohorts:
        params = [results.load(tmp_path / "out", member=m) for m in one.members]
        total = sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(params))
        assert one.params_bytes == total
        assert one.state_bytes >= 3 * total  # two moments of adam beside them
        assert one.data_bytes == (1200 + 297) * 64


def test_parameters_that_are_not_kept_take_no_room():
    [one] = sweeps.plan([Run()], sweeps.Options(keep_params=False))
    assert (one.params_bytes, one.resident) == (0, 1)
