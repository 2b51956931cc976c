"""What `lagging_inference` claims: who lags, who gives up, who follows."""

from pathlib import Path

import pandas as pd

from experiments._verdicts import Verdict, said

PAPER = "He et al. (2019)"
TRIAL = "set beforehand from an independent trial of one seed"
EARLY = (200, 2000)


def of_page(page: Path) -> list[Verdict]:
    """Of the saved table."""
    return judged(pd.read_csv(page / "table.csv"))


def judged(table: pd.DataFrame) -> list[Verdict]:
    """Both ways of training; every seed counts."""
    basic, aggressive = (
        table[table["training"] == way] for way in ("basic", "aggressive")
    )
    return [
        begins(table),
        *lags(basic),
        *gives_up(basic),
        *follows(aggressive),
        same_elbo(table),
    ]


def at(own: pd.DataFrame, step: int) -> pd.DataFrame:
    """The seeds at one moment."""
    return own[own["step"] == step]


def begins(table: pd.DataFrame) -> Verdict:
    """Both means start in the origin."""
    spread = at(table, 0)[["std_model", "std_encoder"]]
    return Verdict(
        "(a) Before training neither mean moves with x",
        "spread near 0",
        f"{PAPER}, Figure 2",
        f"{spread.max(axis=None):.4f} at most",
        "0.05",
        TRIAL,
        bool(spread.max(axis=None) < 0.05),
    )


def lags(basic: pd.DataFrame) -> list[Verdict]:
    """At first it is the encoder that does not move."""
    early = at(basic, EARLY[0])
    model, encoder = early["std_model"], early["std_encoder"]
    return [
        Verdict(
            "(b) Basic, step 200: the true posterior's mean moves with x",
            "spread above 0.2",
            f"{PAPER}, Figure 2",
            f"spread {said(model, 2)}",
            "0.2",
            TRIAL,
            bool(model.min() > 0.2),
        ),
        Verdict(
            "(b) Basic, step 200: the encoder's does not, it lags",
            "spread near 0",
            f"{PAPER}, Figure 2",
            f"spread {said(encoder, 4)}",
            "0.02",
            TRIAL,
            bool(encoder.max() < 0.02),
        ),
    ]


def gives_up(basic: pd.DataFrame) -> list[Verdict]:
    """In the end the model does not use z either."""
    early = at(basic, EARLY[0]).set_index("seed")["std_model"]
    end = at(basic, basic["step"].max()).set_index("seed")
    share = end["std_model"] / early
    return [
        Verdict(
            "(c) Basic, end: the true posterior's mean moves less than at step 200",
            "less than half as much",
            f"{PAPER}, Figure 2",
            f"{said(share, 2)} of it",
            "0.5",
            TRIAL,
            bool(share.max() < 0.5),
        ),
        Verdict(
            "(c) Basic, end: no KL is left",
            "0 nats",
            f"{PAPER}, Table 1",
            f"{said(end['rate'], 5)} nats",
            "0.01 nats",
            TRIAL,
            bool(end["rate"].max() < 0.01),
        ),
    ]


def follows(aggressive: pd.DataFrame) -> list[Verdict]:
    """An encoder that is trained first stays on the diagonal."""
    early = aggressive[aggressive["step"].isin(EARLY)]
    end = at(aggressive, aggressive["step"].max())
    when = "(d) Aggressive, steps 200 and 2000:"
    within = early["slope"].between(0.75, 1.3)
    return [
        above(f"{when} both means agree, correlation", early["correlation"], 0.9, ""),
        Verdict(
            f"{when} the slope of one over the other",
            "1",
            f"{PAPER}, Figure 2",
            said(early["slope"], 2),
            "0.75 to 1.3",
            TRIAL,
            bool(within.all()),
        ),
        above(f"{when} KL", early["rate"], 0.8, " nats"),
        above(f"{when} information", early["mutual_information"], 0.8, " nats"),
        Verdict(
            f"{when} the unit is active",
            "1 unit",
            PAPER,
            f"{said(early['active_units'], 0)} units",
            "none",
            "a count",
            bool((early["active_units"] == 1).all()),
        ),
        above(
            "(d) Aggressive, end: they still agree, correlation",
            end["correlation"],
            0.9,
            "",
        ),
    ]


def above(claim: str, values: pd.Series, least: float, unit: str) -> Verdict:
    """Every value is above what the trial allows."""
    return Verdict(
        claim,
        f"above {least}{unit}",
        f"{PAPER}, Figure 2",
        f"{said(values, 2)}{unit}",
        f"{least}{unit}",
        TRIAL,
        bool(values.min() > least),
    )


def same_elbo(table: pd.DataFrame) -> Verdict:
    """Neither way is the better model of the data."""
    end = at(table, table["step"].max())
    elbos = end.pivot(index="seed", columns="training", values="negative_elbo")
    gap = (elbos["basic"] - elbos["aggressive"]).abs()
    return Verdict(
        "(e) Both ways of training end at the same ELBO",
        "equal",
        "an independent trial; the paper has no ELBO of this experiment",
        f"apart by {said(gap, 2)} nats",
        "0.3 nats",
        TRIAL,
        bool(gap.max() < 0.3),
    )
