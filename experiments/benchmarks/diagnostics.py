"""What it costs to judge a large set: information, marginal KL, total correlation, NLL.

Claim: 60 000 examples of 64 units are judged in under 3 minutes on 2 cores, in less than
    2 GiB: information, marginal KL, total correlation, and the importance-weighted NLL of
    2000 examples from 500 samples each.
Command: `python -m experiments.benchmarks.diagnostics` (all cores, wall clock; nothing else
    may run), and the same with `--one-core` (CPU time of one core, robust under load).
    `--sizes 15000` for fewer examples.
Minutes: 5 on all cores, 10 with `--one-core`.
Numbers: `experiments/results/diagnostics_*.csv`.

Every number is measured in a process of its own, compiling included; `peak_mb` is the most
resident memory of that process and `before_mb` what imports took of it. Posteriors are
random, half of their units at the prior; the model of the NLL is the MLP 784-500-64 as it
begins. `power` is the growth: the slope of log time over log examples from the size before.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments._pages import finish_rows, page_arguments, page_parser
from experiments.benchmarks._points import measured_apart

SIZES = (7_500, 15_000, 30_000, 60_000)
NLL_SIZES = (500, 1_000, 2_000)
PAIRWISE = ("mutual_information", "marginal_kl", "total_correlation")
NLL = "importance-weighted NLL"


def measured(sizes: Sequence[int], one_core: bool) -> pd.DataFrame:
    """A row a quantity and size, printed as it comes."""
    rows: list[dict[str, Any]] = []
    wanted = [(name, size) for name in PAIRWISE for size in sizes]
    wanted += [(NLL, min(size, limit)) for size, limit in nll_sizes(sizes)]
    for quantity, examples in wanted:
        point = {"quantity": quantity, "examples": examples, "one_core": one_core}
        rows.append(measured_apart("experiments.benchmarks._diagnostics_point", point))
        print("  ".join(f"{k}={v}" for k, v in rows[-1].items()), flush=True)
    table = pd.DataFrame(rows).drop(columns="one_core")
    return table.assign(clock="cpu" if one_core else "wall", power=powers(table))


def nll_sizes(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Of the NLL, which takes fewer examples: as many points, or fewer."""
    return list(zip(sizes[-len(NLL_SIZES) :], NLL_SIZES[-len(sizes) :], strict=False))


def powers(table: pd.DataFrame) -> pd.Series:
    """The growth from the size before; none of the first."""
    logs = np.log(table[["examples", "seconds"]]).groupby(table["quantity"]).diff()
    return logs["seconds"] / logs["examples"]


def whole(table: pd.DataFrame) -> tuple[float, float]:
    """Seconds of the largest sizes together, and the most memory of any in MB."""
    largest = table.groupby("quantity", sort=False).tail(1)
    return float(largest["seconds"].sum()), float(largest["peak_mb"].max())


def main() -> None:
    """Measure, print, and write the table."""
    parser = page_parser(__doc__)
    parser.add_argument("--one-core", action="store_true", help="CPU time of one core")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    arguments = page_arguments(parser, ["sizes"])
    sizes = [300, 600] if arguments.smoke else sorted(arguments.sizes)
    table = measured(sizes, arguments.one_core)
    seconds, peak = whole(table)
    print(f"All at {sizes[-1]} examples: {seconds:.0f} s, at most {peak:.0f} MB.")
    name = f"diagnostics_{'one_core' if arguments.one_core else 'all_cores'}"
    out = arguments.out or Path("runs") / "diagnostics"
    finish_rows(name, table, out, arguments.publish)


if __name__ == "__main__":
    main()
