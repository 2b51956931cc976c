"""Whether members were still learning when their steps were over."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

WINDOWS = 5
"""Parts of a history: the mean loss of the last is compared with that of the one before."""

FEWEST = 2 * WINDOWS
"""Logged steps, of which each part has two."""

LEAST = 1.0
"""Nats. A convention: the verdict's limits are below one, and what still moves by one may
cross any of them."""

ERRORS = 2.0
"""Standard errors of the difference: 95 % of a normal distribution."""


def print_falling(metrics: "pd.DataFrame") -> None:
    """Name the members whose loss was still falling, if there are any."""
    found = falling(metrics)
    if not found:
        return
    shown = ", ".join(f"{member} ({drop:.3g} nats)" for member, drop in found.items())
    print(
        f"\nThe training loss was still falling over the last fifth of the steps of member "
        f"{shown}.\nTrain longer before you believe a number; --early-stopping 10 ends "
        "10 epochs\nafter the best validation loss, and keeps its parameters."
    )


def falling(metrics: "pd.DataFrame") -> dict[int, float]:
    """Nats by which the mean loss fell from the fifth before the last fifth of the steps.

    >>> import pandas as pd
    >>> steps = range(10, 110, 10)
    >>> loss = [100.0 - step for step in steps]
    >>> falling(pd.DataFrame({"member": 0, "step": steps, "loss": loss}))
    {0: 20.0}
    """
    if "loss" not in metrics:
        return {}
    found = {}
    for member, rows in metrics.sort_values("step").groupby("member"):
        losses = rows["loss"].dropna()
        size = len(losses) // WINDOWS
        if len(losses) < FEWEST:
            continue
        last, before = losses.iloc[-size:], losses.iloc[-2 * size : -size]
        drop = float(before.mean() - last.mean())
        error = math.hypot(*(part.std() / size**0.5 for part in (last, before)))
        if drop > max(LEAST, ERRORS * error):
            found[int(str(member))] = drop
    return found
