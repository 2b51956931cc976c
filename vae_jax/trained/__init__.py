"""Trained models in use: a member of a run folder encodes, decodes, draws, is exported.

Above everything that trains and stores: a stored member becomes a model again with its own
settings, prior, statistics and kept parameters, and is refused where its data or a file of
the user's own is not what it was trained with.
"""

from vae_jax.trained._judging import Judged
from vae_jax.trained._member import Member
from vae_jax.trained._open import TrainedRun, open_run

__all__ = ["Judged", "Member", "TrainedRun", "open_run"]
