"""A sweep in a process of its own, to be killed, stopped, starved or raced.

Arguments: `small` or `digits`, the folder, and JSON of `options` (of `sweeps.Options`),
`steps` (a chunk), `sleep` (seconds a chunk) and `num` (members of the small one).
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import jax
import small

from vae_jax import sweeps
from vae_jax.sweeps.queue import _shard
from vae_jax.sweeps.stored import _saver

DIGITS = {
    "base": {
        "hidden": [16],
        "latent_dim": 2,
        "batch_size": 32,
        "num_steps": 1000,
        "log_every": 50,
        "eval_samples": 2,
    },
    "grid": {"beta": [0.5, 2.0], "schedule": ["constant", "cyclical"], "seed": [0, 1]},
}


def run(kind, folder, given, watch=None):
    """One of the two sweeps, here."""
    quick = {"progress": False, "checkpoint_seconds": 0.0, "strategy": "map"}
    options = {"keep_state": True} | quick | given.get("options", {})
    if kind == "small":
        small.run(folder, small.members(given.get("num", 6)), on_chunk=watch, **options)
    else:
        configs = sweeps.expand(DIGITS)
        sweeps.run(configs, folder, sweeps.Options(**options), on_chunk=watch)


def main():
    kind, folder, given = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    sweeps.setup_jax(1)
    # reading even the smallest program is quicker than compiling it
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    # saves after almost every chunk, so that a kill meets many of them
    _shard.CHUNK_SECONDS, _saver.SAVES_PER_INTERVAL = 0.2, 2
    if "steps" in given:
        _shard.next_chunk = lambda steps, seconds: given["steps"]

    def watch(chunk):
        print(chunk.step, flush=True)
        time.sleep(given.get("sleep", 0.0))

    print("begins", flush=True)
    run(kind, folder, given, watch)


if __name__ == "__main__":
    main()
