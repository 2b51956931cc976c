"""What `small_theory` claims of its rows, and whether it holds."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from experiments._claims.small_theory_trained import of_bit, of_cvae, of_units
from experiments._parts.small_theory_forms import MODELS
from experiments._verdicts import Verdict, said

RAZAVI = "Razavi et al. (2019)"
WANG = "Wang, Blei & Cunningham (2021)"

ROUNDING = 1e-6
"""Nats and shares: an optimiser in float64 is stopped at slopes of 1e-9."""


def rate_committed(committed: pd.DataFrame) -> Verdict:
    """The optimiser's KL against the closed form."""
    off = (committed["kl"] - committed["theory"]).abs().max()
    least = (committed["kl"] - committed["theory"]).min()
    return Verdict(
        "no posterior that is independent in time comes closer to an AR(1) prior than "
        "((T - 2) log(1 + alpha^2) - log(1 - alpha^2)) / 2, and one comes as close",
        "0 nats between an optimiser and the formula",
        f"{RAZAVI}, arXiv:1901.03416",
        f"{off:.1e} nats at most, {min(least, 0):.1e} below",
        "1e-6 nats",
        "float64, slopes below 1e-9",
        bool(off < ROUNDING),
    )


def shape_committed(committed: pd.DataFrame) -> Verdict:
    """Where the optimiser ends."""
    off = max(committed["variance"].max(), committed["mean"].max())
    return Verdict(
        "the closest posterior has mean 0 and the variance 1 - alpha^2 at both ends, "
        "divided by 1 + alpha^2 between them",
        "0 error",
        "one over the diagonal of the prior's precision",
        f"{off:.1e} at most, of a mean or as a share of a variance",
        "1e-4",
        "the KL is quadratic there: it is off by the square, 1e-8",
        bool(off < 1e-4),
    )


def ranges(surfaces: pd.DataFrame) -> dict[str, float]:
    """The most by which the likelihood changes along z_2, by model."""
    by_line = surfaces.groupby(["model", "z1"])["log_likelihood"]
    return (by_line.max() - by_line.min()).groupby("model").max().to_dict()


def flat_where_unknown(surfaces: pd.DataFrame) -> Verdict:
    """The likelihood along z_2 in either model."""
    found = ranges(surfaces)
    return Verdict(
        "the likelihood is flat along z_2 if and only if w_2 = 0",
        "0 nats with w_2 = 0, more without",
        WANG,
        f"{found[MODELS[0]]:g} and {found[MODELS[1]]:.1f} nats",
        "none",
        "a product with 0 is 0",
        bool(found[MODELS[0]] == 0 and found[MODELS[1]] > 0),
    )


def prior_where_unknown(hidden: pd.DataFrame) -> Verdict:
    """Exact posterior and Bayes' rule with w_2 = 0."""
    some = hidden[hidden["model"] == MODELS[0]]
    largest = some[["kl", "theory"]].abs().to_numpy().max()
    return Verdict(
        "with w_2 = 0 the exact posterior of z_2 is its prior, at every sigma: nothing "
        "that is inferred better can mend this collapse",
        "exactly 0 nats",
        WANG,
        f"{largest:g} nats at most, {len(some)} cases",
        "none",
        "0 in floating point too",
        bool(largest == 0),
    )


def posterior_right(hidden: pd.DataFrame) -> Verdict:
    """The closed form against Bayes' rule."""
    off = (hidden["kl"] - hidden["theory"]).abs().max()
    return Verdict(
        "KL(p(z_2|x) || p(z_2)) of N(M^-1 W'x, sigma^2 M^-1) is that of Bayes' rule",
        "0 nats apart",
        "Tipping & Bishop (1999)",
        f"{off:.1e} nats",
        "1e-6 nats",
        "steps of a tenth of a deviation on the grid",
        bool(off < ROUNDING),
    )


def known_falls(hidden: pd.DataFrame) -> Verdict:
    """KL over sigma of the model that knows z_2."""
    some = hidden[hidden["model"] == MODELS[1]]
    table = some.pivot(index="sigma", columns="seed", values="kl").sort_index()
    steps = np.diff(table.to_numpy(), axis=0)
    least, most = table.iloc[-1].to_numpy(), table.iloc[0].to_numpy()
    return Verdict(
        "where w_2 is not 0 the posterior of z_2 is not its prior, and comes closer to it "
        "the more noise the model has",
        "above 0 nats, falling with sigma, every draw",
        WANG,
        f"from {said(most)} to {said(least)} nats",
        "none",
        "closed form",
        bool((steps < 0).all() and (least > 0).all()),
    )


def of_page(page: Path) -> list[Verdict]:
    """Of the saved rows."""
    return verdicts_of({path.stem: pd.read_csv(path) for path in page.glob("*.csv")})


def verdicts_of(tables: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """All of them."""
    return [
        rate_committed(tables["committed"]),
        shape_committed(tables["committed"]),
        *of_cvae(tables["cvae"]),
        flat_where_unknown(tables["surfaces"]),
        prior_where_unknown(tables["hidden"]),
        posterior_right(tables["hidden"]),
        known_falls(tables["hidden"]),
        *of_bit(tables["one_bit"]),
        *of_units(tables["units"]),
    ]
