"""What `small_theory` claims of its trained models, and whether it holds."""

import numpy as np
import pandas as pd

from experiments._verdicts import Verdict, said

DANG = "Dang et al. (2024), Theorem 2"
SHU = "R. Shu, micro-projects"
BURDA = "Burda et al. (2016)"

NO_KL = 0.01
"""Nats: Lucas et al. (2019), Table 1, call a unit of less collapsed."""

RELATIVE = 0.005
"""Of a trained rate: the tolerance of the page `linear_theory`."""

WIDE = 1.0
"""Decades that part two modes which may be called widely separated."""

ACTIVE = 0.01


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
        "training ends at the optimum of a symmetric Gaussian q, though it is free",
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


def of_cvae(cvae: pd.DataFrame) -> list[Verdict]:
    """All of the linear CVAE."""
    claims = rate_of_cvae, rates_of_cvae, collapse_of_cvae, cvae_falls
    return [claim(cvae) for claim in claims]


def of_bit(one_bit: pd.DataFrame) -> list[Verdict]:
    """All of the one-bit VAE."""
    claims = one_pixel, one_pixel_unused, more_pixels, gap_of_bit, bit_is_best
    return [claim(one_bit) for claim in claims]


def of_units(units: pd.DataFrame) -> list[Verdict]:
    """One a beta."""
    return [two_modes(units, beta) for beta in sorted(set(units["beta"]))]
