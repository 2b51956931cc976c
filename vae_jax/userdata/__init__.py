"""Data of users' own: files of numbers, tables, pictures, single cells, and arrays.

What the numbers are is found out from their values, splits that are missing are made by
content, and everything is checked before a run begins.
"""

from vae_jax.userdata._dataset import Reading, as_dataset
from vae_jax.userdata._held import NAME, Held, NotHeld, from_arrays, hold
from vae_jax.userdata._raw import Raw
from vae_jax.userdata._records import Files, form_of

__all__ = [
    "NAME",
    "Files",
    "Held",
    "NotHeld",
    "Raw",
    "Reading",
    "as_dataset",
    "form_of",
    "from_arrays",
    "hold",
]
