"""The table of a latent's parts: numbers, which criterion each meets, and a word.

A unit is in use by the rule of the whole: active and not collapsed. Channels and positions
have a verdict of their own, without the rule of one bit, which is for a whole model.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from vae_jax import diagnostics, gaussian

SHOWN = 64
"""Parts in the table; of more, those with the largest rates."""

MORE = 1.1
"""Times the whole that the parts' information may add up to without a word on it."""

LEGEND = (
    "active: the variance of a unit's mean over the examples is {active:g} or more; "
    "collapsed: its KL is below {eps:g} nats on {sure:.0%} of them; in use: active and not "
    "collapsed.\nVerdicts: collapsed below {dead:g} nats of information, partially "
    "collapsed with fewer than half of the units in use or, the whole, below one bit "
    "({bit:.3f} nats), healthy otherwise."
)


class Uses(NamedTuple):
    """Whether each unit meets a criterion, in the shape of the latent."""

    active: np.ndarray
    collapsed: np.ndarray

    @property
    def used(self) -> np.ndarray:
        """Active and not collapsed."""
        used: np.ndarray = self.active & ~self.collapsed
        return used


def legend() -> str:
    """What the words and counts of the report stand for, with every threshold."""
    return LEGEND.format(
        active=diagnostics.ACTIVE_THRESHOLD,
        eps=diagnostics.EPS,
        sure=1 - diagnostics.DELTA,
        dead=diagnostics.COLLAPSED_NATS,
        bit=diagnostics.ONE_BIT,
    )


def which_used(means: np.ndarray, logvars: np.ndarray) -> Uses:
    """Every unit by the two criteria that the report counts."""
    latent = means.shape[1:]
    mean, logvar = (jnp.asarray(a.reshape(len(a), -1)) for a in (means, logvars))

    @jax.jit
    def criteria(mean: jax.Array, logvar: jax.Array) -> tuple[jax.Array, jax.Array]:
        kl = gaussian.kl_standard(mean, logvar)
        return (
            jax.vmap(lambda m: diagnostics.active_units(m[:, None]), 1)(mean),
            jax.vmap(lambda k: diagnostics.collapsed_units(k[:, None]), 1)(kl),
        )

    active, collapsed = criteria(mean, logvar)
    return Uses(
        np.asarray(active).reshape(latent) > 0,
        np.asarray(collapsed).reshape(latent) > 0,
    )


def tabulate(
    reports: diagnostics.CollapseReport, uses: Uses, axes: tuple[int, ...]
) -> pd.DataFrame:
    """A row a part: its name, numbers, word, and notes on it.

    Args:
        reports: of `diagnostics.part_reports`.
        uses: of every unit.
        axes: of the means, those that tell parts apart.
    """
    plain = jax.tree.map(np.asarray, reports)
    sizes = [uses.active.shape[axis - 1] for axis in axes]
    units = [_by_part(mask, axes) for mask in (*uses, uses.used)]
    rows = []
    for index, name in enumerate(names_of(sizes)):
        one = jax.tree.map(lambda values, i=index: values[i], plain)
        rows.append({"part": name, **_row(one, *(mask[index] for mask in units))})
    return pd.DataFrame(rows)


def _by_part(mask: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """A row a part, of its units."""
    moved = np.moveaxis(mask, [axis - 1 for axis in axes], range(len(axes)))
    return moved.reshape(int(np.prod(moved.shape[: len(axes)])), -1)


def _row(
    report: diagnostics.CollapseReport,
    active: np.ndarray,
    collapsed: np.ndarray,
    used: np.ndarray,
) -> dict[str, Any]:
    numbers = {
        "rate": float(report.rate),
        "information": float(report.mutual_information),
        "error": float(report.mutual_information_error),
        "marginal KL": float(report.marginal_kl),
    }
    unreliable = diagnostics.verdict(report).label == "unreliable"
    few = used.mean() < diagnostics.USED_SHARE
    little = numbers["information"] < diagnostics.COLLAPSED_NATS
    if len(used) == 1:
        counts: dict[str, Any] = {
            "active": "yes" if active[0] else "no",
            "collapsed": "yes" if collapsed[0] else "no",
        }
        word = "in use" if used[0] else "not in use"
    else:
        counts = {
            "units": len(used),
            "active": int(active.sum()),
            "collapsed": int(collapsed.sum()),
            "in use": int(used.sum()),
        }
        word = "partially collapsed" if few else "healthy"
        word = "unreliable" if unreliable else "collapsed" if little else word
    return {
        **numbers,
        **counts,
        "verdict": word,
        "notes": _notes(report, used, word, unreliable),
    }


def _notes(
    report: diagnostics.CollapseReport, used: np.ndarray, word: str, unreliable: bool
) -> tuple[str, ...]:
    """What the numbers of a row do not say by themselves; the same words for all."""
    notes = []
    information, dead = float(report.mutual_information), diagnostics.COLLAPSED_NATS
    margin = diagnostics.SURE_ERRORS * float(report.mutual_information_error)
    if unreliable:
        notes.append(
            "rate, information and marginal KL do not add up or are not finite"
        )
    elif word == "collapsed":
        notes.append(f"less than {dead:g} nats about x")
    elif word == "partially collapsed":
        notes.append("fewer than half of the units are in use")
    if used.any() and word == "collapsed":
        notes.append(
            "units are in use, but the spread of their means drowns in the posterior's own "
            "noise"
        )
    if not used.any() and information - margin > dead:
        notes.append(
            "informative although no unit is in use: the means vary on a scale below the "
            "threshold of active units"
        )
    return tuple(notes)


def names_of(sizes: list[int]) -> list[str]:
    """Indices of the parts, in their order.

    >>> names_of([2, 2])
    ['0,0', '0,1', '1,0', '1,1']
    """
    return [",".join(map(str, index)) for index in np.ndindex(*sizes)]


def print_parts(parts: pd.DataFrame, by: str, whole: float) -> None:
    """Every part with its word, what is to be noted, and what the words mean.

    Args:
        parts: of `tabulate`.
        by: what a part is.
        whole: information of all parts together, in nats.
    """
    counts = parts["verdict"].value_counts().items()
    print(f"\nBy {by}: {', '.join(f'{count} {word}' for word, count in counts)}.")
    shown = parts.nlargest(SHOWN, "rate") if len(parts) > SHOWN else parts
    named = {"part": by, "error": "std. error"}
    table = shown.drop(columns="notes").rename(columns=named)
    numbers = table.select_dtypes("float").columns
    table[numbers] = table[numbers].round(4) + 0.0
    print(table.to_string(index=False, float_format=lambda value: f"{value:.4f}"))
    if len(parts) > SHOWN:
        rest = len(parts) - SHOWN
        print(f"These have the largest rates; {rest} of {len(parts)} are not shown.")
        print_alive(parts, by)
    total = float(parts["information"].sum())
    if total > MORE * whole + diagnostics.COLLAPSED_NATS:
        print(
            f"Together the {by}s say {whole:.2f} nats, not the {total:.2f} of their sum: "
            "several say the same, or the whole is at its ceiling, log N."
        )
    for note, names in grouped(parts).items():
        print(f"  - {by}{'s' * (len(names) > 1)} {joined(names)}: {note}.")
    print(legend())


def print_alive(parts: pd.DataFrame, by: str) -> None:
    """Which of many are in use, or have a unit that is."""
    single = "in use" not in parts
    alive = parts["verdict"] == "in use" if single else parts["in use"] > 0
    what = "In use" if single else "With a unit in use"
    names = parts["part"][alive].tolist()
    print(f"{what}: {by}{'s' * (len(names) != 1)} {joined(names) or 'none'}.")


def grouped(parts: pd.DataFrame) -> dict[str, list[str]]:
    """Names of the parts by what is noted of them."""
    found: dict[str, list[str]] = {}
    for name, notes in zip(parts["part"], parts["notes"], strict=True):
        for note in notes:
            found.setdefault(note, []).append(name)
    return found


def joined(names: list[str]) -> str:
    """Names in a row, three or more that follow each other by their ends.

    >>> joined(["0", "2", "3", "4", "9"]), joined(["0,1", "0,2"])
    ('0, 2-4, 9', '(0,1) (0,2)')
    """
    if any("," in name for name in names):
        return " ".join(f"({name})" for name in names)
    runs: list[list[int]] = []
    for number in map(int, names):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(
        f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run))
        for run in runs
    )
