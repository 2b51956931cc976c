"""`vae-jax sweep`, and how a run of one member or many is carried out and told."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from vae_jax.cli._paths import expanded
from vae_jax.cli._said import said
from vae_jax.cli._scale import Scale
from vae_jax.cli._tables import next_command, print_plan, print_runs
from vae_jax.cli._trend import print_falling

if TYPE_CHECKING:
    from vae_jax import results, sweeps
    from vae_jax.configs import Run

WIDTH = 64
"""`sweeps.Options().width`, which help prints without importing JAX."""


def sweep(
    spec: Annotated[
        tyro.conf.Positional[Path],
        said("SPEC.toml", "The file has [base] or [[grid]] sections, or both."),
    ],
    /,
    scale: Annotated[Scale, tyro.conf.arg(name="")] = Scale(),  # noqa: B008
    out: Annotated[
        Path | None,
        said("FOLDER", "Results go here; to runs/SPEC-HASH where none is given."),
    ] = None,
    strategy: Annotated[
        Literal["auto", "map", "vmap"],
        said(
            "auto|map|vmap",
            "Members share a device so; auto by platform and size, or by a short "
            "measurement where those leave it open.",
        ),
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
    stop_hopeless: Annotated[
        bool,
        said(
            "",
            "Runs that diverged, or collapsed beyond return, are stopped, and runs that "
            "have not begun take their places.",
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
        bool, said("", "No table is drawn, and nothing is said on the way.")
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

    `vae-jax sweep status FOLDER` says how far a run is, `resume FOLDER` goes on with it,
    `repair FOLDER` sets aside what is damaged; a file of such a name is given as ./status.
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
        stop_hopeless=stop_hopeless,
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
    run_and_report(configs, out, spec.stem, options, devices, curves, scale)


def run_and_report(
    configs: "Sequence[Run]",
    out: Path | None,
    name: str,
    options: "sweeps.Options",
    devices: int | None = None,
    curves: tuple[str | None, ...] = (None, None),
    scale: Scale = Scale(),  # noqa: B008
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
    scale.check()
    shard, hosts = scale.division(), scale.hosts()
    sweeps.check_out(out)
    if scale.engine != "none":
        check_here_on_cpu()
    try:
        wanted = len(configs) * options.batch_devices
        if hosts is not None:
            wanted = -(-wanted // (hosts[1] or 1))
        sweeps.setup_jax(devices_for(wanted, devices))
    except RuntimeError as error:
        raise ValueError(f"`devices` cannot be set: {error}") from error
    if scale.engine != "none":
        refuse_by_engines(options, curves)
        stored = started(configs, out, options, devices, scale)
    else:
        if hosts is not None:
            sweeps.connect(*hosts)
        on_chunk = drawn(*curves) if sweeps.is_first_host() else None
        stored = sweeps.run(configs, out, options, on_chunk=on_chunk, shard=shard)
    if not sweeps.is_first_host():
        return
    frames = stored.to_pandas()
    print_runs(frames.runs)
    print_falling(frames.metrics)
    print(f"\nWhy: {next_command(out, frames.runs)}")
    print(f"Results: {out}")


def check_here_on_cpu() -> None:
    """Let the processes have the accelerators: this one only looks whether all is well."""
    import jax

    jax.config.update("jax_platforms", "cpu")


def refuse_by_engines(
    options: "sweeps.Options", curves: tuple[str | None, ...]
) -> None:
    """Refuse what is written by the process that trains, where others do."""
    given = {"log_jsonl": options.metrics_file, "tensorboard": curves[0]}
    for name, value in (given | {"wandb": curves[1]}).items():
        if value is not None:
            raise ValueError(
                f"`{name}` is written by the process that trains; got {str(value)!r} with "
                "an engine, which starts others. Leave one out, or use --shard."
            )


def started(
    configs: "Sequence[Run]",
    out: Path,
    options: "sweeps.Options",
    devices: int | None,
    scale: Scale,
) -> "results.Results":
    """What the processes of an engine have made of the runs."""
    from vae_jax import engines, results

    assert scale.workers is not None  # `Scale.check` has seen it
    retries = engines.RETRIES if scale.retries is None else scale.retries
    engine = engines.engine(scale.engine, scale.resources(out))
    work = engines.divided(
        configs, out, options, scale.workers, devices_for(len(configs), devices)
    )
    engines.launch(engine, work, retries=retries)
    return results.read(out)


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
