"""Epochs as a unit of time: `num_epochs` for `num_steps`, `warmup_epochs` and so on.

A step is what training counts; how many of them an epoch has, the data and the batch say.
So a run holds steps, and epochs are turned into them where plain settings become a run.
"""

import math
from collections.abc import Mapping
from typing import Any

from vae_jax.data import DataSet, Dataset
from vae_jax.records import ask, check_type, shown
from vae_jax.schedules import steps_from_epochs

EPOCHS = "_epochs"

USUAL = 50
"""Steps a row of history, about; see `Run.log_every`."""


def epochs_name(steps: str) -> str:
    """What a time in steps is called in epochs.

    >>> epochs_name("num_steps"), epochs_name("learning_rate_warmup")
    ('num_epochs', 'learning_rate_warmup_epochs')
    """
    return steps.removesuffix("_steps") + EPOCHS


def check_epochs(name: str, value: Any) -> None:
    """Refuse what is no time in epochs.

    Raises:
        ValueError: names the setting and the value.

    >>> check_epochs("num_epochs", 2.5)
    """
    for one in value if isinstance(value, tuple) else (value,):
        check_type(name, one, float)
        if not 0 <= one < float("inf"):
            raise ValueError(
                f"`{name}` must be finite and at least 0; got {shown(value)}."
            )


def split_epochs(
    given: Mapping[str, Any], times: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings by their names in steps, and those of them that are epochs.

    Args:
        given: settings.
        times: names in steps by names in epochs.

    Raises:
        ValueError: a time is given twice, or is no number of epochs.

    >>> split_epochs({"beta": 1.0, "num_epochs": 3}, {"num_epochs": "num_steps"})
    ({'beta': 1.0, 'num_steps': 3}, {'num_steps': 3})
    """
    epochs = {times[name]: value for name, value in given.items() if name in times}
    for name, steps in times.items():
        if name not in given:
            continue
        check_epochs(name, given[name])
        if steps in given:
            raise ValueError(
                f"`{name}` and `{steps}` are one setting; got {name}={shown(given[name])} "
                f"and {steps}={shown(given[steps])}. Give one of them."
            )
    return {times.get(name, name): value for name, value in given.items()}, epochs


def in_steps(
    epochs: Mapping[str, Any], data: DataSet, batch_size: int
) -> dict[str, Any]:
    """Epochs as steps, to the nearest; an epoch is every whole batch of the training set.

    Raises:
        ValueError: a batch is larger than the training set.

    >>> from vae_jax.data import Images
    >>> in_steps({"num_steps": 2, "warmup_steps": 0.5}, Images(), 100)
    {'num_steps': 24, 'warmup_steps': 6}
    """
    size = len(ask(data.load, Dataset).train.images)

    def steps(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(steps(one) for one in value)
        return steps_from_epochs(value, size, batch_size)

    return {name: steps(value) for name, value in epochs.items()}


def usual_rows(num_steps: int) -> int:
    """The divisor of a number of steps that is nearest to the usual one, as a ratio.

    >>> usual_rows(1500), usual_rows(937), usual_rows(20 * 937)
    (50, 937, 20)
    """
    small = [d for d in range(1, math.isqrt(num_steps) + 1) if num_steps % d == 0]
    divisors = [*small, *(num_steps // d for d in small)]
    return min(divisors, key=lambda d: max(d / USUAL, USUAL / d))
