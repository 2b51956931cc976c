"""One of several processes of one sweep, or the only one.

Arguments: a folder, a word of `on_mesh.py`, devices of this process, the number of members,
and PORT NUM HOST where there are several processes.
"""

import sys
from pathlib import Path

from on_mesh import BASE

from vae_jax import sweeps


def main() -> None:
    folder, word, devices, members, *hosts = sys.argv[1:]
    sweeps.setup_jax(int(devices))
    if hosts:
        port, num, host = hosts
        sweeps.connect(f"127.0.0.1:{port}", int(num), int(host))
    shared, strategy, stream = word.split("-")
    options = sweeps.Options(
        progress=False, batch_devices=int(shared), strategy=strategy, stream=stream
    )
    runs = [BASE.changed(seed=seed) for seed in range(int(members))]
    stored = sweeps.run(runs, Path(folder), options)
    print(len(stored.to_pandas().runs), "rows")


if __name__ == "__main__":
    main()
