"""Tables of the gallery about speed: the engine beside its peers."""

import pandas as pd

from experiments._pages import RESULTS

PEERS = "peers_all_cores"
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
    """Every model: the engine over a PyTorch loop and over its best form."""
    found = []
    for (family, size), own in rows(PEERS).groupby(["family", "size"], sort=False):
        loops = own[own["arm"].str.contains("torch", case=False)]
        over = loops.set_index("arm")["engine_over_arm"]
        plain = over[over.index.isin(PLAIN)]
        found.append([family, size, ratio(plain), ratio(over), str(over.idxmin())])
    return found


def arms_of_mlp() -> list[list[str]]:
    """Every peer of the large MLP."""
    own = rows(PEERS).query("size == '784-500-20' and arm != 'engine'")
    return [
        [
            row["arm"],
            f"{row['member_steps_per_s']:.0f}",
            f"{row['engine_over_arm']:.2f}",
        ]
        for _, row in own.iterrows()
    ]


def of_peak() -> list[str]:
    """Shares of the fastest product: the engine's, PyTorch's least and largest, percent."""
    own = rows(PEERS).query("size == '784-500-20'")
    share = 100 * own.set_index(["arm", "members"])["of_sgemm_peak"]
    loops = share[share.index.get_level_values("arm").str.startswith("PyTorch")]
    found = share["engine", 16], loops.min(), loops.max()
    return [f"{value:.0f}" for value in found]
