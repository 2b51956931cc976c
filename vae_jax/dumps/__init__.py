"""Posteriors that another framework wrote to a file, read and checked."""

from vae_jax.dumps._files import MOST_BYTES, list_arrays
from vae_jax.dumps._layout import Layout
from vae_jax.dumps._read import Dump, read_dump

__all__ = ["MOST_BYTES", "Dump", "Layout", "list_arrays", "read_dump"]
