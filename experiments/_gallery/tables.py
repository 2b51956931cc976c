"""The tables of `README.md`, made from the committed rows: header -> lines of cells."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

import pandas as pd

from experiments._gallery import speed
from experiments._pages import RESULTS

LAST = 40_000
"""The last step of the two pages of long runs."""


def rows(name: str) -> pd.DataFrame:
    """Committed rows of a page, by the path below `results/`."""
    return pd.read_csv(RESULTS / f"{name}.csv")


def at_end(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last step."""
    return table[table["step"] == LAST]


def spread(row: pd.Series, column: str, digits: int, seeds: int = 3) -> str:
    """Mean and range, or the one value."""
    mean = fixed(row[column], digits)
    if seeds == 1:
        return f"{mean} (one seed)"
    low, high = (fixed(row[f"{column} {end}"], digits) for end in ("min", "max"))
    return f"{mean} ({low} to {high})"


def between(values: Iterable[float], digits: int) -> str:
    """From the least to the largest, or one number where both print alike."""
    values = list(values)
    ends = [fixed(end(values), digits) for end in (min, max)]
    return " to ".join(dict.fromkeys(ends))


def fixed(value: float, digits: int) -> str:
    """So many digits after the point, a half away from zero, and no sign on a zero."""
    step = Decimal(1).scaleb(-digits)
    # of the digits that the row has, not of the binary number that stands for them
    shown = Decimal(repr(float(value))).quantize(step, ROUND_HALF_UP)
    return f"{abs(shown) if shown == 0 else shown:f}"


def three(value: float) -> str:
    """Three significant digits, without an exponent."""
    rounded = float(f"{value:.3g}")
    if rounded >= 100:
        return f"{rounded:.0f}"
    return fixed(rounded, 2 - len(str(int(rounded))) + 1)


def percent(values: Iterable[float], digits: int) -> str:
    """The largest of some errors."""
    return f"at most {fixed(100 * max(map(abs, values)), digits)} %"


def annealing() -> list[list[str]]:
    """Every setting at beta = 2."""
    found = []
    for _, row in rows("annealing_schedules/table").query("beta == 2").iterrows():
        decoder = row["decoder"]
        if row["free_bits"]:
            decoder += f", free bits {row['free_bits']:g}"
        information = spread(row, "MI", 2, row["seeds"])
        units = fixed(row["active"], 1)
        found.append([decoder, row["schedule"], information, units, row["verdict"]])
    return found


def constraints() -> list[list[str]]:
    """A line a remedy, its settings in the order of the rows."""
    table = rows("constraint_theory/table").set_index("remedy")
    held = "reached to 4 digits, never below"

    def line(key: str, label: str, what: str, theory: str, digits: int) -> list[str]:
        own = table.loc[key]
        values = ", ".join(f"{value:{theory}}" for value in own["theory"])
        told = percent(own["error"], digits)
        if own["quantity"].iloc[0] == "least rate":
            close = own["error"].abs().max() < 5e-5 and own["error"].min() > -1e-6
            told = held if close else told
        if key == "free_bits":
            least = " and ".join(fixed(value, 3) for value in own["least unit"])
            unit = fixed(100 * own["unit error"].max(), 2)
            told += f", one unit {unit} %; least unit {least}"
        return [label, what, values, told]

    geco = "GECO, squared error at most 1.5, 2, 3"
    rate, least = "rate", "least rate"
    return [
        line("geco", geco, "multiplier `1 / (2 s)`", "#.4g", 2),
        line(
            "minimum_rate",
            "minimum rate 2, 5, 10 nats",
            "multiplier `1 - s / variance`",
            ".3f",
            2,
        ),
        line("capacity", "capacity 2, 5, 10 nats", rate, "g", 2),
        line(
            "free_bits",
            "free bits 0.1, 1 a unit",
            "rate, and that of every unit",
            ".4g",
            2,
        ),
        line("lipschitz", "decoder of slope 0.5, 1, 2, 4", rate, "#.4g", 1),
        line("batch_norm", "BN-VAE, scale 0.5, 1, 2, z worth nothing", least, "g", 2),
        line("delta", "delta-VAE, 0.05, 0.2, 1 a unit, z worth nothing", least, "g", 2),
    ]


def remedies() -> list[list[str]]:
    """A line a remedy."""
    return [
        [
            row["remedy"],
            fixed(row["NLL"], 2),
            fixed(row["rate"], 2),
            fixed(row["D + 2 R"], 2),
            spread(row, "MI", 2),
            fixed(row["active"], 1),
            " / ".join(f"{row[f'{s} gradients']:.2g}" for s in ("encoder", "decoder")),
            fixed(row["seconds"], 1),
            row["verdict"],
        ]
        for _, row in rows("remedies/table").iterrows()
    ]


def cyclical() -> list[list[str]]:
    """The end of every schedule."""
    ends = at_end(rows("cyclical_annealing/table")).set_index("schedule")
    labels = {
        "constant": "constant",
        "monotonic": "one ramp",
        "cyclical": "four cycles",
    }
    return [
        [
            label,
            spread(ends.loc[name], "distortion", 2),
            spread(ends.loc[name], "rate", 2),
            fixed(ends.loc[name, "total"], 3),
        ]
        for name, label in labels.items()
    ]


def lagging() -> list[list[str]]:
    """The range of the seeds at every moment; what is nothing in basic runs is blank."""
    found = []
    table = rows("lagging_inference/table").query("step > 0")
    for (way, step), own in table.groupby(["training", "step"], sort=False):
        basic, last = way == "basic", step == LAST
        digits = 3 if basic else 2
        found.append(
            [
                way,
                f"{step:,}".replace(",", " ") if step >= 10_000 else str(step),
                between(own["std_model"], 2),
                between(own["std_encoder"], digits),
                "" if basic else between(own["correlation"], 3),
                "" if basic else between(own["slope"], 2),
                between(own["rate"], 3 if basic and last else 2),
                between(own["mutual_information"], digits),
                between(own["negative_elbo"], 2) if last else "",
            ]
        )
    return found


def keeping(low: float, mean: float, high: float) -> int:
    """Seeds of three above 0.1 nat: the one between is what the other two leave."""
    return sum(value > 0.1 for value in (low, 3 * mean - low - high, high))


def word_dropout() -> list[list[str]]:
    """How many seeds keep information, by model and beta, over the words hidden."""
    table, found = rows("decoder_power_text/points"), []
    for model in ("LSTM", "Transformer"):
        for number, beta in enumerate((0.25, 0.5, 0.9)):
            own = table[(table["map"] == model) & (table["beta"] == beta)]
            names = [f"mutual_information{end}" for end in ("_min", "", "_max")]
            counts = [str(keeping(*row)) for row in own[names].to_numpy()]
            label = "beta " if (model, number) == ("LSTM", 0) else ""
            found.append([f"{model}, {label}{beta:g}", *counts])
    return found


ARMS = {
    "VAE": "VAE",
    "annealed": "annealed (sigmoid over the first half)",
    "free bits 4": "free bits, 4 nats in all",
    "word dropout 0.5": "word dropout 0.5",
    "pre-training, free bits": "pre-training, then free bits",
    "language model": "language model, no z",
}


def text() -> list[list[str]]:
    """A line a way of training; the language model has no code to measure."""
    table, found = rows("text_collapse/table").set_index("arm"), []
    for arm, label in ARMS.items():
        row, coded = table.loc[arm], arm != "language model"
        names = ("rate", "mutual_information")
        code = [spread(row, name, 2) if coded else f"{row[name]:g}" for name in names]
        units = fixed(row["active_units"], 1 if coded else 0)
        found.append([label, *code, units, spread(row, "perplexity", 1)])
    return found


def families() -> list[list[str]]:
    """Both precisions of every family."""
    return [
        [
            row["family"],
            *(three(row[f"member_steps_per_s_{t}"]) for t in ("float32", "bfloat16")),
            fixed(row["loss_ratio"], 4),
        ]
        for _, row in rows("families_cpu").iterrows()
    ]


TABLES = {  # the header of a table: its lines
    "| decoder, beta = 2 | schedule |": annealing,
    "| remedy | quantity | theory |": constraints,
    "| remedy | NLL | rate |": remedies,
    "| at 40 000, mean (range) of three seeds |": cyclical,
    "| training | step |": lagging,
    "| words hidden |": word_dropout,
    "| test split, mean (range) of three seeds |": text,
    "| family | size |": speed.peers,
    "| peer |": speed.arms_of_mlp,
    "| grows along |": speed.growth,
    "| quantity | examples |": speed.judged,
    "| family | steps a second, float32 |": families,
}
