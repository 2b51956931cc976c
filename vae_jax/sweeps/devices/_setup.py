"""What a process sets before JAX starts: a device a core, and a compilation cache."""

import os

import jax

from vae_jax.data import cache_folder

MOST_DEVICES = 1024
"""Each is a pool of threads."""


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
        try:
            jax.config.update("jax_num_cpu_devices", wanted)
        except RuntimeError as error:
            _check_started(wanted, error)
    jax.config.update("jax_compilation_cache_dir", str(cache_folder() / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


def _check_started(wanted: int, error: RuntimeError) -> None:
    """Go on where JAX has started as it should have, or not on CPU.

    Raises:
        RuntimeError: it has another number of devices.
    """
    started = jax.local_device_count()
    if jax.default_backend() != "cpu" or started == wanted:
        return
    raise RuntimeError(
        f"JAX has started with {started} devices where {wanted} were wanted. Something has "
        "computed with it before, such as a module of your own while it was imported: do "
        f"that inside of its functions, or give {started} for the number of devices."
    ) from error


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
