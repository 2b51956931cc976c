"""Strict JAX for every test; quick compiling, into a cache that pytest keeps."""

import gc
import os
import shutil
import signal
import tempfile
import threading

import jax
import jaxtyping
import pytest
from jax._src.interpreters import mlir

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# one device, as before JAX starts `sweeps.run` would take one a core
jax.config.update("jax_num_cpu_devices", 1)

# Most of the suite's time is compiling, and most of its programs run once: they are
# compiled quickly and not well. With VAE_JAX_OPTIMIZED=1 they are compiled as users do.
if os.environ.get("VAE_JAX_OPTIMIZED", "0") != "1":
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    jax.config.update("jax_disable_most_optimizations", True)
    # split for threads, a program costs 1.4 times as much, and every core has its worker
    flags = ["--xla_cpu_parallel_codegen_split_count=1"]
    if jax.__version_info__ < (0, 11):  # later ones do not know the flag, and abort
        flags.append("--xla_cpu_use_fusion_emitters=false")
    os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *flags])

# Data and the programs of subprocesses, some of which are killed while they write: the
# folder is new for every run of the suite, whose workers inherit the variable.
os.environ.setdefault("VAE_JAX_CACHE", tempfile.mkdtemp(prefix="vae_jax_tests_"))


def reused(make, times):
    """`make`, of which a thread is given every result so many times."""
    own = threading.local()

    def again():
        if getattr(own, "left", 0) == 0:
            own.made, own.left = make(), times
        own.left -= 1
        return own.made

    return again


# reading even the smallest program is quicker than compiling it
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
KEPT_BYTES = 2**30
"""Of compiled programs; more are thrown away."""

# JAX 0.10 makes an MLIR context for every program that it lowers, 3 ms, and throws it away
# again, 2 ms: a fifth of what one operation takes that is met for the first time. JAX 0.12
# gives each thread the same one ten times; so do the tests.
if jax.__version_info__ < (0, 12):
    mlir.make_ir_context = reused(mlir.make_ir_context, 10)

# whoever reads a program finds no lines of the tests in it: lowering takes a seventh less
jax.config.update("jax_include_full_tracebacks_in_locations", False)

# A shell that starts the suite in the background, or `nohup`, has it ignore these: tests
# send them, also to the processes that they start, and ignored ones stay ignored.
for one, usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(one) == signal.SIG_IGN:
        signal.signal(one, usual)

# scripts that tests run in processes of their own, with other devices
collect_ignore_glob = ["*/on_*.py"]

# What importing makes stays: the collector need not look at it, then or later.
gc.disable()


def pytest_configure(config):
    """Programs of earlier runs are known by what they compute; `--cache-clear` forgets."""
    if not hasattr(config, "cache"):  # `-p no:cacheprovider`
        return
    folder = config.cache.mkdir("xla")
    sizes = (entry.stat().st_size for entry in folder.iterdir())
    if not hasattr(config, "workerinput") and sum(sizes) > KEPT_BYTES:
        shutil.rmtree(folder)
    jax.config.update("jax_compilation_cache_dir", str(folder))


def pytest_collection_finish():
    """The collector works again, on what tests make."""
    gc.freeze()
    gc.enable()


@pytest.fixture
def key():
    """A fixed key; tests that need several split it."""
    return jax.random.key(0)


@pytest.fixture
def users_view(monkeypatch):
    """Without the suite's own type checker, which refuses shapes first."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
