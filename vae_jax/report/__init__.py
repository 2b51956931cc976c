"""Results -> one self-contained HTML page, of any sweep; no JAX, no training.

`gather` makes plain values of what run folders store, `page` a page of them, with a
charting library inlined, and `write` a file. What trained members draw is given to it.
"""

from vae_jax.report._gather import Gathered, gather
from vae_jax.report._library import check_library
from vae_jax.report._page import check_target, page, write
from vae_jax.report._pick import pictured
from vae_jax.report._pictures import Drawn, Images, Lines, data_uri
from vae_jax.report._sweep import Sweep, Waiting, read_sweep

__all__ = [
    "Drawn",
    "Gathered",
    "Images",
    "Lines",
    "Sweep",
    "Waiting",
    "check_library",
    "check_target",
    "data_uri",
    "gather",
    "page",
    "pictured",
    "read_sweep",
    "write",
]
