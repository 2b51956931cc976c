"""Settings as frozen records that are pytrees: one record a choice, in its own room.

A model's settings stand beside the model, a remedy's beside the remedy; what they share
is here. Nothing is imported of JAX until a record is made.
"""

from vae_jax.records._ask import ask, name_of, signature_fix
from vae_jax.records._attempt import attempt, is_foreign
from vae_jax.records._choices import CHOICES, OWN, chosen
from vae_jax.records._facts import Facts
from vae_jax.records._fields import SPEC, Spec, checked, data, static
from vae_jax.records._record import (
    Record,
    as_array,
    at_step,
    parts,
    record,
    rows_of,
    unchecked,
    walk,
)
from vae_jax.records._values import (
    alternatives,
    as_annotated,
    as_float32,
    as_python,
    check_float32,
    check_type,
    did_you_mean,
    normal_folder,
    shown,
)

__all__ = [
    "Facts",
    "CHOICES",
    "OWN",
    "SPEC",
    "Record",
    "Spec",
    "alternatives",
    "at_step",
    "as_annotated",
    "as_array",
    "as_float32",
    "ask",
    "attempt",
    "is_foreign",
    "as_python",
    "name_of",
    "signature_fix",
    "check_float32",
    "check_type",
    "checked",
    "chosen",
    "data",
    "did_you_mean",
    "normal_folder",
    "parts",
    "record",
    "rows_of",
    "shown",
    "static",
    "unchecked",
    "walk",
]
