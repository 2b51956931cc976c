"""Tables of the gallery about speed: the engine beside its peers, and what grows."""

import pandas as pd

from experiments._pages import RESULTS

CLOCKS = "all_cores", "one_core"
PLAIN = ("PyTorch", "PyTorch, cached")
"""The loop that one writes first, of models that train and of those that write."""


def rows(name: str) -> pd.DataFrame:
    """Committed rows of one table."""
    return pd.read_csv(RESULTS / f"{name}.csv")


def ratio(values: pd.Series) -> str:
    """The least of them, in three digits; a line where nothing was measured."""
    known = values.dropna()
    return f"{known.min():.3g}" if len(known) else "-"


def peers() -> list[list[str]]:
    """Every model: the engine over a PyTorch loop and its best form, on both clocks."""
    tables = [rows(f"peers_{clock}") for clock in CLOCKS]
    found = []
    for (family, size), _ in tables[0].groupby(["family", "size"], sort=False):
        cells, best = [family, size], []
        for table in tables:
            own = table.query("family == @family and size == @size")
            loops = own[own["arm"].str.contains("torch", case=False)]
            over = loops.set_index("arm")["engine_over_arm"].dropna()
            cells += [ratio(over[over.index.isin(PLAIN)]), ratio(over)]
            best.append(str(over.idxmin()))
        found.append([*cells, best[0]])
    return found


def arms_of_mlp() -> list[list[str]]:
    """Every peer of the large MLP, on both clocks."""
    tables = [
        rows(f"peers_{clock}").query("size == '784-500-20' and arm != 'engine'")
        for clock in CLOCKS
    ]
    own, one_core = (table.set_index("arm") for table in tables)
    return [
        [
            str(arm),
            f"{row['member_steps_per_s']:.0f}",
            f"{row['engine_over_arm']:.2f}",
            f"{one_core.loc[arm, 'engine_over_arm']:.2f}",
        ]
        for arm, row in own.iterrows()
    ]


def judged() -> list[list[str]]:
    """What it costs to judge the largest set, and how that grew to it."""
    table = rows("diagnostics_all_cores")
    return [
        [
            row["quantity"].replace("_", " "),
            f"{row['examples']:.0f}",
            f"{row['seconds']:.0f}",
            f"{row['peak_mb']:.0f}",
            f"{row['power']:.1f}",
        ]
        for _, row in table.groupby("quantity", sort=False).tail(1).iterrows()
    ]


def growth() -> list[list[str]]:
    """Every axis: the cost and the memory of each point over those of the first."""
    table = rows("growth_one_core")
    return [
        [
            str(axis),
            ", ".join(f"{value:.0f}" for value in own["value"]),
            ", ".join(f"{cost:.2f}" for cost in own["cost_over_first"]),
            ", ".join(f"{peak:.2f}" for peak in own["peak_over_first"]),
        ]
        for axis, own in table.groupby("axis", sort=False)
    ]


def of_peak() -> list[str]:
    """Shares of the fastest product: the engine's, PyTorch's least and largest, percent."""
    own = rows("peers_all_cores").query("size == '784-500-20'")
    share = 100 * own.set_index(["arm", "members"])["of_sgemm_peak"]
    loops = share[share.index.get_level_values("arm").str.startswith("PyTorch")]
    found = share["engine", 16], loops.min(), loops.max()
    return [f"{value:.0f}" for value in found]
