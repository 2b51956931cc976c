"""`vae-jax doctor`: versions, devices, data folders and the cache, in one page."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import jax

from vae_jax import data, sweeps

PACKAGES = (
    "vae-jax",
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "orbax-checkpoint",
    "tensorflow-datasets",
    "numpy",
    "pyarrow",
)
OLDEST = (0, 10, 2)  # of jax, as in pyproject.toml


def doctor() -> None:
    """Print what this machine has, and exit with 1 if something is missing."""
    sweeps.setup_jax()
    problems = [*check_versions(), *check_devices()]
    print(f"cache: {sweeps.cache_folder()}")
    folder = data.default_data_dir()
    prepared = ", ".join(data.prepared_names(folder)) or "nothing yet"
    print(f"data sets: {', '.join(data.NAMES)}, or any prepared image set")
    print(f"prepared in {folder}: {prepared}")
    for problem in problems:
        print(f"PROBLEM: {problem}")
    print("All well." if not problems else f"{len(problems)} problem(s).")
    sys.exit(1 if problems else 0)


def check_versions() -> list[str]:
    """Print the versions; return what is missing or unsupported."""
    problems = []
    print(f"python: {platform.python_version()} ({platform.platform()})")
    for package in PACKAGES:
        try:
            print(f"{package}: {version(package)}")
        except PackageNotFoundError:
            problems.append(f"{package} is not installed: pip install {package}")
    if jax.__version_info__ < OLDEST:
        problems.append(
            f"jax {jax.__version__} is too old: vae-jax needs "
            f"{'.'.join(map(str, OLDEST))} or later; pip install --upgrade jax"
        )
    return problems


def check_devices() -> list[str]:
    """Print the devices after a first computation on them; return what fails."""
    print(f"cores: {sweeps.num_cores()} of {os.cpu_count()}")
    try:
        devices = jax.devices()
        jax.block_until_ready(jax.numpy.ones(8) @ jax.numpy.ones(8))
    except RuntimeError as error:
        return [f"JAX has no working device: {error}"]
    print(
        f"devices: {len(devices)} x {devices[0].device_kind} ({jax.default_backend()})"
    )
    return []
