"""The mapped axis over which a batch is split: said once, by the step, read by all means.

Under `jax.pmap` every device sees its share of a batch. Whatever is a mean over the batch
(a gradient, a penalty, statistics) must be taken over all of them, or every device trains
another model, silently. So a step says the name of the axis, and what is called in it asks.

It is part of the key by which `jax.jit` remembers what it has traced, so that a function
jitted by itself is traced anew in a step of another axis.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import jax

_AXIS = jax.make_user_context(default_value=None)


@contextmanager
def batch_split_over(axis_name: str | None) -> Iterator[None]:
    """What is called inside takes its batch means over this mapped axis.

    >>> with batch_split_over("devices"):
    ...     batch_axis()
    'devices'
    """
    with _AXIS(axis_name):
        yield


def batch_axis(axis_name: str | None = None) -> str | None:
    """The axis that a batch is split over: as given, else the one of the step, else none.

    Raises:
        ValueError: the step says another one.

    >>> batch_axis() is None, batch_axis("devices")
    (True, 'devices')
    """
    own: str | None = _AXIS.value
    if own is None or axis_name in (None, own):
        return axis_name if own is None else own
    raise ValueError(
        f"`axis_name` must be the one that the step was made with, {own!r}; got "
        f"{axis_name!r}. Leave it out: the step says it."
    )
