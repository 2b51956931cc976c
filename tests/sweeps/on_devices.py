"""A sweep stopped and gone on with, on so many virtual devices as the first argument says.

The others are a folder and words. `stop WIDTH STEPS` begins the folder and stops it after
so many member-steps in chunks of three. `go WIDTH ...` goes on in a copy for each width.
"""

import shutil
import signal
import sys
from pathlib import Path

from vae_jax import sweeps
from vae_jax.configs import Run
from vae_jax.sweeps.queue import _shard

BASE = Run.of(
    model="linear",
    latent_dim=2,
    batch_size=16,
    num_steps=20,
    log_every=10,
    eval_samples=2,
    optimizer="sgd",  # Adam would make more of the rounding than there is
)
CONFIGS = [BASE.changed(seed=s, beta=0.5 + b) for b in range(3) for s in range(4)]


def run(out: Path, width: int) -> None:
    sweeps.run(CONFIGS, out, sweeps.Options(progress=False, width=width))


def stop(out: Path, width: int, member_steps: int) -> None:
    done = []

    def stopping(steps: int, seconds: float) -> int:
        done.append(steps * width)
        if sum(done) >= member_steps:
            signal.raise_signal(signal.SIGTERM)
        return 3

    _shard.next_chunk = stopping
    try:
        run(out, width)
    except sweeps.Interrupted:
        return
    raise AssertionError("the sweep was not stopped")


def main() -> None:
    devices, folder, verb, *numbers = sys.argv[1:]
    sweeps.setup_jax(int(devices))
    if verb == "stop":
        stop(Path(folder), *map(int, numbers))
    for width in map(int, numbers if verb == "go" else ()):
        out = Path(f"{folder}-{devices}-{width}")
        if Path(folder).exists():
            shutil.copytree(folder, out)
        run(out, width)


if __name__ == "__main__":
    main()
