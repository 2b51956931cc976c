"""What a process of a sweep is given, and where its engine is."""

from pathlib import Path
from typing import NamedTuple


class Resources(NamedTuple):
    """Of each process; None leaves it to the engine.

    Attributes:
        cpus: cores.
        gpus: GPUs.
        tpus: TPUs; of Ray.
        memory_gb: memory, in 10^9 bytes; of Ray and SLURM.
        address: of a Ray cluster; one is started on this machine if there is none.
        partition: of SLURM.
        minutes: time limit of SLURM.
        jobs: folder of what SLURM writes, which every node sees; not that of the results.

    >>> Resources(gpus=1).cpus is None
    True
    """

    cpus: int | None = None
    gpus: int | None = None
    tpus: int | None = None
    memory_gb: float | None = None
    address: str | None = None
    partition: str | None = None
    minutes: int | None = None
    jobs: Path | None = None

    def check(self) -> None:
        """Refuse what is no number of things.

        Raises:
            ValueError: names the field and its value.
        """
        for name in ("cpus", "gpus", "tpus", "memory_gb", "minutes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` must be more than 0; got {value!r}.")
