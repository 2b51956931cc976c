"""A process of the local engine, which reads its part of the sweep from stdin."""

import json
import os
import signal
import sys
import threading

from vae_jax.engines._local import SAID


def main() -> int:
    """Read the part, train it, and say what is wrong in one line where that is enough."""
    line = sys.stdin.buffer.readline()
    threading.Thread(target=_end_with_launcher, daemon=True).start()
    from vae_jax.engines._work import Work, guarded

    code, error = guarded(Work(**json.loads(line)))
    if error:
        sys.stderr.write(f"{SAID}{error}")
    return code


def _end_with_launcher() -> None:
    """The end of the input is that of the launcher: save and end too."""
    # the file itself, of which no lock is held when the interpreter ends
    while os.read(0, 1024):
        continue
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
