"""Somebody who wants a loss function pays for JAX alone."""

import subprocess
import sys

import pytest

HEAVY = (
    "flax",
    "orbax",
    "tensorflow_datasets",
    "matplotlib",
    "tyro",
    "pandas",
    "pyarrow",
    "optax",
)


@pytest.mark.parametrize("module", ["vae_jax", "vae_jax.losses"])
def test_import_loads_nothing_heavy(module):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {module}"],
        capture_output=True,
        text=True,
        check=True,
    )
    names = [line.split("|")[-1].strip() for line in done.stderr.splitlines()]
    assert module in names
    loaded = {name.split(".")[0] for name in names} & set(HEAVY)
    assert not loaded
