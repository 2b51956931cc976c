"""Strict JAX for every test; quick compiling, into one cache that is thrown away after."""

import gc
import os
import tempfile

import jax
import jaxtyping
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# one device, as before JAX starts `sweeps.run` would take one a core
jax.config.update("jax_num_cpu_devices", 1)

# Most of the suite's time is compiling, and most of its programs run once: they are
# compiled quickly and not well. With VAE_JAX_OPTIMIZED=1 they are compiled as users do.
if os.environ.get("VAE_JAX_OPTIMIZED", "0") != "1":
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    jax.config.update("jax_disable_most_optimizations", True)
    if jax.__version_info__ < (0, 11):  # later ones do not know the flag, and abort
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_use_fusion_emitters=false"

# The folder is new for every run of the suite and shared with its subprocesses and
# workers, which inherit the variables; reading even the smallest program is quicker.
os.environ.setdefault("VAE_JAX_CACHE", tempfile.mkdtemp(prefix="vae_jax_tests_"))
jax.config.update(
    "jax_compilation_cache_dir", os.path.join(os.environ["VAE_JAX_CACHE"], "xla")
)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)

# scripts that tests run in processes of their own, with other devices
collect_ignore_glob = ["*/on_*.py"]

# What importing makes stays: the collector need not look at it, then or later.
gc.disable()


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
