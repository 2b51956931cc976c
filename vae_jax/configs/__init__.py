"""One training run as a frozen record, validated field by field on construction.

What needs the data or the model to judge is checked in `assembly.check`, before any
compile. `DATA_FIELDS` may differ between the members of one compiled program.
"""

from vae_jax.configs._mapping import from_mapping, to_mapping
from vae_jax.configs._ranges import MODELS
from vae_jax.configs._run import DATA_FIELDS, RunConfig, SplitName
from vae_jax.configs._together import TEXT_MODELS, TEXTS
from vae_jax.configs._types import did_you_mean

__all__ = [
    "DATA_FIELDS",
    "MODELS",
    "TEXTS",
    "TEXT_MODELS",
    "RunConfig",
    "SplitName",
    "did_you_mean",
    "from_mapping",
    "to_mapping",
]
