"""What `small_theory` claims of its rows, and whether it holds."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from experiments._small_theory_forms import MODELS
from experiments._verdicts import Verdict, said

RAZAVI = "Razavi et al. (2019)"
DANG = "Dang et al. (2024), Theorem 2"
WANG = "Wang, Blei & Cunningham (2021)"
SHU = "R. Shu, micro-projects"
BURDA = "Burda et al. (2016)"

NO_KL = 0.01
"""Nats: Lucas et al. (2019), Table 1, call a unit of less collapsed."""

RELATIVE = 0.005
"""Of a trained rate: the tolerance of the page `linear_theory`."""

ROUNDING = 1e-6
"""Nats and shares: an optimiser in float64 is stopped at slopes of 1e-9."""

WIDE = 1.0
"""Decades that part two modes which may be called widely separated."""

ACTIVE = 0.01


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


def rate_of_cvae(cvae: pd.DataFrame) -> Verdict:
    """Trained rates where theory has enough of it for a relative error."""
    some = cvae[(cvae["theory"] > 0.5) & ~cvae["near"]]
    off = (some["rate"] / some["theory"] - 1).to_numpy()
    return Verdict(
        "the KL of a trained linear CVAE is the sum of max(0, log(l / s)) / 2 over the "
        "eigenvalues l = (1 - rho^2) L of Cov(x | c), where that is above 0.5 nats and "
        "no eigenvalue within 10 % of s",
        "0 relative error",
        DANG,
        f"{said(100 * off, 2)} %, {len(some)} runs",
        "0.5 %",
        "both that and the 10 % are of the page `linear_theory`",
        bool(np.abs(off).max() < RELATIVE),
    )


def rates_of_cvae(cvae: pd.DataFrame) -> Verdict:
    """Trained rates everywhere."""
    off = (cvae["rate"] - cvae["theory"]).to_numpy()
    return Verdict(
        "and it is so at every rho",
        "0 nats apart",
        DANG,
        f"{said(off, 4)} nats, {len(off)} runs",
        "0.01 nats",
        "what counts as none in Lucas et al. (2019), Table 1",
        bool(np.abs(off).max() < NO_KL),
    )


def collapse_of_cvae(cvae: pd.DataFrame) -> Verdict:
    """Where theory has no rate at all."""
    gone = cvae[cvae["theory"] == 0]
    rates = gone["rate"].to_numpy()
    shown = ", ".join(f"{one:g}" for one in sorted(set(gone["correlation"])))
    return Verdict(
        f"where the condition leaves no eigenvalue above s (rho = {shown}) all collapse",
        "0 nats",
        DANG,
        f"{said(rates, 4)} nats, {len(rates)} runs",
        "0.01 nats",
        "what counts as none in Lucas et al. (2019), Table 1",
        bool((rates < NO_KL).all()),
    )


def cvae_falls(cvae: pd.DataFrame) -> Verdict:
    """Seed by seed, from correlation to correlation, as long as theory falls by more."""
    table = cvae.pivot(index="correlation", columns="seed", values="rate").sort_index()
    theory = cvae.groupby("correlation")["theory"].first().sort_index()
    clear = -np.diff(theory.to_numpy()) > NO_KL
    steps = np.diff(table.to_numpy(), axis=0)[clear]
    return Verdict(
        "the more the condition tells of the data, the less the code does",
        "a fall at every step of rho, every seed",
        DANG,
        f"{int((steps < 0).sum())} of {steps.size} steps fall",
        "all",
        "steps at which theory falls by more than 0.01 nats",
        bool((steps < 0).all()),
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


def one_pixel(one_bit: pd.DataFrame) -> Verdict:
    """The ELBO at d = 1."""
    cost = one_bit[one_bit["pixels"] == 1]["cost"].to_numpy()
    return Verdict(
        "with one pixel the negative ELBO is the entropy of the data",
        "0.6931 nats",
        SHU,
        f"{said(cost, 5)} nats",
        "0.01 nats",
        "what counts as none in Lucas et al. (2019), Table 1",
        bool(np.abs(cost - np.log(2)).max() < NO_KL),
    )


def one_pixel_unused(one_bit: pd.DataFrame) -> Verdict:
    """The rate at d = 1."""
    rate = one_bit[one_bit["pixels"] == 1]["rate"].to_numpy()
    return Verdict(
        "with one pixel the decoder needs no z, and z is not used",
        "0 nats",
        SHU,
        f"{said(rate, 4)} nats",
        "0.01 nats",
        "what counts as none in Lucas et al. (2019), Table 1",
        bool((rate < NO_KL).all()),
    )


def more_pixels(one_bit: pd.DataFrame) -> Verdict:
    """The rate at d > 1, where no z is a saddle."""
    some = one_bit[one_bit["pixels"] > 1]
    rate = some["rate"].to_numpy()
    return Verdict(
        "with two pixels or more z is used: without it the objective has the determinant "
        "d (1 - d) / 4 of second derivatives by weight and mean, a saddle from d = 2 on",
        "above 0.01 nats, every seed",
        f"{SHU}; the determinant is derived",
        f"{said(rate)} nats, {len(rate)} runs",
        "none below",
        "what counts as none in Lucas et al. (2019), Table 1",
        bool((rate > NO_KL).all()),
    )


def gap_of_bit(one_bit: pd.DataFrame) -> Verdict:
    """The gap above log 2 of what was trained, and that it grows."""
    table = one_bit.pivot(index="pixels", columns="seed", values="cost").sort_index()
    gaps = table[table.index > 1].to_numpy() - np.log(2)
    grows = bool((np.diff(gaps, axis=0) > 0).all())
    shown = ", ".join(f"{one:.3f}" for one in gaps.mean(axis=1))
    return Verdict(
        "a Gaussian q leaves a gap above the entropy, the larger the more pixels",
        "above 0, growing, every seed",
        SHU,
        f"{shown} nats at d = {', '.join(map(str, table.index[1:]))}",
        "none",
        "exact sums over the noise of z",
        grows and bool((gaps > 0).all()),
    )


def bit_is_best(one_bit: pd.DataFrame) -> Verdict:
    """Trained negative ELBO against the optimum."""
    off = (one_bit["cost"] - one_bit["cost theory"]).to_numpy()
    return Verdict(
        "training ends at the optimum of a symmetric Gaussian q, though it may go elsewhere",
        "0 nats above it",
        "the optimum over mean, deviation and weight, by sums over the noise",
        f"{said(off, 4)} nats, {len(off)} runs",
        "0.01 nats",
        "what counts as none in Lucas et al. (2019), Table 1",
        bool(np.abs(off).max() < NO_KL),
    )


def widest_gap(values: pd.Series) -> tuple[float, float]:
    """The neighbours that are farthest apart, in decades, the smaller first."""
    decades = np.sort(np.log10(values.to_numpy()))
    place = int(np.argmax(np.diff(decades)))
    return float(decades[place]), float(decades[place + 1])


def two_modes(units: pd.DataFrame, beta: float) -> Verdict:
    """Whether the threshold lies in a wide gap of the variances at one beta."""
    own = units[units["beta"] == beta]["mean_variance"]
    low, high = widest_gap(own)
    active = int((own >= ACTIVE).sum())
    return Verdict(
        f"beta = {beta:g}: variances of posterior means have two widely separated modes, "
        "and 0.01 lies between them",
        "a gap of a decade or more around 0.01",
        f"{BURDA}, arXiv:1509.00519",
        f"none from {10**low:.2g} to {10**high:.2g}; {active} of {len(own)} units active",
        "a decade",
        "any threshold in it counts the same units",
        bool(high - low >= WIDE and low < np.log10(ACTIVE) <= high),
    )


def verdicts_of(tables: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """All of them."""
    units = tables["units"]
    return [
        rate_committed(tables["committed"]),
        shape_committed(tables["committed"]),
        rate_of_cvae(tables["cvae"]),
        rates_of_cvae(tables["cvae"]),
        collapse_of_cvae(tables["cvae"]),
        cvae_falls(tables["cvae"]),
        flat_where_unknown(tables["surfaces"]),
        prior_where_unknown(tables["hidden"]),
        posterior_right(tables["hidden"]),
        known_falls(tables["hidden"]),
        one_pixel(tables["one_bit"]),
        one_pixel_unused(tables["one_bit"]),
        more_pixels(tables["one_bit"]),
        gap_of_bit(tables["one_bit"]),
        bit_is_best(tables["one_bit"]),
        *(two_modes(units, beta) for beta in sorted(set(units["beta"]))),
    ]
