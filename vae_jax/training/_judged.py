"""The start of a run that is judged by its validation loss while it trains."""

from typing import Any

import jax


def judged_run(what: str, program: Any, key: Any, hyper: Any, data: Any) -> Any:
    """The first state of such a run.

    Args:
        what: it is judged for, which begins the message.
        program: of the run.
        key: of the member.
        hyper: its settings.
        data: its splits.

    Raises:
        ValueError: no validation images, or something that moves beta.

    Needs a program to show; see `make_program`.
    """
    if data.validation is None:
        raise ValueError(f"{what} needs `validation` images in `Splits`; got None.")
    run = program.init(key, hyper, data)
    if jax.tree.leaves(run.train.feedback):
        raise ValueError(
            f"{what} compares losses at one beta; got a feedback controller, which goes on "
            "moving it. Leave one of them out."
        )
    return run
