"""`vae-jax doctor`: versions, devices, data folders and the cache, in one page."""

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

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
OLDEST = (0, 10, 2)
"""Of jax; newer ones are not refused."""


def doctor() -> None:
    """Print what this machine has, and exit with 1 if something is missing."""
    from vae_jax import sweeps

    problems = [*check_versions(), *check_cache()]
    if not problems:
        sweeps.setup_jax()
    problems += [*check_devices(), *check_data()]
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
    if problem := check_jax(version("jax")):
        problems.append(problem)
    return problems


def check_jax(number: str) -> str:
    """What is wrong with a version of jax; nothing if it is new enough.

    >>> check_jax("0.10.2"), check_jax("0.12.0.1"), check_jax("1.0.dev3")
    ('', '', '')
    >>> check_jax("0.10.1")
    'jax 0.10.1 is not supported: pip install -U jax (0.10.2 or later)'
    """
    if tuple(int(part) for part in re.findall(r"\d+", number)[:3]) >= OLDEST:
        return ""
    oldest = ".".join(map(str, OLDEST))
    return f"jax {number} is not supported: pip install -U jax ({oldest} or later)"


def check_cache() -> list[str]:
    """Print the folder of compiled programs; return why it cannot be used."""
    from vae_jax import sweeps

    try:
        folder = sweeps.cache_folder()
    except ValueError as error:
        return [str(error)]
    print(f"cache: {folder} (compiled programs; VAE_JAX_CACHE moves it)")
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return []
    return [
        f"the cache cannot be written ({there} is not yours to write): set VAE_JAX_CACHE "
        "to a folder that is, or every process compiles anew"
    ]


def check_devices() -> list[str]:
    """Print the devices after a first computation on them; return what fails."""
    import jax

    from vae_jax import sweeps

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


def check_data() -> list[str]:
    """Print the data sets and where they lie; return what fails."""
    from vae_jax import data

    print(f"data sets: {', '.join(data.NAMES)}, or any prepared image set")
    try:
        folder: Path = data.default_data_dir()
    except ValueError as error:
        return [str(error)]
    prepared = ", ".join(data.prepared_names(folder)) or "nothing yet"
    print(f"prepared in {folder}: {prepared}")
    return []
