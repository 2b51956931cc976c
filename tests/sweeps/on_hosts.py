"""One of several processes of one sweep, or the only one.

Arguments: a folder, a word of `on_mesh.py`, the number of members, seconds that a chunk of
four steps waits for and then saves (0: as it comes), and PORT NUM HOST where there are
several processes.
"""

import sys
import time
from pathlib import Path

from on_mesh import BASE

from vae_jax import sweeps
from vae_jax.sweeps.queue import _shard


def slowly(seconds: float) -> None:
    """Chunks of four steps, and a wait behind each."""

    def next_chunk(steps: int, took: float) -> int:
        time.sleep(seconds)
        return 4

    _shard.next_chunk = next_chunk


def main() -> None:
    folder, word, members, seconds, *hosts = sys.argv[1:]
    sweeps.setup_jax(1)
    if hosts:
        port, num, host = hosts
        sweeps.connect(f"127.0.0.1:{port}", int(num), int(host))
    shared, strategy, stream = word.split("-")
    options = sweeps.Options(
        progress=False, batch_devices=int(shared), strategy=strategy, stream=stream
    )
    if float(seconds):
        slowly(float(seconds))
        options = options._replace(checkpoint_seconds=0.0)
    runs = [BASE.changed(seed=seed) for seed in range(int(members))]
    stored = sweeps.run(runs, Path(folder), options)
    print(len(stored.to_pandas().runs), "rows")


if __name__ == "__main__":
    main()
