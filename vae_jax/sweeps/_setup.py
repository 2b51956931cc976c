"""What a process sets before JAX starts: a device a core, and a compilation cache."""

import os
from pathlib import Path

import jax

CACHE_VARIABLE = "VAE_JAX_CACHE"


def cache_folder() -> Path:
    """Where compiled programs are kept: `$VAE_JAX_CACHE`, else the user's cache.

    >>> cache_folder().is_absolute()
    True
    """
    home = os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")
    return Path(os.environ.get(CACHE_VARIABLE, Path(home) / "vae_jax")).absolute()


def num_cores() -> int:
    """Cores that this process may use.

    >>> num_cores() >= 1
    True
    """
    return (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else (os.cpu_count() or 1)
    )


def setup_jax(num_cpu_devices: int | None = None) -> None:
    """Make a virtual CPU device a core and keep compiled programs between processes.

    Call it before anything touches a JAX array; scripts and the command line do, an
    import never does. On a GPU or TPU the first part has no effect.

    Args:
        num_cpu_devices: one a core where None.

    Raises:
        RuntimeError: JAX has started with another number of devices.
    """
    wanted = num_cores() if num_cpu_devices is None else num_cpu_devices
    if jax.config.jax_num_cpu_devices != wanted:  # type: ignore[attr-defined]
        jax.config.update("jax_num_cpu_devices", wanted)
    jax.config.update("jax_compilation_cache_dir", str(cache_folder() / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
