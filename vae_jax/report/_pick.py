"""Which members are worth a picture."""

from collections.abc import Sequence
from typing import Any

from vae_jax.report._members import Member, members_of
from vae_jax.report._sweep import Sweep

USABLE = ("finished", "stopped")


def pictured(sweep: Sweep, number: int) -> list[int]:
    """Members to be drawn: the best of each verdict in turns, by NLL where it is known.

    Args:
        sweep: of which.
        number: of members at most.

    Returns:
        numbers of members that have ended and did not diverge.

    >>> rows = [{"member": n, "status": "finished", "first_bad_step": -1, "nll": nll,
    ...          "verdict": word}
    ...         for n, nll, word in [(0, 9.0, "healthy"), (1, 8.0, "healthy"),
    ...                              (2, 11.0, "collapsed")]]
    >>> pictured(Sweep({}, rows, None, []), 2)
    [1, 2]
    """
    usable = [one for one in members_of(sweep) if one.status in USABLE]
    usable.sort(key=_cost)
    by_verdict: dict[str, list[Member]] = {}
    for one in usable:
        by_verdict.setdefault(one.verdict, []).append(one)
    turns: list[tuple[int, Any, int]] = [
        (turn, _cost(one), one.number)
        for own in by_verdict.values()
        for turn, one in enumerate(own)
    ]
    return [one for _, _, one in sorted(turns)[:number]]


def _cost(one: Member) -> tuple[float, int]:
    """Lower is better; without a number a member is the last."""
    found: Sequence[float | None] = [
        one.metrics.get("nll"),
        None if one.metrics.get("elbo") is None else -(one.metrics["elbo"] or 0.0),
    ]
    known = [value for value in found if value is not None and value == value]
    return (known[0] if known else float("inf")), one.number
