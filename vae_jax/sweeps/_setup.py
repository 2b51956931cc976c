"""What a process sets before JAX starts: a device a core, and a compilation cache."""

import os
from pathlib import Path

import jax

CACHE_VARIABLE = "VAE_JAX_CACHE"
MOST_DEVICES = 1024
"""Each is a pool of threads."""


def cache_folder() -> Path:
    """Where compiled programs are kept: `$VAE_JAX_CACHE`, else `vae_jax` in your cache.

    That is `$XDG_CACHE_HOME`, or `~/.cache`. An empty variable is none, and so is a
    relative `$XDG_CACHE_HOME`, by its own rules.

    Raises:
        ValueError: none of them is known, for the process has no home.

    >>> cache_folder().is_absolute()
    True
    """
    try:
        if own := os.environ.get(CACHE_VARIABLE):
            return Path(own).expanduser().absolute()
        xdg = os.environ.get("XDG_CACHE_HOME", "")
        home = Path(xdg) if os.path.isabs(xdg) else Path.home() / ".cache"
    except RuntimeError as error:
        raise ValueError(
            f"`{CACHE_VARIABLE}`, the folder of compiled programs, must be set where there "
            f"is no home; {str(error).rstrip('.').lower()}. Set it to a folder that you "
            "may write."
        ) from error
    return (home / "vae_jax").absolute()


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
        ValueError: fewer than one device or more than 1024, or no folder for the cache.
        RuntimeError: JAX has started with another number of devices.
    """
    if num_cpu_devices is not None:
        check_devices(num_cpu_devices)
    wanted = num_cores() if num_cpu_devices is None else num_cpu_devices
    if jax.config.jax_num_cpu_devices != wanted:  # type: ignore[attr-defined]
        jax.config.update("jax_num_cpu_devices", wanted)
    jax.config.update("jax_compilation_cache_dir", str(cache_folder() / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


def setup_if_new() -> bool:
    """`setup_jax`, unless JAX has started or its devices have been chosen already.

    Returns:
        Whether all cores are used, as far as this process decides about it.
    """
    chosen = jax.config.jax_num_cpu_devices != -1  # type: ignore[attr-defined]
    if chosen or "device_count" in os.environ.get("XLA_FLAGS", ""):
        return True
    try:
        setup_jax()
    except RuntimeError:  # JAX has started, with one device on CPU
        return jax.default_backend() != "cpu" or num_cores() == 1
    return True


def check_devices(number: int) -> None:
    """Refuse a number of virtual devices that is none.

    Raises:
        ValueError: names the number and what is allowed.

    >>> check_devices(8)
    """
    if not 1 <= number <= MOST_DEVICES:
        raise ValueError(
            f"`devices` must be at least 1 and at most {MOST_DEVICES}; got {number}. On "
            "CPU more than a core each is of use to tests only."
        )
