"""Numbers in prose about the pages of theory, of single sentences, and of words."""

import numpy as np
import pandas as pd

from experiments._claims.free_bits_lottery import FREE, on_the_wrong_side
from experiments._claims.words_of_z import CODED, LATER
from experiments._gallery.tables import fixed, rows
from experiments._parts.point_rows import loops_of, means_of

COLLAPSED = 0.01
"""Nats of rate below which a sphere's run has no code at all."""


def too_far() -> list[str]:
    """Inner loops that end farther from the diagonal than they began, and their seeds."""
    found = []
    for means in means_of(rows("lagging_point/path"), "aggressive").values():
        opened, _, left = (np.abs(one).mean(axis=1) for one in loops_of(means))
        found.append(left > opened)
    seeds = sum(one.any() for one in found)
    counts = np.concatenate(found)
    return [f"{one:d}" for one in (counts.sum(), len(counts), seeds, len(found))]


def lost_codes() -> list[str]:
    """Aggressive runs that end without a code, all, and how the first two lose it.

    The largest distortion in the last 500 steps of the aggressive phase and what it was
    before; the information of the check that ended it and of the one before.
    """
    seeds = [own for _, own in rows("lagging_inference/phase").groupby("seed")]
    lost = [own for own in seeds if own["rate"].iloc[-1] < COLLAPSED]
    jumps, checks = [], []
    for own in lost[:2]:
        own = own.set_index("step")
        end = own.index[own["aggressive"] == 1].max()
        late = own.loc[end - 500 : end, "distortion"]
        jumps.append((late.max(), late.iloc[0]))
        found = own["mutual_information"]
        # the first window after a check is the first that has its number alone
        checks.append((found[end + 100], found[end - 100]))
    jumps, checks = ([*zip(*one, strict=True)] for one in (jumps, checks))
    numbers = [fixed(v, 1) for pair in jumps for v in pair]
    numbers += [fixed(v, 2) for pair in checks for v in pair]
    return [f"{len(lost)}", f"{len(seeds)}", *numbers]


def first_words() -> list[str]:
    """Nats that z saves in the first, the third and the tenth word, both coded arms."""
    table = rows("words_of_z/positions").query("kind == 'word'")
    saved = (table["language_model"] - table["nll"]).groupby(
        [table["position"], table["arm"]]
    )
    mean = saved.mean()
    return [fixed(mean[place, arm], 2) for place in (1, 3, 10) for arm in CODED]


def shares_saved() -> list[str]:
    """What z saves of the language model's NLL, percent: ends, then later words."""
    table = rows("words_of_z/positions")
    later = (table["kind"] == "word") & (table["position"] >= LATER)
    found = []
    for asked in (table["kind"] == "end", later):
        own = table[asked]
        nats = own[["nll", "language_model"]].mul(own["count"], axis=0)
        sums = nats.groupby(own["arm"]).sum()
        shares = 100 * (1 - sums["nll"] / sums["language_model"])
        found += [fixed(shares[arm], 1) for arm in CODED]
    return found


def waiting_kl() -> list[str]:
    """The KL of the seeds that do not use z yet, from the least to the largest."""
    early = lottery_early()
    kl = early[~early["informative"]]["rate"]
    return [fixed(kl.min(), 2), fixed(kl.max(), 2)]


def on_the_way() -> list[str]:
    """Seeds on the wrong side of the distortion, and what they know of the data."""
    early = lottery_early()
    wrong = on_the_wrong_side(early)
    known = early[wrong]["information"]
    return [f"{wrong.sum()}", fixed(known.min(), 2), fixed(known.max(), 2)]


def lottery_early() -> pd.DataFrame:
    """All seeds at the threshold of the page, at the first moment that is judged."""
    ends = rows("free_bits_lottery/ends").query(f"threshold == {FREE}")
    return ends[ends["step"] == ends["step"].min()]


def at_rest() -> list[str]:
    """The gradient of the toy's seed that ends highest, and the largest of the others."""
    found = rows("rate_distortion/bins").query("arm == 'ELBO'").set_index("total")
    own = found["gradient"].sort_index()
    return [fixed(own.iloc[-1], 3), fixed(own.iloc[:-1].max(), 3)]


def residuals() -> list[str]:
    """How far the residual is off where an unused eigenvalue leads, and where a unit does.

    Of the stages with as many active units as by theory, and one at least.
    """
    spectrum = rows("collapse_cascade/spectrum")["eigenvalue"].to_numpy()
    stages = rows("collapse_cascade/stages").query("unit == 0 and active > 0")
    stages = stages[stages["active"] == stages["active_theory"]]
    active = stages["active"].to_numpy()
    unit_leads = stages["variance"] ** 2 / spectrum[active - 1] > spectrum[active]
    off = (stages["residual"] - stages["residual_theory"]).abs()
    return [fixed(off[own].max(), 3) for own in (~unit_leads, unit_leads)]


def spheres() -> list[str]:
    """Runs from the larger start that have collapsed, all of them, and those that count.

    The last number is of runs from the smaller start, all of which are to count.
    """
    table = rows("dimension_count/table")
    large, small = (table[table["source"] == n] for n in ("sphere", "sphere_narrow"))
    gone = large["rate"] < COLLAPSED
    kept = large[~gone]
    enough = kept["counted"] >= kept["true_dim"]
    right = (small["counted"] >= small["true_dim"]).sum()
    counts = (gone.sum(), len(large), enough.sum(), len(kept), right, len(small))
    return [f"{one}" for one in counts]
