"""How a sweep is run, apart from what it computes."""

from pathlib import Path
from typing import Literal, NamedTuple

from vae_jax.sweeps.devices._strategy import Strategy

DEFAULT_WIDTH = 64

Stream = Literal["auto", "always", "never"]


class Options(NamedTuple):
    """How a sweep is run; none of it changes what is computed but for rounding.

    Another `strategy`, width or number of `batch_devices` rounds in another way, and
    `stop_hopeless` says how far some members are trained.

    Attributes:
        strategy: `map` or `vmap` within a device. Where None, as the folder began; else by
            platform and size, and by the clock where these leave a doubt and the run is
            long enough for it to pay. The manifest says which.
        width: members resident at once at most; fewer where memory has no room for them,
            which is said and stands in the manifest.
        keep_params: store the final parameters of every member.
        keep_state: keep what every member ends with (parameters, optimiser, history), from
            which `run` goes on when it is given more steps.
        metrics_file: append a line of JSON for every logged step of every member, while
            they train; a run that is gone on with repeats none.
        checkpoint_seconds: at least this long between two checkpoints.
        stream: whether training examples stay on the host (in memory or in a file that is
            mapped) and only the batches of some steps are sent; `auto` where the training
            set is larger than half of a device's free memory. It changes no bit of the
            results, needs grain, and is refused with what needs the whole training set.
        batch_devices: devices that share the batches of a member, each with a part of them.
            One trains what several do to rounding: a sum over a batch is taken in another
            order. What takes a batch whole is refused.
        stop_hopeless: stop members that have diverged, or collapsed beyond return, and give
            their places to members that have not begun. They are looked at after each
            twentieth of their steps. One is beyond return when, of an objective that stays
            what it is, its rate was below the limit of a collapsed verdict for as many
            steps as are left, and would be below half of it at the end: a
            departure from the collapsed point grows exponentially
            (`analytic.escape_rate`). Its status is `stopped`, and it is measured as it is.
        progress: draw the bar, or write plain lines where there is no terminal.
        accept_version_change: resume although JAX is not the version it began with.

    >>> Options().width
    64
    """

    strategy: Strategy | None = None
    width: int = DEFAULT_WIDTH
    keep_params: bool = True
    checkpoint_seconds: float = 10.0
    progress: bool = True
    accept_version_change: bool = False
    keep_state: bool = False
    metrics_file: str | Path | None = None
    stream: Stream = "auto"
    batch_devices: int = 1
    stop_hopeless: bool = False
