"""Options of more than one process: which of them this is, or what starts them."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from vae_jax.cli._said import said

if TYPE_CHECKING:
    from vae_jax.engines import Resources
    from vae_jax.sweeps import Division

OF_ENGINES = {
    "cpus": ("ray", "slurm"),
    "gpus": ("local", "ray", "slurm"),
    "tpus": ("ray",),
    "memory_gb": ("ray", "slurm"),
    "address": ("ray",),
    "partition": ("slurm",),
    "minutes": ("slurm",),
}
"""Which engines read an option."""


@dataclasses.dataclass(frozen=True)
class Scale:
    """Where a sweep runs beside this process."""

    shard: Annotated[
        str | None,
        said(
            "I/N",
            "This is one of N processes, from 1/N to N/N, on one folder: it trains its own "
            "members alone, and no engine is needed.",
        ),
    ] = None
    engine: Annotated[
        Literal["none", "local", "ray", "slurm"],
        said(
            "local|ray|slurm",
            "Start the processes: on this machine, on a Ray cluster, or as an array job of "
            "SLURM; the last two need the extras of these names.",
        ),
    ] = "none"
    workers: Annotated[
        int | None,
        said("INT", "So many processes are started; with an engine it must be given."),
    ] = None
    retries: Annotated[
        int | None,
        said(
            "INT", "A process that was killed is started again so often; 5 by default."
        ),
    ] = None
    cpus: Annotated[int | None, said("INT", "CPUs of a process.")] = None
    gpus: Annotated[int | None, said("INT", "GPUs of a process.")] = None
    tpus: Annotated[int | None, said("INT", "TPUs of a process.")] = None
    memory_gb: Annotated[float | None, said("NUMBER", "Memory of a process.")] = None
    address: Annotated[
        str | None, said("ADDRESS", "The Ray cluster; this machine if not given.")
    ] = None
    partition: Annotated[str | None, said("NAME", "The partition of SLURM.")] = None
    minutes: Annotated[
        int | None,
        said(
            "INT", "Time limit of SLURM; what has not ended then is queued once more."
        ),
    ] = None
    distributed: Annotated[
        bool,
        said(
            "",
            "The same command on several hosts is one program; the environment says who "
            "takes part, or the next three flags do.",
        ),
    ] = False
    coordinator: Annotated[
        str | None, said("HOST:PORT", "Address of the first host, with a free port.")
    ] = None
    num_hosts: Annotated[int | None, said("INT", "Hosts in all.")] = None
    host: Annotated[int | None, said("INT", "Which of them this is, from 0 on.")] = None

    def hosts(self) -> "tuple[str | None, int | None, int | None] | None":
        """Address of the first host, their number, and which this is; None of one alone.

        Raises:
            ValueError: an engine is given too.
        """
        given = self.coordinator, self.num_hosts, self.host
        if not self.distributed and all(one is None for one in given):
            return None
        if self.engine != "none":
            raise ValueError(
                "several hosts are one program that is started on each of them; got "
                f"engine={self.engine!r} too, which starts programs of their own. Leave "
                "one out."
            )
        return given

    def division(self) -> "Division | None":
        """The process that this one is.

        Raises:
            ValueError: it is none, or an engine is given too.
        """
        from vae_jax import sweeps

        if self.shard is None:
            return None
        if self.engine != "none":
            raise ValueError(
                "`shard` is for processes that are started by hand; got "
                f"engine={self.engine!r} too, which starts them. Leave one out."
            )
        return sweeps.read_division(self.shard)

    def check(self) -> None:
        """Refuse options that would change nothing.

        Raises:
            ValueError: names the option and what it is for.
        """
        if self.engine == "none":
            for name in ("workers", "retries", *OF_ENGINES):
                value = getattr(self, name)
                if value is not None:
                    raise ValueError(
                        f"`{name}` is for engines; got {value!r} without one. Give "
                        "--engine too, or leave it out."
                    )
            return
        if self.workers is None:
            raise ValueError(
                "`workers` must be given with an engine, the number of processes; got "
                f"engine={self.engine!r} alone."
            )
        for name, engines in OF_ENGINES.items():
            if getattr(self, name) is not None and self.engine not in engines:
                raise ValueError(
                    f"`{name}` is for {' and '.join(engines)}; got engine={self.engine!r}. "
                    "Leave it out."
                )

    def resources(self, out: Path) -> "Resources":
        """What a process is given."""
        from vae_jax import engines

        return engines.Resources(
            cpus=self.cpus,
            gpus=self.gpus,
            tpus=self.tpus,
            memory_gb=self.memory_gb,
            address=self.address,
            partition=self.partition,
            minutes=self.minutes,
            jobs=out.with_name(f"{out.name}.slurm"),
        )
