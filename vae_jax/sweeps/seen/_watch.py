"""Who looks on while members train: the table, a file, a function of the user's."""

from collections.abc import Callable

from vae_jax.sweeps.devices import _hosts
from vae_jax.sweeps.seen._chunk import Chunk, OnChunk
from vae_jax.sweeps.seen._metrics_file import MetricsFile
from vae_jax.sweeps.seen._progress import Progress


class Watch:
    """All that is told of every chunk."""

    def __init__(
        self,
        progress: Progress,
        metrics_file: MetricsFile | None = None,
        on_chunk: OnChunk | None = None,
    ) -> None:
        """Nothing is seen yet."""
        self._progress, self._file, self._on_chunk = progress, metrics_file, on_chunk

    @property
    def looks(self) -> bool:
        """Whether anybody does: else nothing need be fetched from the devices."""
        seen = self._progress.shown or self._file or self._on_chunk
        # of several hosts all fetch what one of them looks at
        return bool(seen) or _hosts.several()

    def resumed(self, make: Callable[[], Chunk]) -> None:
        """Members go on: rows that they had already, of which the file may lack some."""
        if self._file is not None or _hosts.several():
            chunk = make()
            if self._file is not None:
                self._file.append(chunk)

    def saw(self, make: Callable[[], Chunk], num: int) -> None:
        """A chunk has been made.

        Args:
            make: fetches it.
            num: member-steps of it.
        """
        if not self.looks:
            self._progress.update(num)
            return
        chunk = make()
        self._progress.saw(chunk)
        self._progress.update(num)
        if self._file is not None:
            self._file.append(chunk)
        if self._on_chunk is not None:
            self._on_chunk(chunk)


def each(*functions: OnChunk) -> OnChunk:
    """One function of chunks that calls several, in their order.

    >>> import numpy as np
    >>> steps: list[int] = []
    >>> both = each(lambda c: steps.append(c.step), lambda c: steps.append(-c.step))
    >>> both(Chunk((0,), ("ab",), 10, np.array([10]), {}))
    >>> steps
    [10, -10]
    """

    def call(chunk: Chunk) -> None:
        for function in functions:
            function(chunk)

    return call
