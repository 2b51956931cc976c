"""One training run as a record of records, and as plain values.

Every part of a run is a record in the room of what it sets up; `Run` holds them and judges
what they may be together, and the text form gives every setting its name alone.
"""

from vae_jax.configs._flat import changed, from_mapping, to_mapping
from vae_jax.configs._names import (
    NOTHING,
    PARTS,
    check_value,
    field_kinds,
    find_own,
    names,
    owners,
    paths,
    plain_value,
    times,
)
from vae_jax.configs._own import OF_FUNCTIONS, OwnModel, own_record
from vae_jax.configs._pick import pick
from vae_jax.configs._run import Run, SplitName
from vae_jax.configs._start import split_start
from vae_jax.records import did_you_mean, shown
from vae_jax.remedies import SWITCHED

__all__ = [
    "NOTHING",
    "OF_FUNCTIONS",
    "PARTS",
    "OwnModel",
    "SWITCHED",
    "Run",
    "SplitName",
    "changed",
    "check_value",
    "did_you_mean",
    "field_kinds",
    "find_own",
    "from_mapping",
    "names",
    "own_record",
    "owners",
    "paths",
    "pick",
    "plain_value",
    "shown",
    "split_start",
    "times",
    "to_mapping",
]
