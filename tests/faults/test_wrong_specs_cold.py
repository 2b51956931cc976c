"""30 wrong specs from a cold start of the command: refused in seconds, nothing compiled."""

import os
import resource
import subprocess
import sys

import pytest
from test_wrong_specs import FILES

COLD = list(FILES)[:: len(FILES) // 30][:30]
LIMIT = 3.0
"""Seconds of CPU from a cold start to the refusal."""


@pytest.mark.slow  # 30 cold starts
def test_thirty_refusals_are_cold_within_seconds_and_compile_nothing(tmp_path):
    times = {}
    for number, text in enumerate(COLD):
        path = tmp_path / f"{number}.toml"
        path.write_text(text)
        command = [sys.executable, "-m", "vae_jax", "sweep", str(path), "--out", "run"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"JAX_LOG_COMPILES": "1"},
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 2, done.stderr
        assert FILES[text] in done.stderr
        assert "Compiling" not in done.stderr
        assert "Traceback" not in done.stderr
        times[text] = sum(after[:2]) - sum(before[:2])
    slowest = max(times, key=times.__getitem__)
    print(f"{len(times)} refusals, the slowest {times[slowest]:.2f} s: {slowest!r}")
    assert len(times) == 30
    assert times[slowest] < LIMIT
    assert not (tmp_path / "run").exists()
