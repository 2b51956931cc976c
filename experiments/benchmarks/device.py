"""What this device makes of many members at once: for a GPU, in one command.

Claim: 256 MLP VAEs at once train at least 8 times as many member-steps a second as one
    after another and 40 times as many as a plain PyTorch loop on the same device, at 60 %
    of the memory traffic that it can do; the time of a member stays flat.
Command: `pip install -e '.[cuda12,benchmark]'`, then
    `python -m experiments.benchmarks.device`; `--families`, `--members` and `--minutes`
    take less of it. Runs on CPU, too, where `--smoke` tries it.
Minutes: at most `--minutes`, 9 by default: what no longer fits is named and left out.
Numbers: `experiments/results/device_DEVICE.csv`.

First come the 784-500-20 VAEs with batch 128, then every family of
`experiments.benchmarks.families` in float32 and bfloat16. The time for all of it is
estimated from the first row of each kind, before the rest is run. The memory traffic is
Adam's alone: of every parameter itself and two moments read and written and a gradient
read, 28 bytes a step in float32, over the measured bandwidth of a copy.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pandas as pd

from experiments._pages import finish_rows, page_arguments, page_parser
from experiments.benchmarks import _torch_arms, families
from experiments.benchmarks._cases import CASES, Case, mlp
from experiments.benchmarks._engine_arm import train
from experiments.benchmarks._machine import has
from vae_jax import assembly, sweeps

MEMBERS = (1, 16, 64, 256)
ADAM_BYTES = 28
COPY_BYTES, TRIALS = 2**28, 10
STEPS = 200
PRECISIONS = ("float32", "bfloat16")


def copy_bandwidth(num_bytes: int = COPY_BYTES) -> float:
    """Bytes a second that this device reads and writes, the fastest of some copies."""
    x = jnp.zeros(num_bytes // 4, jnp.float32)
    copy, best = jax.jit(lambda x: x + 1), 0.0
    jax.block_until_ready(copy(x))
    for _ in range(TRIALS):
        since = time.perf_counter()
        jax.block_until_ready(copy(x))
        best = max(best, 2 * num_bytes / (time.perf_counter() - since))
    return best


def num_params(case: Case) -> int:
    """Of one member."""
    config, facts = case.run(), assembly.facts_of(case.dataset())
    params = jax.eval_shape(assembly.model(config, facts).init, jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def rate_of(run: Any, members: int) -> float:
    """Member-steps a second, compiling left out."""
    run(STEPS)
    since = time.perf_counter()
    run(STEPS)
    return members * STEPS / (time.perf_counter() - since)


def of_mlp(case: Case, members: int, bandwidth: float) -> dict[str, Any]:
    """The engine's row of so many large MLPs at once."""
    rate = rate_of(train(case, members), members)
    traffic = ADAM_BYTES * num_params(case) * rate / bandwidth
    row = {"family": case.name, "compute": "float32", "members": members}
    return row | {"member_steps_per_s": rate, "of_copy_bandwidth": traffic}


def of_torch(case: Case) -> dict[str, Any]:
    """The row of a plain loop of PyTorch on the same device, or why there is none."""
    row = {"family": case.name, "compute": "float32", "arm": "PyTorch", "members": 1}
    device = "cpu" if jax.default_backend() == "cpu" else "cuda"
    if not has("torch"):
        return row | {"note": _torch_arms.NO_TORCH}
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        return row | {"note": "this PyTorch does not see the device"}
    from experiments.benchmarks._torch_train import train as torch_train

    data, batch = _torch_arms.examples(case), case.settings["batch_size"]
    loop = torch_train(_torch_arms.maker(case), data, batch, device=device)
    return row | {"member_steps_per_s": rate_of(loop, 1)}


def of_family(name: str, compute: str, members: int) -> dict[str, Any]:
    """The row of a family."""
    config = families.config_of(families.FAMILIES[name], compute)
    loss, rate = families.timed(config, members)
    row = {"family": name, "compute": compute, "members": members}
    return row | {"member_steps_per_s": rate, "loss": loss}


def planned(
    case: Case, names: Sequence[str], members: Sequence[int], bandwidth: float
) -> list[Any]:
    """What there is to measure, the claims first: functions that give a row."""
    rows: list[Any] = [partial(of_torch, case)]
    rows += [partial(of_mlp, case, number, bandwidth) for number in members]
    # the ends first, should the time not do
    ends = [min(members), max(members)]
    for number in dict.fromkeys([*ends, *members]):
        for name in names:
            rows += [partial(of_family, name, kind, number) for kind in PRECISIONS]
    return rows


def in_time(rows: Sequence[Any], minutes: float, since: float) -> Iterator[Any]:
    """Row by row while there is time; each is thought to take as long as the longest.

    Prints how long all of them may take as soon as the first of them is there.
    """
    longest = 0.0
    for number, make in enumerate(rows):
        spent = time.perf_counter() - since
        if spent + longest > 60 * minutes:
            left = [f"{' '.join(map(str, own.args[-3:]))}" for own in rows[number:]]
            print(f"No time is left for {len(left)} rows: {'; '.join(left)}.")
            return
        began = time.perf_counter()
        row = make()
        took = time.perf_counter() - began
        longest = max(longest, took)
        if number == 1:
            whole = (spent + took * (len(rows) - number)) / 60
            print(
                f"About {whole:.1f} minutes for all {len(rows)} rows; at most {minutes}."
            )
        yield row | {"seconds": took}


def claims(table: pd.DataFrame, case: Case) -> str:
    """What the largest number of members at once makes of the case."""
    own = table[table["family"] == case.name]
    engine = own[own["arm"] == "engine"].set_index("members")
    most, rates = engine.index.max(), engine["member_steps_per_s"]
    loop = own[own["arm"] == "PyTorch"]["member_steps_per_s"].iloc[0]
    share = engine["of_copy_bandwidth"][most]
    return (
        f"{most} at once: {rates[most] / rates[1]:.1f} times one after another, "
        f"{rates[most] / loop:.1f} times PyTorch's loop, {share:.0%} of a copy's traffic."
    )


def options() -> argparse.Namespace:
    """From the command line."""
    parser, known = page_parser(__doc__), list(families.FAMILIES)
    parser.add_argument("--members", type=int, nargs="+", default=list(MEMBERS))
    parser.add_argument("--families", nargs="+", default=known, choices=known)
    parser.add_argument("--minutes", type=float, default=9.0, help="at most")
    arguments = page_arguments(parser, ["families", "members"])
    if 1 not in arguments.members:
        parser.error(
            f"--members must have 1, which the others are over; got {arguments.members}"
        )
    return arguments


def main() -> None:
    """Measure, print, and write the table."""
    since, arguments = time.perf_counter(), options()
    case = next(one for one in CASES if one.name == "MLP 784-500-20")
    names, members, num_bytes = arguments.families, arguments.members, COPY_BYTES
    if arguments.smoke:
        case, num_bytes = mlp(4, 16, 2, 32, examples=1200), 2**20
        names, members = ["MLP"], [1, 2]
    sweeps.setup_jax()
    device, bandwidth = jax.devices()[0].device_kind, copy_bandwidth(num_bytes)
    print(f"{jax.device_count()} x {device}, a copy {bandwidth / 1e9:.0f} GB/s")
    rows, plan = [], planned(case, names, members, bandwidth)
    for row in in_time(plan, arguments.minutes, since):
        rows.append({"arm": "engine", **row})
        print("  ".join(f"{k}={families.shown(v)}" for k, v in row.items()), flush=True)
    table = pd.DataFrame(rows)
    table["us_a_member_step"] = 1e6 / table["member_steps_per_s"]
    print(claims(table, case))
    out = arguments.out or Path("runs") / "device"
    name = f"device_{device.replace(' ', '_')}"
    finish_rows(name, table, out, arguments.publish)


if __name__ == "__main__":
    main()
