"""`vae-jax train` and `vae-jax sweep`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from vae_jax.cli._paths import expanded
from vae_jax.configs import RunConfig, to_mapping

if TYPE_CHECKING:
    from vae_jax import sweeps

WIDTH = 64
"""`sweeps.Options().width`, which help prints without importing JAX."""


def train(
    config: Annotated[RunConfig, tyro.conf.arg(name="")],
    out: Path | None = None,
    devices: int | None = None,
    accept_version_change: bool = False,
) -> None:
    """Train one model and say whether it collapsed.

    Args:
        config: the run.
        out: folder of the results; `runs/train-HASH` by default, so that the same command
            finds its own results and another one never overwrites them.
        devices: virtual CPU devices at most; a run uses one.
        accept_version_change: resume although JAX is not the version it began with.
    """
    from vae_jax import sweeps

    options = sweeps.Options(accept_version_change=accept_version_change)
    run_and_report([config], out, "train", options, devices)


def sweep(
    spec: tyro.conf.Positional[Path],
    /,
    out: Path | None = None,
    strategy: Literal["auto", "map", "vmap"] = "auto",
    width: int = WIDTH,
    devices: int | None = None,
    keep_params: bool = True,
    accept_version_change: bool = False,
) -> None:
    """Train every run of a TOML file of lists and ranges, many at a time.

    Args:
        spec: TOML file with a [base] and one or more [[grid]] sections.
        out: folder of the results; `runs/SPEC-HASH` by default.
        strategy: how members share a device; `auto` chooses by platform and size.
        width: members resident at once.
        devices: virtual CPU devices at most, of which a run uses one; one a core by
            default.
        keep_params: store the final parameters of every member.
        accept_version_change: resume although JAX is not the version it began with.
    """
    from vae_jax import sweeps

    if width < 1:
        raise ValueError(f"`width` must be at least 1; got {width}.")
    configs = sweeps.read_spec(expanded(spec))
    options = sweeps.Options(
        strategy=None if strategy == "auto" else strategy,
        width=width,
        keep_params=keep_params,
        accept_version_change=accept_version_change,
    )
    run_and_report(configs, out, spec.stem, options, devices)


def run_and_report(
    configs: Sequence[RunConfig],
    out: Path | None,
    name: str,
    options: "sweeps.Options",
    devices: int | None = None,
) -> None:
    """Run, print the table, and end with where the results are."""
    from vae_jax import results, sweeps
    from vae_jax.cli._tables import print_runs

    if out is None:
        spec = {"configs": [to_mapping(config) for config in configs]}
        out = Path("runs") / f"{name}-{results.short_hash(spec)}"
    out = expanded(out)
    sweeps.check_out(out)
    sweeps.setup_jax(devices_for(len(configs), devices))
    stored = sweeps.run(configs, out, options)
    print_runs(stored.runs.to_pandas())
    print(f"\nResults: {out}")


def devices_for(num_runs: int, devices: int | None) -> int:
    """Virtual CPU devices to make: more than there are runs would only wait for work.

    Each is a thread to which XLA deals parts of every product, idle or not.

    Raises:
        ValueError: see `sweeps.check_devices`.

    >>> devices_for(1, 4), devices_for(12, 4)
    (1, 4)
    """
    from vae_jax import sweeps

    if devices is None:
        return min(sweeps.num_cores(), num_runs)
    # before the number of runs hides how many were asked for
    sweeps.check_devices(devices)
    return min(devices, num_runs)
