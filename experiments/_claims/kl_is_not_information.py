"""What the page about the KL and information claims of its runs."""

from pathlib import Path

import numpy as np
import pandas as pd

from experiments._pages import read_rows
from experiments._verdicts import Verdict, said

SOURCE = "earlier trial of one other run"
SIGMAS = 5.0
"""Standard errors: of 1000 normal errors one is larger once in 2000 trials."""


def of_page(page: Path) -> list[Verdict]:
    """Of the saved rows."""
    curves, table = read_rows(page, "curves", "table")
    return verdicts_of(curves, last_of(curves), int(table["units"].iloc[0]))


def last_of(curves: pd.DataFrame) -> pd.DataFrame:
    """The row in which every run ends."""
    return curves.groupby(["method", "seed"], sort=False).tail(1)


def verdicts_of(curves: pd.DataFrame, ends: pd.DataFrame, units: int) -> list[Verdict]:
    """Every claim beside what was found, each of every seed.

    Args:
        curves: a row a run and moment, as the page saves them.
        ends: a row a run.
        units: of z; the bounds are of each.
    """
    methods = list(dict.fromkeys(ends["method"]))
    bounds = {name: units * bound for name, bound in map(bound_of, methods) if bound}
    free = next(name for name in methods if name.startswith("free bits"))
    return [
        *[bound_is_kept(ends, name, bound) for name, bound in bounds.items()],
        parts_are_parts(curves),
        parts_make_the_rate(curves),
        *free_bits_are_empty(ends, free, units * float(free.split()[-1])),
        annealing_is_empty(curves),
        aggressive_is_full(ends),
    ]


def bound_of(method: str) -> tuple[str, float | None]:
    """The rate of a unit that a method cannot fall below, if there is one.

    >>> bound_of("BN-VAE 0.5"), bound_of("basic")
    (('BN-VAE 0.5', 0.125), ('basic', None))
    """
    *words, number = method.split()
    if words == ["BN-VAE"]:
        return method, float(number) ** 2 / 2
    return method, float(number) if words == ["delta-VAE"] else None


def of_method(rows: pd.DataFrame, method: str, column: str) -> np.ndarray:
    """A column of the rows of one method."""
    return rows.loc[rows["method"] == method, column].to_numpy()


def bound_is_kept(ends: pd.DataFrame, method: str, bound: float) -> Verdict:
    """The KL at the end is not below what the posterior's form leaves."""
    batch_norm = method.startswith("BN-VAE")
    source = (
        "scale^2 / 2 a unit, Zhu et al. (2020)"
        if batch_norm
        else "the committed rate, Razavi et al. (2019)"
    )
    why = "1e-5 in the normaliser's variance" if batch_norm else "rounding of float32"
    rates = of_method(ends, method, "rate")
    slack = 0.01 * bound if batch_norm else 1e-4
    return Verdict(
        f"{method}: the KL keeps its bound",
        f"at least {bound:g} nats",
        source,
        f"{said(rates, 4)} nats, of which "
        f"{said(of_method(ends, method, 'information'))} are information",
        f"{slack:g} nats",
        why,
        bool(rates.min() >= bound - slack),
    )


def parts_are_parts(curves: pd.DataFrame) -> Verdict:
    """Nowhere is there more information than KL."""
    left = (curves["rate"] - curves["information"]).min()
    return Verdict(
        f"the information is a part of the KL at all {len(curves)} moments",
        "KL - I(x; z) = KL(q(z) || p(z)) >= 0",
        "Hoffman & Johnson (2016)",
        f"at least {left:.4f} nats",
        "0.05 nats",
        "3 standard errors of 2000 sentences, where a sentence varies by 0.7 nats",
        bool(left >= -0.05),
    )


def parts_make_the_rate(curves: pd.DataFrame) -> Verdict:
    """Both parts, each from samples of its own, sum to the rate."""
    error = curves["residual_error"].to_numpy()
    off = np.abs(curves["residual"].to_numpy())
    # at exact collapse there is no spread, and rounding is all that is left
    ratio = float((off / np.maximum(error, 1e-6)).max())
    return Verdict(
        "information and marginal KL, measured apart, sum to the KL",
        "a residual of 0",
        "Hoffman & Johnson (2016)",
        f"at most {off.max():.4f} nats, {ratio:.2f} standard errors",
        f"{SIGMAS:g} standard errors",
        "the largest of as many normal errors",
        ratio < SIGMAS,
    )


def free_bits_are_empty(ends: pd.DataFrame, method: str, free: float) -> list[Verdict]:
    """The KL is at its target, and none of it is information."""
    rates = of_method(ends, method, "rate")
    information = of_method(ends, method, "information")
    return [
        Verdict(
            f"{method}: the KL is at its target",
            f"{free:g} nats",
            "Kingma et al. (2016), Eq. 15",
            f"{said(rates)} nats",
            "0.1 nats",
            f"0.47 nats in an {SOURCE}",
            bool(np.abs(rates - free).max() < 0.1),
        ),
        Verdict(
            f"{method}: none of it is information",
            "0 nats",
            SOURCE,
            f"{said(information)} nats",
            "0.05 nats",
            "a tenth of what is free",
            bool(information.max() < 0.05),
        ),
    ]


def annealing_is_empty(curves: pd.DataFrame) -> Verdict:
    """The KL rises while its weight is small, and says nothing even then."""
    rows = curves[curves["method"] == "logistic annealing"]
    peaks = rows.loc[rows.groupby("seed")["rate"].idxmax()]
    at = f"at steps {', '.join(str(step) for step in peaks['step'])}"
    full = peaks["rate"].min() > 0.3 and peaks["information"].max() < 0.05
    return Verdict(
        "logistic annealing: the KL has a peak without information",
        "0.82 nats of KL, 0.00 of information",
        SOURCE,
        f"{said(peaks['rate'])} and {said(peaks['information'])} nats {at}",
        "above 0.3 and below 0.05 nats",
        "half of that peak; a tenth of what free bits hold",
        bool(full),
    )


def aggressive_is_full(ends: pd.DataFrame) -> Verdict:
    """Aggressive training ends with information."""
    information = of_method(ends, "aggressive", "information")
    rates = of_method(ends, "aggressive", "rate")
    return Verdict(
        "aggressive: the KL is information",
        "1.36 of 1.39 nats",
        SOURCE,
        f"{said(information)} of {said(rates)} nats",
        "above 0.8 nats",
        "0.6 of what that trial found; rounding makes another run of a seed",
        bool(information.min() > 0.8),
    )
