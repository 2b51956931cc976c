"""A process of the local engine, which reads its part of the sweep from stdin."""

import json
import os
import signal
import sys
import threading
from typing import BinaryIO


def main() -> int:
    """Read the part, train it, and say what is wrong in one line where that is enough."""
    given = sys.stdin.buffer
    line = given.readline()
    threading.Thread(target=_end_with_launcher, args=(given,), daemon=True).start()
    from vae_jax.engines._launch import in_words, tell
    from vae_jax.engines._work import Work, carry_out

    work = Work(**json.loads(line))
    try:
        return carry_out(work._replace(shard=(work.shard[0], work.shard[1])))
    except Exception as error:
        tell(in_words(error))
        return 1


def _end_with_launcher(given: BinaryIO) -> None:
    """The end of the input is that of the launcher: save and end too."""
    given.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
