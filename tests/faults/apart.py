"""Sweeps in processes of their own, see `on_sweep.py`."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("on_sweep.py")


def start(kind, out, before="", **given):
    """Start one; `before` is for the shell that does."""
    command = [sys.executable, str(SCRIPT), kind, str(out), json.dumps(given)]
    return subprocess.Popen(
        ["sh", "-c", f"{before} exec {shlex.join(command)}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_to(process, lines):
    """Wait for so many lines: `begins`, then one a chunk."""
    for _ in range(lines):
        process.stdout.readline()


def finish(kind, out, **given):
    process = start(kind, out, **given)
    _, errors = process.communicate()
    assert process.returncode == 0, errors


def saves(out):
    return sorted(p.name for p in (out / "checkpoints").rglob("step-*"))
