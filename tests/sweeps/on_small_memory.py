"""Training on a file of 20 times what a device holds; prints the memory of its own.

Arguments: the file, and a folder for the results. Prints, of every chunk, the bytes of
RssAnon: what the process has made, without the pages of files that the system may drop.
"""

import sys
from pathlib import Path

from vae_jax import sweeps, views
from vae_jax.configs import Run
from vae_jax.sweeps.devices import _feed, _stream
from vae_jax.sweeps.queue import _shard

LIMIT = 2**24
"""What a training set may take of a device, here; the file has 20 times that."""

WINDOW = 2**22
"""Of a window: a 16th of what there is by default, as the limit is far less too."""

CHUNK = 8
STEPS = 984
"""Three times through the file, whose training set has 327 batches."""


def own_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    [line] = [one for one in lines if one.startswith("RssAnon:")]
    return 1024 * int(line.split()[1])


def main() -> None:
    path, out = sys.argv[1:]
    sweeps.setup_jax(1)
    views.LARGE = LIMIT
    _stream.WINDOW_BYTES = WINDOW
    _stream.free_bytes = lambda: int(LIMIT / _stream.SHARE)
    _shard.next_chunk = lambda steps, took: CHUNK
    config = Run.of(
        model="linear",
        latent_dim=2,
        dataset=path,
        validation_share=0.001,
        test_share=0.001,
        binarize="dynamic",
        batch_size=256,
        num_steps=STEPS,
        log_every=CHUNK,
        eval_samples=2,
    )
    assert isinstance(config.data.load().train.images, views.Rows)  # none is copied
    # a save takes memory of its own for a moment
    options = sweeps.Options(progress=False, stream="auto", checkpoint_seconds=1e9)
    found: list[int] = []
    windows: list[int] = []
    take = _feed.take_sorted
    _feed.take_sorted = lambda *a: (windows.append(1), take(*a))
    sweeps.run([config], out, options, on_chunk=lambda _: found.append(own_bytes()))
    assert len(windows) == -(-STEPS * 256 * 4096 // WINDOW)
    print(*found)


if __name__ == "__main__":
    main()
