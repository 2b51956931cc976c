"""`vae-jax sweep`, and how a run of one member or many is carried out and told."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from vae_jax.cli._paths import expanded
from vae_jax.cli._said import said
from vae_jax.cli._tables import next_command, print_plan, print_runs
from vae_jax.cli._trend import print_falling

if TYPE_CHECKING:
    from vae_jax import sweeps
    from vae_jax.configs import Run

WIDTH = 64
"""`sweeps.Options().width`, which help prints without importing JAX."""


def sweep(
    spec: Annotated[
        tyro.conf.Positional[Path],
        said("SPEC.toml", "The file has [base] or [[grid]] sections, or both."),
    ],
    /,
    out: Annotated[
        Path | None,
        said("FOLDER", "Results go here; to runs/SPEC-HASH where none is given."),
    ] = None,
    strategy: Annotated[
        Literal["auto", "map", "vmap"],
        said("auto|map|vmap", "Members share a device so; auto by platform and size."),
    ] = "auto",
    width: Annotated[
        int, said("INT", f"So many members are resident at once, {WIDTH} by default.")
    ] = WIDTH,
    devices: Annotated[
        int | None,
        said(
            "INT",
            "So many virtual CPU devices are made at most, of which a run uses one. By "
            "default they are one a core.",
        ),
    ] = None,
    batch_devices: Annotated[
        int,
        said(
            "INT",
            "So many devices share each batch of a member: for a model that is too large "
            "for one.",
        ),
    ] = 1,
    distributed: Annotated[
        bool,
        said(
            "",
            "The same command on several hosts is one program; the environment says who "
            "takes part, or the next three flags do.",
        ),
    ] = False,
    coordinator: Annotated[
        str | None, said("HOST:PORT", "Address of the first host, with a free port.")
    ] = None,
    num_hosts: Annotated[int | None, said("INT", "Hosts in all.")] = None,
    host: Annotated[
        int | None, said("INT", "Which of them this is, from 0 on.")
    ] = None,
    keep_params: Annotated[
        bool, said("", "The final parameters of every member are stored by default.")
    ] = True,
    keep_state: Annotated[
        bool,
        said(
            "",
            "What every member ends with is kept, optimiser and all, so that the same file "
            "with more num_steps goes on from there.",
        ),
    ] = False,
    accept_version_change: Annotated[
        bool,
        said("", "A run is resumed although JAX is not the version it began with."),
    ] = False,
    dry_run: Annotated[
        bool,
        said(
            "",
            "The runs are checked and it is printed what there is to do; nothing is "
            "compiled or written.",
        ),
    ] = False,
    quiet: Annotated[
        bool, said("", "No bar is drawn, and nothing is said on the way.")
    ] = False,
    stream: Annotated[
        Literal["auto", "always", "never"],
        said(
            "auto|always|never",
            "The training set stays on the host, and its batches are sent; auto where it "
            "takes more than half of a device's memory.",
        ),
    ] = "auto",
    log_jsonl: Annotated[
        Path | None,
        said(
            "FILE", "A line of JSON for every logged step and member is appended to it."
        ),
    ] = None,
    tensorboard: Annotated[
        Path | None,
        said("FOLDER", "Curves for TensorBoard are written into it, a run a member."),
    ] = None,
    wandb: Annotated[
        str | None,
        said(
            "PROJECT",
            "A run a member is logged to this project of Weights & Biases, offline.",
        ),
    ] = None,
) -> None:
    """Train every run of a TOML file of lists and ranges, many at a time.

    The file has a section [base] of settings that all runs share, and sections [[grid]], in
    each of which lists and ranges are combined: `beta = [0.5, 2.0]`, `seed = { start = 0,
    stop = 3 }`, `beta = { start = 0.1, stop = 10.0, num = 5, scale = "log" }`. Settings
    have underscores: `latent_dim = 8`. Runs with a remedy and without, or whose settings
    differ in name, go in a [[grid]] each. `vae-jax train --help` shows the settings,
    `vae-jax settings files` those of own data, and --dry-run what there is to do. A signal
    ends a run with its state saved and with exit code 128 + its number, and the same
    command goes on; `vae-jax --help` has the other codes.
    """
    from vae_jax import sweeps

    if width < 1:
        raise ValueError(f"`width` must be at least 1; got {width}.")
    configs = sweeps.read_spec(expanded(spec))
    options = sweeps.Options(
        strategy=None if strategy == "auto" else strategy,
        width=width,
        keep_params=keep_params,
        keep_state=keep_state,
        accept_version_change=accept_version_change,
        progress=not quiet,
        metrics_file=log_jsonl,
        stream=stream,
        batch_devices=batch_devices,
    )
    if dry_run:
        sweeps.setup_jax(devices_for(len(configs) * batch_devices, devices))
        print_plan(configs, sweeps.plan(configs, options))
        return
    curves = None if tensorboard is None else str(tensorboard), wandb
    of_hosts = coordinator, num_hosts, host
    together = distributed or any(one is not None for one in of_hosts)
    run_and_report(
        configs,
        out,
        spec.stem,
        options,
        devices,
        curves,
        of_hosts if together else None,
    )


def run_and_report(
    configs: "Sequence[Run]",
    out: Path | None,
    name: str,
    options: "sweeps.Options",
    devices: int | None = None,
    curves: tuple[str | None, ...] = (None, None),
    hosts: tuple[str | None, int | None, int | None] | None = None,
) -> None:
    """Run, print the table, and end with where the results are.

    Of several hosts the first prints.
    """
    from vae_jax import results, sweeps
    from vae_jax.configs import to_mapping

    if out is None:
        spec = {"configs": [to_mapping(config) for config in configs]}
        out = Path("runs") / f"{name}-{results.short_hash(spec)}"
    out = expanded(out)
    sweeps.check_out(out)
    try:
        wanted = len(configs) * options.batch_devices
        if hosts is not None:
            wanted = -(-wanted // (hosts[1] or 1))
        sweeps.setup_jax(devices_for(wanted, devices))
    except RuntimeError as error:
        raise ValueError(f"`devices` cannot be set: {error}") from error
    if hosts is not None:
        sweeps.connect(*hosts)
    first = sweeps.is_first_host()
    on_chunk = drawn(*curves) if first else None
    stored = sweeps.run(configs, out, options, on_chunk=on_chunk)
    if not first:
        return
    frames = stored.to_pandas()
    print_runs(frames.runs)
    print_falling(frames.metrics)
    print(f"\nWhy: {next_command(out, frames.runs)}")
    print(f"Results: {out}")


def drawn(board: str | None, project: str | None) -> "sweeps.OnChunk | None":
    """What writes curves while members train, if anything was asked for.

    Raises:
        ValueError: a package for it is not installed; says how to get it.

    >>> drawn(None, None) is None
    True
    """
    from vae_jax import sweeps

    try:
        functions = [] if board is None else [sweeps.to_tensorboard(board)]
        functions += [] if project is None else [sweeps.to_wandb(project)]
    except ImportError as error:
        raise ValueError(str(error)) from error
    return sweeps.each(*functions) if functions else None


def devices_for(num_runs: int, devices: int | None) -> int:
    """Virtual CPU devices to make: more than there are runs would only wait for work.

    A run whose batches are shared out counts for as many as share them. Each is a thread
    to which XLA deals parts of every product, idle or not.

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
