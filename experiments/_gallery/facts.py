"""Numbers in prose, made from the committed rows: a sentence's words, and its numbers.

In the words every `{}` is one number. They are found wherever lines are broken.
"""

from collections.abc import Callable, Sequence

import pandas as pd

from experiments._claims.remedies import HELD
from experiments._gallery.tables import at_end, between, fixed, rows
from experiments._table import correlations as lines

Fact = tuple[str, Callable[[], Sequence[str]]]
AR = "autoregressive, full"


def plain_arms() -> pd.DataFrame:
    """The means over seeds of the decoder that sees all, by schedule at beta = 2."""
    table = rows("annealing_schedules/table").query("beta == 2 and free_bits == 0")
    return table[table["decoder"] == AR].set_index("schedule")


def while_small() -> list[str]:
    """Of the annealed schedules: the largest rates, and the peaks of the cyclical one."""
    runs = rows("annealing_schedules/runs")
    runs = runs[
        (runs["decoder"] == AR) & (runs["beta"] == 2) & (runs["free_bits"] == 0)
    ]
    history = rows("annealing_schedules/history").merge(runs, on="member")
    rates = history.groupby(["schedule", "step"])["rate"].mean()
    largest = rates.drop("constant").groupby("schedule").max()
    cycles = rates["cyclical"]
    peaks = cycles.groupby((cycles.index - 1) // 500).max()
    ends = (min(largest), max(largest))
    return [fixed(value, 0) for value in (*ends, *peaks)]


def at_beta_one() -> list[str]:
    """Information of both decoders with seed 0."""
    runs = rows("annealing_schedules/runs").query("beta == 1")
    found = runs.set_index("decoder")["mutual_information"]
    return [fixed(found[name], 2) for name in ("MLP", AR)]


def grid(beta: float, free_bits: bool) -> pd.DataFrame:
    """Of the complete grid; means over seeds."""
    table = rows("annealing_schedules_full/table")
    return table[(table["beta"] == beta) & ((table["free_bits"] > 0) == free_bits)]


def grid_at_four() -> list[str]:
    """Information at beta = 4 without free bits, of all decoders but the last word."""
    table = grid(4.0, False)
    mlp = table[table["decoder"] == "MLP"]["MI"]
    rest = table[table["decoder"] != "MLP"]
    partial = rest["verdict"].str.contains("partially")
    ends = [fixed(end(mlp), 2) for end in (min, max)]
    return [
        *ends,
        fixed(rest[partial]["MI"].max(), 2),
        fixed(rest[~partial]["MI"].max(), 2),
    ]


def ends_of(values: pd.Series, digits: int) -> list[str]:
    """The least and the largest."""
    return [fixed(values.min(), digits), fixed(values.max(), digits)]


def window_eight() -> list[str]:
    """At beta = 2: with a constant beta, and the range of the other schedules."""
    table = grid(2.0, False)
    own = table[table["decoder"] == "autoregressive, window 8"].set_index("schedule")[
        "MI"
    ]
    return [fixed(own["constant"], 2), *ends_of(own.drop("constant"), 2)]


def linear() -> list[str]:
    """Points, and the largest errors of those that are compared."""
    table = rows("linear_theory/table")
    kept = table[~table["left_out"]]
    large = kept[kept["rate_theory"] > 0.5]
    rate = 100 * (large["rate"] / large["rate_theory"] - 1).abs().max()
    distortion = (kept["distortion"] - kept["distortion_theory"]).abs().max()
    left = len(table) - len(kept)
    return [str(len(kept)), str(left), fixed(rate, 2), fixed(distortion, 2)]


def remedy(column: str, digits: int, *names: str) -> list[str]:
    """One number of some remedies."""
    table = rows("remedies/table").set_index("remedy")[column]
    return [fixed(table[name], digits) for name in names]


def aggressive() -> list[str]:
    """Evaluations an update, inner steps in all, and the steps that can have had them."""
    evaluations = float(remedy("encoder gradients", 2, "aggressive")[0])
    inner = (evaluations - 1) * 2000
    return [fixed(evaluations, 2), fixed(inner, 0), str(int(inner // 30))]


def cyclical_ends() -> list[str]:
    """The sums at the end, and how far the KL is above that of one ramp at least."""
    own = at_end(rows("cyclical_annealing/history"))
    rates = own.pivot(index="seed", columns="schedule", values="rate")
    gap = (rates["cyclical"] - rates["monotonic"]).min()
    return [*ends_of(own["total"], 3), fixed(gap, 1)]


def elbo_gap() -> list[str]:
    """Between both ways of training with the same seed, at most."""
    own = at_end(rows("lagging_inference/table"))
    elbos = own.pivot(index="seed", columns="training", values="negative_elbo")
    return [fixed((elbos["basic"] - elbos["aggressive"]).abs().max(), 2)]


def digits_map() -> pd.DataFrame:
    """The phase diagram of the digits."""
    return rows("decoder_power/points")


def at_three() -> list[str]:
    """Collapsed share at beta = 3 over the window."""
    shares = digits_map().query("beta == 3")["collapsed"]
    return ["1" if share == 1 else fixed(share, 2) for share in shares]


def forecasts() -> list[str]:
    """The threshold of every row."""
    return [fixed(v, 1) for v in digits_map().drop_duplicates("power")["threshold"]]


def spearman(column: str, name: str) -> list[str]:
    """Mean correlation of a share, along beta and along the power of the decoder."""
    table = pd.concat([rows("decoder_power/points"), rows("decoder_power_text/points")])
    table = table[table["map"] == name]
    axes = (("beta", "power"), ("power", "beta"))
    found = [lines(table.assign(collapsed=table[column]), *axis) for axis in axes]
    return [fixed(sum(own) / len(own), 2) for own in found]


def spearman_of_text() -> list[str]:
    """Along the power with both models, then along beta."""
    both = [spearman("collapsed", name) for name in ("LSTM", "Transformer")]
    return [own[axis] for axis in (1, 0) for own in both]


def unlimited(beta: float, digits: int) -> list[str]:
    """Information of the decoder that sees all pixels."""
    found = digits_map().set_index(["power", "beta"])["mutual_information"]
    return [fixed(found[float("inf"), beta], digits)]


def information(name: str, column: str = "mutual_information") -> pd.Series:
    """Of a text model, by (power, beta)."""
    table = rows("decoder_power_text/points")
    return table[table["map"] == name].set_index(["power", "beta"])[column]


def at_point_nine() -> list[str]:
    """The most that runs of either model keep at beta = 0.9."""
    most = [
        information(name, "mutual_information_max").xs(0.9, level="beta").max()
        for name in ("LSTM", "Transformer")
    ]
    return [fixed(most[0], 2), fixed(most[1], 3)]


def arrivals() -> list[str]:
    """Rank correlation of the step at which a code arrives with the share that is seen.

    LSTM and Transformer, both at beta = 0.25 and at 0.5; then runs of these betas that have
    none in the end, and all of them.
    """
    table = rows("decoder_power_text/arrivals").query("beta <= 0.5")
    lines = [
        own[["power", "arrival"]].corr(method="spearman").iloc[0, 1]
        for _, own in table.groupby(["map", "beta"])
    ]
    never = table["arrival"].isna().sum()
    return [*(fixed(one, 2) for one in lines), f"{never}", f"{len(table)}"]


def above_one() -> list[str]:
    """The most that any run keeps at a beta above 1."""
    table = rows("decoder_power_text/points").query("beta > 1")
    return [fixed(table["mutual_information_max"].max(), 2)]


def transformer_half() -> list[str]:
    """Its information at beta = 0.5 with a tenth and with three quarters hidden."""
    found = information("Transformer")
    return [fixed(found[power, 0.5], 2) for power in (-0.1, -0.75)]


def annealed() -> list[str]:
    """Its KL in the first window and the least of the seeds; KL beside the weight later."""
    own = rows("text_collapse/history").query("arm == 'annealed'")
    mean = own.groupby("step")[["rate", "beta"]].mean()
    first = own[own["step"] == 50]["rate"]
    later = [
        fixed(mean.loc[step, name], digits)
        for step, digits in ((200, 1), (350, 1), (500, 1))
        for name, digits in (("rate", digits), ("beta", 2))
    ]
    return [fixed(first.mean(), 0), fixed(first.min(), 0), *later]


def paid() -> list[str]:
    """Perplexity above the plain VAE's: free bits, and after pre-training."""
    found = rows("text_collapse/table").set_index("arm")["perplexity"]
    arms = ("free bits 4", "pre-training, free bits")
    return [fixed(found[arm] - found["VAE"], 0) for arm in arms]


def slower() -> list[str]:
    """Steps a second in bfloat16 over those in float32."""
    table = rows("families_cpu")
    names = ("member_steps_per_s_bfloat16", "member_steps_per_s_float32")
    return ends_of(table[names[0]] / table[names[1]], 2)


def perplexities() -> list[str]:
    """With word dropout, and of the plain VAE."""
    found = rows("text_collapse/table").set_index("arm")["perplexity"]
    return [fixed(found[arm], 0) for arm in ("word dropout 0.5", "VAE")]


def objectives() -> list[str]:
    """D + 2 R without a remedy, and of those of the same decoder that keep its code."""
    table = rows("remedies/table").set_index("remedy")
    other = table.index.str.startswith(("MLP", "window"))
    kept = table[(table["verdict"] == "3 healthy") & ~other]["D + 2 R"]
    return [fixed(v, 1) for v in (table.loc["none", "D + 2 R"], kept.min(), kept.max())]


def splits(column: str, digits: int, *names: str) -> list[str]:
    """Means over seeds of what remedies have on both splits."""
    found = rows("remedies/splits").groupby("remedy")[column].mean()
    return [fixed(found[name], digits) for name in names]


def held() -> list[str]:
    """The range of what the remedies that hold 1.6 nats get for it."""
    table = rows("remedies/table").set_index("remedy")["MI"]
    return between(table[list(HELD)], 2).split(" to ")
