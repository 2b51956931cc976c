"""`vae-jax train` and `vae-jax settings`."""

from collections.abc import Sequence
from pathlib import Path

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
    from vae_jax.cli._sweep import run_and_report

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
