"""The upkeep of run folders: how far a run is, what is damaged, and setting that aside.

Nothing here trains. `status` needs no JAX, writes nothing and takes no lock; `repair` moves
what does not verify into a folder of its own, and deletes nothing.
"""

from vae_jax.folders._claimed import CLAIMS, claim_byte, claimed
from vae_jax.folders._repair import Repair, repair
from vae_jax.folders._status import STATES, MemberState, Status, status

__all__ = [
    "CLAIMS",
    "STATES",
    "MemberState",
    "Repair",
    "Status",
    "claim_byte",
    "claimed",
    "repair",
    "status",
]
