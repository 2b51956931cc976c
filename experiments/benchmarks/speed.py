"""Speed of the sweep engine beside PyTorch: paired, interleaved, in one process.

Claim: a sweep of 16 MLP VAEs trains more member-steps a second than a PyTorch loop.
Command: `pip install -e '.[cpu,benchmark]'`, then `python -m experiments.benchmarks.speed`
    (all cores, wall clock; nothing else may run) and the same with `--one-core` (CPU
    time of one core, robust under load).
Minutes: 4, and 3 with `--one-core`.
Numbers: `experiments/results/speed_*.csv`; medians of nine interleaved windows.

Every arm trains the same model with Adam, batch 128 or as the table says, in float32; no
arm clips gradients. The share of the machine's peak counts the matrix products that a step
needs, over the fastest matrix product measured here with any of the libraries.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments._pages import finish_rows, page_arguments
from experiments.benchmarks._arms import (
    NUM_MEMBERS,
    Arm,
    engine_arm,
    has_torch,
    measure,
    plain_dataset,
    prepare_clock,
    rows_of,
    speed_parser,
)
from vae_jax import sweeps
from vae_jax.configs import Run

SHAPES = {  # name: (side of the image, hidden, latent, batch)
    "784-500-20": (28, 500, 20, 128),
    "64-64-4": (8, 64, 4, 64),
    "16-16-2": (4, 16, 2, 32),
}


def images(side: int) -> np.ndarray:
    """Random grey images; their values do not matter for speed, their number may.

    As many as the digits have for training, and 10 000 of the large ones.
    """
    size = (10_000 if side == 28 else 1200, side, side)
    return np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)


def mlp_arm(shape: tuple[int, int, int, int]) -> Arm:
    """The sweep engine with 16 members."""
    side, hidden, latent, batch = shape
    config = Run.of(
        hidden=(hidden,), latent_dim=latent, batch_size=batch, num_steps=400_000
    )
    return engine_arm(config, plain_dataset(images(side), 255))


def torch_arms(shape: tuple[int, int, int, int]) -> dict[str, Callable[[int], None]]:
    """PyTorch with data in memory, in pythae's style, and compiled with fused Adam."""
    if not has_torch():
        return {}
    import torch

    from experiments.benchmarks._torch import make_arm

    side, hidden, latent, batch = shape
    flat = torch.from_numpy(images(side).reshape(-1, side * side)).float().div(255)
    flat, sizes = (flat > 0.5).float(), (side * side, hidden, latent)
    arms = {"torch": make_arm(flat, sizes, batch)}
    if side == 28:
        arms["torch, pythae-style loop"] = make_arm(flat, sizes, batch, loader=True)
        arms["torch compiled, fused Adam"] = make_arm(flat, sizes, batch, compiled=True)
    return arms


def sgemm_peak(clock: Callable[[], float]) -> float:
    """Fastest float32 matrix product of this machine, FLOP a second, by any library.

    Which one that is depends on the processor: some libraries do not use all of it.
    """
    a = np.random.default_rng(0).standard_normal((2048, 2048), np.float32)
    placed = [jax.device_put(a, device) for device in jax.devices()]
    product = jax.jit(jnp.matmul)
    timed: list[tuple[int, Callable[[], Any]]] = [
        (1, lambda: a @ a),
        (len(placed), lambda: jax.block_until_ready([product(x, x) for x in placed])),
    ]
    if has_torch():
        import torch

        b = torch.from_numpy(a)
        timed.append((1, lambda: torch.mm(b, b)))
    best = 0.0
    for count, run in timed:
        run()  # compiles
        for _ in range(20):
            since = clock()
            run()
            best = max(best, count * 2 * 2048**3 / (clock() - since))
    return best


def flop_per_step(name: str) -> float:
    """Forward and backward of one batch; nobody needs the gradient of the images."""
    side, hidden, latent, batch = SHAPES[name]
    image, code = side * side * hidden, hidden * latent
    return batch * (6 * (2 * image + 3 * code) - 2 * image)


def measured(models: Sequence[str], one_core: bool, seconds: float) -> pd.DataFrame:
    """All arms of all models, and their share of the machine's peak."""
    clock = prepare_clock(one_core)
    peak = sgemm_peak(clock)
    print(f"{sweeps.num_cores()} core(s), sgemm peak {peak / 1e9:.0f} GFLOP/s")
    rows: list[dict[str, Any]] = []
    for name in models:
        arms = {"engine": mlp_arm(SHAPES[name]), **torch_arms(SHAPES[name])}
        times = measure(arms, clock, seconds)
        members = {arm: NUM_MEMBERS if arm == "engine" else 1 for arm in times}
        rows += rows_of(name, times, members, "cpu" if one_core else "wall")
    table = pd.DataFrame(rows)
    flop = table["model"].map(flop_per_step)
    return table.assign(of_sgemm_peak=table["member_steps_per_s"] * flop / peak)


def main() -> None:
    """Measure, print the table, and write it."""
    arguments = page_arguments(speed_parser(__doc__, list(SHAPES)), ["models"])
    if arguments.smoke:
        arguments.models, arguments.seconds = ["16-16-2"], 0.05
    frame = measured(arguments.models, arguments.one_core, arguments.seconds)
    print(frame.to_string(index=False, float_format="{:.3f}".format))
    name = f"speed_{'one_core' if arguments.one_core else 'all_cores'}"
    out = arguments.out or Path("runs") / "speed"
    finish_rows(name, frame, out, arguments.publish)


if __name__ == "__main__":
    main()
