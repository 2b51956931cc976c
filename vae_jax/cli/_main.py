"""Parse the command, say what is wrong with it in one line, or run it.

A command's module is imported when it is asked for: this page needs neither JAX nor pandas.
"""

import contextlib
import gc
import importlib
import io
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from vae_jax import __version__
from vae_jax.records import did_you_mean

OBJECTS = 100_000
"""New ones after which garbage is looked for, in the place of Python's 700: a fifth of the
time of a refusal went into that."""

COMMANDS = {
    "train": ("_train", "Train one model and say whether it collapsed."),
    "sweep": (
        "_sweep",
        "Train every run of a TOML file of lists and ranges, many at a time.",
    ),
    "settings": (
        "_train",
        "Show a choice, what one of its records has, or a setting.",
    ),
    "diagnose": (
        "_diagnose",
        "Print whether a posterior is collapsed, of a run or of a file, and why.",
    ),
    "compare": (
        "_compare",
        "Print how the metrics of two groups of members differ, pair by pair.",
    ),
    "report": (
        "_report",
        "Write one HTML page of any run or sweep, which is read without a network.",
    ),
    "use": (
        "_use",
        "Let a trained member encode, sample, reconstruct, interpolate or be exported.",
    ),
    "forecast": (
        "_forecast",
        "Print how many latent units can stay active at each beta and noise variance.",
    ),
    "doctor": (
        "_doctor",
        "Print what this machine has, and exit with 1 if something is missing.",
    ),
}
"""The module of each, and the first line of its help."""

OF_WORDS = ("train", "settings", "forecast")
"""Commands whose flags are settings of a run, which depend on each other."""

OF_FOLDERS = ("status", "resume", "repair")
"""What `sweep` does with a folder; a file of such a name is given as `./status`."""

REFUSED = 2
"""Exit code of a command that cannot be carried out as given."""

INTERRUPTED = 130
"""Of Ctrl-C where there is no state to save: 128 and the number of the signal."""

UNREAD = 141
"""Of output that nobody reads any more, by `head`: as if SIGPIPE had ended it."""

HELP = """\
usage: vae-jax COMMAND [OPTIONS]

Understand and cure posterior collapse.

commands (vae-jax COMMAND --help says more):
{commands}

options:
  --help     this page
  --version  the version of vae-jax

exit codes:
  0    done, or done before: the results are in the folder that is named last
  1    a defect of vae-jax, with its traceback; `doctor`: something is missing
  2    refused: the command or its input cannot be carried out as given
  75   another host of the run no longer answers; the same command goes on
  128 + the number of a signal, where one ended the command: 129 SIGHUP, 130 Ctrl-C, 138
       SIGUSR1, 143 SIGTERM; a run has saved its state, and the same command goes on
  141  nobody reads the output any more

Compiled programs are kept in ~/.cache/vae_jax, or where VAE_JAX_CACHE says; the folder
may be deleted at any time. `vae-jax doctor` names it.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; bad input ends with one line and exit code 2.

    What stands for a mistake of the user, or for a damaged or foreign folder, has a text
    that says what to do; anything else is a defect and shows its traceback.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with seldom_collected(), tidy_warnings(), flushed():
            run_command(words)
    except BrokenPipeError as error:
        _let_go_of_stdout()
        raise SystemExit(UNREAD) from error
    except KeyboardInterrupt as error:
        tell("vae-jax: interrupted")
        raise SystemExit(INTERRUPTED) from error
    except Exception as error:
        if not is_explained(error):
            raise
        tell(f"vae-jax: {error}")
        raise SystemExit(REFUSED) from error


def tell(sentence: str) -> None:
    """A line on standard error; that nobody reads it ends nothing.

    >>> with contextlib.redirect_stderr(sys.stdout):
    ...     tell("vae-jax: interrupted")
    vae-jax: interrupted
    """
    with contextlib.suppress(BrokenPipeError):
        print(sentence, file=sys.stderr)


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """With fewer looks for garbage: importing makes much, and all of it stays.

    >>> with seldom_collected():
    ...     gc.get_threshold()[0]
    100000
    """
    before = gc.get_threshold()
    gc.set_threshold(OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def run_command(words: list[str]) -> None:
    """The command that the first word names, or the page of help."""
    first = words[0] if words else None
    if first in ("-h", "--help"):
        print(help_page(), end="")
    elif first == "--version":
        print(f"vae-jax {__version__}")
    elif first in COMMANDS:
        module = importlib.import_module(f"vae_jax.cli.{COMMANDS[first][0]}")
        if first in OF_WORDS:
            getattr(module, first)(words[1:])
            return
        import tyro

        if first == "sweep" and words[1:2] and words[1] in OF_FOLDERS:
            module = importlib.import_module("vae_jax.cli._folder")
            first, words = words[1], words[1:]
            tyro.cli(
                getattr(module, first), prog=f"vae-jax sweep {first}", args=words[1:]
            )
            return
        tyro.cli(getattr(module, first), prog=f"vae-jax {first}", args=words[1:])
    elif first is None:
        print(help_page(), end="", file=sys.stderr)
        raise SystemExit(REFUSED)
    else:
        raise ValueError(
            f"the first word must be a command, one of {', '.join(COMMANDS)}; got "
            f"{first!r}.{did_you_mean(first, COMMANDS)}"
        )


def help_page() -> str:
    """What there is, and what exit codes mean.

    >>> "vae-jax COMMAND" in help_page()
    True
    """
    lines = [f"  {name:<9} {summary}" for name, (_, summary) in COMMANDS.items()]
    return HELP.format(commands="\n".join(lines))


def is_explained(error: Exception) -> bool:
    """Whether its text says what to do, so that no traceback is needed.

    >>> is_explained(ValueError("`beta` must be ...")), is_explained(KeyError("beta"))
    (True, False)
    """
    if isinstance(error, ValueError | OSError):
        return True
    # whoever raised them has imported their modules
    known = (
        ("vae_jax.checkpoints", "DamagedCheckpoint"),
        ("vae_jax.engines", "WorkerFailed"),
        ("vae_jax.checkpoints", "ForeignCheckpoint"),
        ("vae_jax.results", "DamagedFile"),
        ("vae_jax.results", "ForeignFile"),
        ("vae_jax.results", "VersionChanged"),
    )
    loaded = [
        (sys.modules[module], name) for module, name in known if module in sys.modules
    ]
    return any(isinstance(error, getattr(module, name)) for module, name in loaded)


@contextlib.contextmanager
def flushed() -> Iterator[None]:
    """What was printed is written here, where its failure is caught."""
    try:
        yield
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


def _let_go_of_stdout() -> None:
    """The interpreter flushes once more when it ends; let that go nowhere."""
    with contextlib.suppress(io.UnsupportedOperation):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def tidy_warnings() -> Iterator[None]:
    """Warnings that are for the user are a line, others as Python prints them."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> Any:
        if category is UserWarning:
            tell(f"vae-jax: note: {message}")
        else:
            usual(message, category, filename, lineno, file, line)

    with warnings.catch_warnings():
        usual = warnings.showwarning
        warnings.simplefilter("once")
        warnings.showwarning = show
        yield
