"""`on_hosts.py`, of which one process fails: HOST WHERE, and the arguments of that script.

WHERE is `storing` (the rows cannot be written), `watching` (what looks at a chunk raises),
`training` (what starts a task raises) or `looking` (the folder cannot be read).
"""

import sys

import on_hosts

from vae_jax.sweeps.queue import _shard, _work
from vae_jax.sweeps.seen import _progress

PLACES = {
    "storing": (_shard, "make_rows"),
    "watching": (_progress.Progress, "saw"),
    "training": (_shard, "train"),
    "looking": (_work, "words_of"),
}


def fail(*arguments: object) -> None:
    raise OSError(28, "No space left on device", "of the test")


def main() -> None:
    host, where = sys.argv[1:3]
    del sys.argv[1:3]
    if sys.argv[-1] == host:
        setattr(*PLACES[where], fail)
    on_hosts.main()


if __name__ == "__main__":
    main()
