"""The record that a name of the text form stands for."""

from typing import Any

from vae_jax.configs._own import own_record
from vae_jax.records import CHOICES, Record, chosen
from vae_jax.userdata import NAME as HELD_NAME
from vae_jax.userdata import Files, Held, form_of


def pick(choice: str, name: Any, none: str | None = None) -> type[Record]:
    """The record of a name, or that of the user's own at `package.module:name`.

    Of data a name may also be a path to a file, a name of held arrays, or one of
    tensorflow-datasets.

    Raises:
        ValueError: there is none.

    >>> pick("schedule", "linear").__name__
    'Linear'
    """
    of_data = choice == "dataset" and isinstance(name, str)
    if of_data and form_of(name) is not None:
        return Files
    if isinstance(name, str) and ":" in name:
        return own_record(choice, name)
    if of_data and HELD_NAME.fullmatch(name):
        return Held
    if choice == "dataset" and name not in list(CHOICES[choice]):
        return CHOICES[choice][""]
    return chosen(choice, name, none)
