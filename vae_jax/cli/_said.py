"""What a page of help says of an option."""

from typing import Any

import tyro


def said(metavar: str, text: str) -> Any:
    """An option's value and sentence, without a default that the sentence does not say.

    >>> said("INT", "Samples have this seed.").metavar
    'INT'
    """
    return tyro.conf.arg(metavar=metavar or None, help=text, help_behavior_hint="")
