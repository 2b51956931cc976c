"""What `constraint_theory` claims: what each remedy holds is where theory has it."""

from pathlib import Path

import pandas as pd

from experiments._verdicts import Verdict

SET_BEFORE = "set with the first version of the page, before these rows"
EXACT = {  # remedy of the rows: (what is claimed, whose remedy it is)
    "geco": (
        "GECO ends at the multiplier 1 / (2 s) of the level s that its error asks for",
        "Rezende & Viola (2018)",
    ),
    "minimum_rate": (
        "The minimum rate ends at the multiplier 1 - s / variance",
        "Pelsmaeker & Aziz (2020)",
    ),
    "capacity": ("A capacity holds the rate", "Burgess et al. (2018)"),
    "free_bits": (
        "Free bits end at the sum of max(threshold, log(eigenvalue / variance) / 2)",
        "Kingma et al. (2016)",
    ),
    "lipschitz": (
        "A decoder of fixed slope has the rate of its slope and the eigenvalues",
        "Kinoshita et al. (2023)",
    ),
}
COMMITTED = {
    "batch_norm": ("BN-VAE", "Zhu et al. (2020): units x scale^2 / 2"),
    "delta": ("delta-VAE", "Razavi et al. (2019)"),
}


def of_page(page: Path) -> list[Verdict]:
    """Of the saved table."""
    return judged(pd.read_csv(page / "table.csv"))


def judged(table: pd.DataFrame) -> list[Verdict]:
    """Every remedy, then the units of free bits."""
    found = [
        exact(words, source, table[table["remedy"] == name])
        for name, (words, source) in EXACT.items()
    ]
    for name, (label, source) in COMMITTED.items():
        found += committed(label, source, table[table["remedy"] == name])
    return [*found, *units(table[table["remedy"] == "free_bits"])]


def listed(values: pd.Series) -> str:
    """Numbers of four digits."""
    return ", ".join(f"{value:.4g}" for value in values)


def exact(words: str, source: str, own: pd.DataFrame) -> Verdict:
    """A quantity that theory knows to rounding."""
    error = 100 * own["error"].abs().max()
    unit = "" if own["quantity"].iloc[0] == "multiplier" else " nats"
    return Verdict(
        words,
        f"{listed(own['theory'])}{unit}",
        f"{source}; eigenvalues of the data",
        f"{listed(own['measured'])}{unit}; off by {error:.2f} % at most",
        "1 %",
        SET_BEFORE,
        bool(error <= 1),
    )


def committed(label: str, source: str, own: pd.DataFrame) -> list[Verdict]:
    """A bound that is kept, and reached where z is worth nothing."""
    least, most = 100 * own["error"].min(), 100 * own["error"].max()
    return [
        Verdict(
            f"{label} is never below its committed rate",
            f"at least {listed(own['theory'])} nats",
            source,
            f"{listed(own['measured'])} nats; off by {least:+.5f} % at the least",
            "0.001 %",
            "rounding of a sum of float32",
            bool(least >= -1e-3),
        ),
        Verdict(
            f"{label} reaches it where z is worth nothing",
            f"{listed(own['theory'])} nats",
            source,
            f"off by {most:+.5f} % at the most",
            "5 %",
            SET_BEFORE,
            bool(max(abs(least), abs(most)) <= 5),
        ),
    ]


def units(own: pd.DataFrame) -> list[Verdict]:
    """Free bits hold unit by unit."""
    error = 100 * own["unit error"].max()
    short = (own["setting"] - own["least unit"]).max()
    return [
        Verdict(
            "Free bits: so does every unit by itself",
            "max(threshold, log(eigenvalue / variance) / 2) a unit, nats",
            "Kingma et al. (2016); eigenvalues of the data",
            f"one unit off by {error:.2f} % at most",
            "1 %",
            SET_BEFORE,
            bool(error <= 1),
        ),
        Verdict(
            "Free bits: no unit is below its threshold",
            f"at least {listed(own['setting'])} nats",
            "Kingma et al. (2016)",
            f"least unit {listed(own['least unit'])} nats",
            "0.01 nats",
            "batches of the mean that the threshold is set on; set before these rows",
            bool(short <= 0.01),
        ),
    ]
