"""Strict JAX for every test; one compilation cache for all of them, thrown away after."""

import os
import tempfile

import jax
import jaxtyping
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# one device, as before JAX starts `sweeps.run` would take one a core
jax.config.update("jax_num_cpu_devices", 1)

# Most of the suite's time is compiling. The folder is new for every run of the suite and
# shared with its subprocesses and workers, which inherit the variable.
os.environ.setdefault("VAE_JAX_CACHE", tempfile.mkdtemp(prefix="vae_jax_tests_"))
jax.config.update(
    "jax_compilation_cache_dir", os.path.join(os.environ["VAE_JAX_CACHE"], "xla")
)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


@pytest.fixture
def key():
    """A fixed key; tests that need several split it."""
    return jax.random.key(0)


@pytest.fixture
def users_view(monkeypatch):
    """Without the suite's own type checker, which refuses shapes first."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
