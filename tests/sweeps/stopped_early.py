"""A run that a signal stops within a window and an epoch."""

import signal
from contextlib import contextmanager

import pytest

from vae_jax import sweeps
from vae_jax.sweeps.queue import _shard


@contextmanager
def stopped_early(monkeypatch):
    """What runs inside is stopped after 1 + 17 steps."""
    chunks = iter([17])

    def stopping(steps, seconds):
        for chunk in chunks:
            return chunk
        signal.raise_signal(signal.SIGTERM)
        return 1

    with monkeypatch.context() as patched:
        patched.setattr(_shard, "next_chunk", stopping)
        with pytest.raises(sweeps.Interrupted):
            yield
