"""One training run as a frozen record, validated field by field on construction.

What needs the data or the model to judge is checked in `assembly.check`, before any
compile. `DATA_FIELDS` may differ between the members of one compiled program.
"""

from vae_jax.configs._mapping import check_value, field_kinds, from_mapping, to_mapping
from vae_jax.configs._ranges import MODELS
from vae_jax.configs._run import DATA_FIELDS, RunConfig, SplitName
from vae_jax.configs._together import TEXT_MODELS, TEXTS
from vae_jax.configs._types import did_you_mean, shown

__all__ = [
    "DATA_FIELDS",
    "MODELS",
    "TEXTS",
    "TEXT_MODELS",
    "RunConfig",
    "SplitName",
    "check_value",
    "did_you_mean",
    "field_kinds",
    "from_mapping",
    "shown",
    "to_mapping",
]
