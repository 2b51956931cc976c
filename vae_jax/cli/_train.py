"""`vae-jax train` and `vae-jax sweep`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from vae_jax.cli._paths import expanded
from vae_jax.cli._tables import print_plan, print_runs
from vae_jax.cli._trend import print_falling

if TYPE_CHECKING:
    from vae_jax import sweeps
    from vae_jax.configs import Run

WIDTH = 64
"""`sweeps.Options().width`, which help prints without importing JAX."""


TRAIN_OPTIONS = {
    "out": str,
    "devices": int,
    "keep_state": bool,
    "accept_version_change": bool,
    "quiet": bool,
    "stream": str,
    "log_jsonl": str,
    "tensorboard": str,
    "wandb": str,
}
"""Flags of `train` beside the settings of a run."""

TRAIN_HELP = """\
usage: vae-jax train [--SETTING VALUE ...] [OPTIONS]

Train one model and say whether it collapsed. Own data: `vae-jax settings files`.

Options of the command:
  --out                 Folder of the results; runs/train-HASH where none is given.
  --devices             Virtual CPU devices at most; a run uses one.
  --keep-state          Keep optimiser and all, from which more --num-steps go on.
  --stream              Always or never send the training set by batches; auto by size.
  --quiet               Draw no bar and say nothing on the way.
  --log-jsonl           Append a line of JSON for every logged step to this file.
  --tensorboard         Write curves for TensorBoard into this folder.
  --wandb               Log to this project of Weights & Biases, offline.
  --help                This page.
  --accept-version-change Resume although JAX is not the version it began with.

"""


SETTINGS_HELP = """\
usage: vae-jax settings [NAME]

Show a choice, what one of its records has, or a setting. NAME is a choice, such as model
or schedule; the name of one of its records, such as pixelcnn or cyclical, or the path to
one of your own; a setting, such as beta; or run, for what every run has. Without it the
choices are listed."""


def train(words: Sequence[str]) -> None:
    """Train one model and say whether it collapsed."""
    from vae_jax.cli._flags import read_flags
    from vae_jax.cli._help import run_help

    if {"-h", "--help"} & set(words):
        print(TRAIN_HELP + run_help(), end="")
        return
    from vae_jax.configs import from_mapping

    values = read_flags(words, TRAIN_OPTIONS)
    own = {name: values.pop(name) for name in TRAIN_OPTIONS if name in values}
    config = from_mapping(values)  # a refusal need not wait for more to be loaded
    from vae_jax import sweeps

    options = sweeps.Options(
        accept_version_change=own.get("accept_version_change", False),
        keep_state=own.get("keep_state", False),
        progress=not own.get("quiet", False),
        metrics_file=own.get("log_jsonl"),
        stream=own.get("stream", "auto"),
    )
    curves = tuple(own.get(name) for name in ("tensorboard", "wandb"))
    out = Path(own["out"]) if "out" in own else None
    run_and_report([config], out, "train", options, own.get("devices"), curves)


def settings(words: Sequence[str]) -> None:
    """Show a choice, what one of its records has, or a setting."""
    from vae_jax.cli._help import choices_page, settings_help

    if {"-h", "--help"} & set(words):
        print(SETTINGS_HELP)
        return
    if not words:
        print(choices_page())
        return
    if len(words) != 1 or words[0].startswith("--"):
        raise ValueError(
            "`settings` must be given one name, such as pixelcnn, schedule, beta or run; "
            f"got {' '.join(words)}."
        )
    print(settings_help(words[0]))


def sweep(
    spec: tyro.conf.Positional[Path],
    /,
    out: Path | None = None,
    strategy: Literal["auto", "map", "vmap"] = "auto",
    width: int = WIDTH,
    devices: int | None = None,
    keep_params: bool = True,
    keep_state: bool = False,
    accept_version_change: bool = False,
    dry_run: bool = False,
    quiet: bool = False,
    stream: Literal["auto", "always", "never"] = "auto",
    log_jsonl: Path | None = None,
    tensorboard: Path | None = None,
    wandb: str | None = None,
) -> None:
    """Train every run of a TOML file of lists and ranges, many at a time.

    The file has a section [base] of settings that all runs share, and sections [[grid]], in
    each of which lists and ranges are combined: `beta = [0.5, 2.0]`, `seed = { start = 0,
    stop = 3 }`, `beta = { start = 0.1, stop = 10.0, num = 5, scale = "log" }`. Settings
    have underscores: `latent_dim = 8`. Runs with a remedy and without, or whose settings
    differ in name, go in a [[grid]] each. `vae-jax train --help` shows the settings,
    `vae-jax settings files` those of own data, and --dry-run what there is to do.

    Args:
        spec: TOML file with a [base] or [[grid]] sections, or both.
        out: folder of the results; `runs/SPEC-HASH` by default.
        strategy: how members share a device; `auto` chooses by platform and size.
        width: members resident at once.
        devices: virtual CPU devices at most, of which a run uses one; one a core by
            default.
        keep_params: store the final parameters of every member.
        keep_state: keep what every member ends with, optimiser and all, so that the same
            file with more `num_steps` goes on from there.
        accept_version_change: resume although JAX is not the version it began with.
        dry_run: check the runs and print what there is to do; nothing is compiled or
            written.
        quiet: draw no bar and say nothing on the way.
        stream: keep the training set on the host and send its batches; `auto` where it
            takes more than half of a device's memory.
        log_jsonl: append a line of JSON for every logged step and member to this file.
        tensorboard: write curves for TensorBoard into this folder, a run a member.
        wandb: log a run a member to this project of Weights & Biases, offline.
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
    )
    if dry_run:
        sweeps.setup_jax(devices_for(len(configs), devices))
        print_plan(configs, sweeps.plan(configs, options))
        return
    curves = None if tensorboard is None else str(tensorboard), wandb
    run_and_report(configs, out, spec.stem, options, devices, curves)


def run_and_report(
    configs: "Sequence[Run]",
    out: Path | None,
    name: str,
    options: "sweeps.Options",
    devices: int | None = None,
    curves: tuple[str | None, ...] = (None, None),
) -> None:
    """Run, print the table, and end with where the results are."""
    from vae_jax import results, sweeps
    from vae_jax.configs import to_mapping

    if out is None:
        spec = {"configs": [to_mapping(config) for config in configs]}
        out = Path("runs") / f"{name}-{results.short_hash(spec)}"
    out = expanded(out)
    sweeps.check_out(out)
    try:
        sweeps.setup_jax(devices_for(len(configs), devices))
    except RuntimeError as error:
        raise ValueError(f"`devices` cannot be set: {error}") from error
    stored = sweeps.run(configs, out, options, on_chunk=drawn(*curves))
    frames = stored.to_pandas()
    print_runs(frames.runs)
    print_falling(frames.metrics)
    print(f"\nResults: {out}")


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
