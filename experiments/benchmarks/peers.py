"""The sweep engine beside its peers: paired, interleaved, in one process.

Claim: in every model family a sweep makes more member-steps a second than PyTorch in its
    best form, flax and numpyro, and the decoders write more tokens a second.
Command: `pip install -e '.[cpu,benchmark]'`, then `python -m experiments.benchmarks.peers`
    (all cores, wall clock; nothing else may run) and the same with `--one-core` (CPU time
    of one core, robust under load). `--families` and `--arms` take less. With `--growth`
    it measures instead what a member-step costs as members, batch, latent units and tokens
    grow, each point in a process of its own.
Minutes: 35 on two quiet cores, 55 with `--one-core`, 9 with `--growth` beside.
Numbers: `experiments/results/peers_*.csv` and `growth_*.csv`; medians of windows.

Every arm trains the same model with Adam in float32, and no arm clips gradients. A ratio
is that of the rates in paired windows, its median and quartiles, of the engine with 16
members, or with as many as it has below that. Arms of more members are in every third
round. A run that is interrupted goes on, by the same command, with the next model.

Compiling is timed by the wall clock, with no cache. `peak_mb` is the most resident memory
of the process while an arm is made, compiled and first run, above what was held before it.
The share of the machine's peak counts the matrix products of the engine's step, over the
fastest matrix product measured here with any of the libraries.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from experiments._pages import finish_rows, page_arguments, page_parser
from experiments.benchmarks import _growth
from experiments.benchmarks._cases import CASES, FAMILIES, Case
from experiments.benchmarks._engine_arm import engine_arms, flop_per_step
from experiments.benchmarks._jax_arms import jax_arms
from experiments.benchmarks._machine import Clock, prepare_clock, sgemm_peak
from experiments.benchmarks._sentences import (
    BATCH,
    LENGTH,
    WRITINGS,
    Writing,
    writing_arms,
)
from experiments.benchmarks._timing import Arm, measure, rows_of
from experiments.benchmarks._torch_arms import forget_compiled, torch_arms
from vae_jax import sweeps
from vae_jax.results import short_hash

SENTENCES = FAMILIES[-1]
STEPS, TOKENS = "member_steps_per_s", "tokens_per_s"
COLUMNS = [
    *("family", "size", "arm", "members", "clock", STEPS, TOKENS),
    *("engine_over_arm", "quartile_1", "quartile_3", "windows"),
    *("compile_s", "peak_mb", "of_sgemm_peak", "note"),
]
SHOWN = [*COLUMNS[:4], STEPS, TOKENS, "engine_over_arm", "quartile_1", "quartile_3"]
BEST = "best of PyTorch"


class Asked(NamedTuple):
    """Models that are trained, and models that write."""

    cases: Sequence[Case]
    writings: Sequence[Writing]

    def without(self, known: set[tuple[str, str]]) -> "Asked":
        """Those whose family and size are not known yet."""
        return Asked(
            [one for one in self.cases if (one.family, one.size) not in known],
            [one for one in self.writings if (SENTENCES, one.name) not in known],
        )


def of_families(families: Sequence[str]) -> Asked:
    """Every model of these families."""
    cases = [case for case in CASES if case.family in families]
    return Asked(cases, WRITINGS if SENTENCES in families else [])


def few() -> Asked:
    """The smallest model, with few members and steps: whether the page runs at all."""
    return Asked([CASES[0]._replace(members=(1, 4), least=2)], [])


def chosen(arms: Sequence[Arm], names: Sequence[str]) -> list[Arm]:
    """Those that are asked for, all where none are; the engine always."""
    wanted = {"engine", *names}
    return [arm for arm in arms if not names or arm.name in wanted]


def trained(
    cases: Sequence[Case], names: Sequence[str], clock: Clock, seconds: float
) -> Iterator[list[dict[str, Any]]]:
    """The rows of every model that is trained."""
    peak = sgemm_peak(clock) if cases else float("nan")
    print(f"{sweeps.num_cores()} core(s), sgemm peak {peak / 1e9:.0f} GFLOP/s")
    for case in cases:
        print(case.name)
        arms = chosen([*engine_arms(case), *jax_arms(case), *torch_arms(case)], names)
        forget_compiled()
        timed = measure(arms, clock, seconds)
        told = {"family": case.family, "size": case.size}
        rows, flop = rows_of(told, arms, timed, STEPS), flop_per_step(case)
        for row in rows:
            row["of_sgemm_peak"] = row.get(STEPS, float("nan")) * flop / peak
        yield rows


def written(
    writings: Sequence[Writing], names: Sequence[str], clock: Clock, seconds: float
) -> Iterator[list[dict[str, Any]]]:
    """The rows of every decoder that writes."""
    for writing in writings:
        print(f"sentences {writing.name}")
        arms = chosen(writing_arms(writing), names)
        forget_compiled()
        timed = measure(arms, clock, seconds)
        told = {"family": SENTENCES, "size": writing.name}
        yield rows_of(told, arms, timed, TOKENS, BATCH * LENGTH)


def measured(
    asked: Asked, names: Sequence[str], one_core: bool, seconds: float, so_far: Path
) -> pd.DataFrame:
    """All rows, printed and kept as they come; models that the file has are not run again.

    Args:
        asked: models.
        names: of arms; all where there are none.
        one_core: CPU time of one core in the place of the wall's clock.
        seconds: of a window.
        so_far: where rows are kept until all are there.
    """
    clock, found = prepare_clock(one_core), kept_rows(so_far)
    left = asked.without({(row["family"], row["size"]) for row in found})
    if found:
        print(f"Rows of models that were measured before are in {so_far}.")
    for rows in chain(
        trained(left.cases, names, clock, seconds),
        written(left.writings, names, clock, seconds),
    ):
        found += rows
        print(shown(pd.DataFrame(rows)), flush=True)
        so_far.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(found).to_csv(so_far, index=False)
    table = pd.DataFrame(found).assign(clock="cpu" if one_core else "wall")
    so_far.unlink(missing_ok=True)
    return table.reindex(columns=COLUMNS)


def kept_rows(so_far: Path) -> list[dict[str, Any]]:
    """Of a run that was interrupted; none where there was none."""
    if not so_far.exists():
        return []
    return [
        {str(name): value for name, value in row.items()}
        for row in pd.read_csv(so_far, keep_default_na=True).to_dict("records")
    ]


def shown(table: pd.DataFrame) -> str:
    """What a reader wants to see at once."""
    kept = table.reindex(columns=SHOWN).dropna(axis=1, how="all")
    return str(kept.to_string(index=False, float_format="{:.3g}".format))


def over_best(table: pd.DataFrame) -> pd.DataFrame:
    """The engine over the fastest form of PyTorch, a model a row."""
    loops = table[table["arm"].str.startswith("PyTorch")]
    by_model = loops.groupby(["family", "size"], sort=False)["engine_over_arm"]
    return by_model.min().rename(BEST).reset_index()


def compared(arguments: argparse.Namespace) -> pd.DataFrame:
    """The engine beside its peers."""
    asked, names, seconds = (
        of_families(arguments.families),
        arguments.arms,
        arguments.seconds,
    )
    if arguments.smoke:
        asked, names, seconds = few(), ["PyTorch"], 0.02
    models = [case.name for case in asked.cases]
    models += [one.name for one in asked.writings]
    told = {"models": models, "arms": [*names], "seconds": seconds}
    file = f"so_far_{clock_name(arguments)}_{short_hash(told)}.csv"
    so_far = folder_of(arguments) / file
    table = measured(asked, names, arguments.one_core, seconds, so_far)
    print(over_best(table).to_string(index=False, float_format="{:.3g}".format))
    return table


def grown(arguments: argparse.Namespace) -> pd.DataFrame:
    """What a member-step costs along every axis, printed as it comes."""
    tables = []
    for table in _growth.measured(arguments.one_core, arguments.smoke):
        print(table.to_string(index=False, float_format="{:.3g}".format), flush=True)
        tables.append(table)
    clock = "cpu" if arguments.one_core else "wall"
    return pd.concat(tables).assign(clock=clock)


def page_name(arguments: argparse.Namespace) -> str:
    """Of the two that are made here."""
    return "growth" if arguments.growth else "peers"


def clock_name(arguments: argparse.Namespace) -> str:
    """As it stands in the names of files."""
    return "one_core" if arguments.one_core else "all_cores"


def folder_of(arguments: argparse.Namespace) -> Path:
    """Where results go."""
    out: Path = arguments.out or Path("runs") / page_name(arguments)
    return out


def main() -> None:
    """Measure, print the table, and write it."""
    parser = page_parser(__doc__)
    parser.add_argument("--one-core", action="store_true", help="CPU time of one core")
    parser.add_argument("--seconds", type=float, default=0.3, help="a window")
    parser.add_argument("--families", nargs="+", default=FAMILIES, choices=FAMILIES)
    parser.add_argument(
        "--arms", nargs="+", default=[], help="by name; the engine always"
    )
    parser.add_argument("--growth", action="store_true", help="the cost along axes")
    arguments = page_arguments(parser, ["families", "arms"])
    table = grown(arguments) if arguments.growth else compared(arguments)
    name = f"{page_name(arguments)}_{clock_name(arguments)}"
    finish_rows(name, table, folder_of(arguments), arguments.publish)


if __name__ == "__main__":
    main()
