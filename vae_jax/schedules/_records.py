"""Schedules of beta as records of a run: each makes the schedule that its name says."""

import itertools
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal

from vae_jax.records import Record, ask, data, record
from vae_jax.schedules._compose import ARRIVED, join
from vae_jax.schedules._cyclical import cyclical
from vae_jax.schedules._ramps import constant, cosine, linear, sigmoid, tanh
from vae_jax.schedules._retimed import delay, staircase, warm_restarts
from vae_jax.types import Schedule

MOST_STEPS = 2**31 - 1

ROUNDING = 2.0**-22
"""Of a beta that is computed in float32, relative, with some steps on the way."""


def first_weight(text: str) -> Any:
    """The setting `beta_start`."""
    return data(text, default=0.0, low=0)


def delay_of(text: str) -> Any:
    """The setting `delay_steps`."""
    return data(text, default=0, low=0, high=MOST_STEPS, in_epochs=True)


def unfinished(text: str) -> Any:
    """The setting `allow_unfinished_warmup`."""
    return data(text, default=False)


@record()
class BetaSchedule(Record):
    """What beta is at every step.

    A schedule is a row of numbers inside a program, so that unlike ones share it.

    Attributes:
        is_constant: beta is the same at every step, and no more than a weight.
        shares: what of it is a share of the run, as a sentence.
    """

    is_constant: ClassVar[bool] = False
    shares: ClassVar[str] = ""

    beta: float = data("Final weight of the rate; 1 is the ELBO.", default=1.0, low=0)

    @abstractmethod
    def make(self, num_steps: int) -> Schedule:
        """Step -> beta of a run of `num_steps`."""

    def check_arrival(self, made: Schedule, num_steps: int) -> None:
        """Refuse a run that ends before beta has arrived: it trains another objective.

        A beta that approaches its final value has arrived at 99 % of the way to it.

        Args:
            made: what the run trains with, the delay of a pre-training included.
            num_steps: of the run.

        Raises:
            ValueError: names the schedule and the beta of the last step.
        """
        start: Any = getattr(self, "beta_start", self.beta)
        if getattr(self, "allow_unfinished_warmup", True):
            return
        last = float(made(float(num_steps - 1)))
        off = (1 - ARRIVED) * abs(self.beta - start) + ROUNDING * self.beta
        if abs(last - self.beta) <= off:
            return
        raise ValueError(
            f"`schedule` {self.chosen_name!r} must arrive at beta={self.beta:g} within the "
            f"run; got {last:.4g} at the last of {num_steps} steps."
            f"{self.advice(num_steps)} To train so all the same, set "
            "`allow_unfinished_warmup`."
        )

    def advice(self, num_steps: int) -> str:
        """How to arrive, as a sentence with a space before it."""
        del num_steps
        return " Shorten it, or train longer."


@record("schedule", "constant")
class Constant(BetaSchedule):
    """The same beta from the first step on."""

    is_constant = True

    def make(self, num_steps: int) -> Schedule:
        """`beta(t) = beta`."""
        del num_steps
        return constant(self.beta)


@record()
class Ramp(BetaSchedule):
    """A way from one beta to another."""

    shares = "`warmup_steps` is half of the run where none is given."
    beta_start: float = first_weight("Weight of the rate at the first step.")
    warmup_steps: int | None = data(
        "Steps until beta has arrived; half of the run where none is given.",
        default=None,
        low=0,
        high=MOST_STEPS,
        in_epochs=True,
    )
    delay_steps: int = delay_of("Steps at the first weight before the ramp begins.")
    stair_steps: int = data(
        "Steps for which a value is held before the next one; 1 for a smooth ramp.",
        default=1,
        low=1,
        high=MOST_STEPS,
        in_epochs=True,
    )
    allow_unfinished_warmup: bool = unfinished(
        "Train although the run ends before the ramp does."
    )

    def length(self, num_steps: int) -> int:
        """Steps of the ramp, at least one."""
        half = num_steps // 2 if self.warmup_steps is None else self.warmup_steps
        return max(half, 1)

    @abstractmethod
    def ramp(self, num_steps: int) -> Schedule:
        """Step -> beta without the delay."""

    def make(self, num_steps: int) -> Schedule:
        """The ramp after its delay, in stairs where they are longer than a step."""
        ramp: Schedule = ask(self.ramp, Callable, num_steps)
        late = delay(ramp, self.delay_steps)
        return late if self.stair_steps == 1 else staircase(late, self.stair_steps)

    def advice(self, num_steps: int) -> str:
        """How to arrive, as a sentence with a space before it."""
        steps = self.length(num_steps) + self.delay_steps
        return (
            f" Its ramp ends at step {steps}: `warmup_steps` must end within `num_steps`. "
            "Shorten the warm-up or train longer."
        )


@record("schedule", "linear")
class Linear(Ramp):
    """A straight ramp, Sonderby et al. (2016)."""

    def ramp(self, num_steps: int) -> Schedule:
        """See `schedules.linear`."""
        return linear(self.beta_start, self.beta, self.length(num_steps))


@record("schedule", "cosine")
class Cosine(Ramp):
    """Half a wave of the cosine."""

    def ramp(self, num_steps: int) -> Schedule:
        """See `schedules.cosine`."""
        return cosine(self.beta_start, self.beta, self.length(num_steps))


@record("schedule", "sigmoid")
class Sigmoid(Ramp):
    """The logistic of Bowman et al. (2016): 0.25 % of the way at 0, 99.75 % at the end."""

    def ramp(self, num_steps: int) -> Schedule:
        """See `schedules.sigmoid`; the midpoint is half of `warmup_steps`."""
        steps = self.length(num_steps)
        return sigmoid(self.beta_start, self.beta, steps / 2, 12.0 / steps)


@record("schedule", "tanh")
class Tanh(Ramp):
    """Ichikawa & Hukushima (2024): 99.5 % of the way at the end of the ramp."""

    def ramp(self, num_steps: int) -> Schedule:
        """See `schedules.tanh`."""
        return tanh(self.beta_start, self.beta, 3.0 / self.length(num_steps))


@record("schedule", "cyclical")
class Cyclical(BetaSchedule):
    """Ramps again and again, Fu et al. (2019)."""

    shares = "`num_cycles` divides the run."
    beta_start: float = first_weight("Weight of the rate where a cycle begins.")
    num_cycles: int = data(
        "Ramps over the whole run.", default=4, low=1, high=10_000_000
    )
    cycle_ratio: float = data(
        "Share of a cycle that is spent rising.",
        default=0.5,
        low=0,
        low_open=True,
        high=1,
    )
    cycle_shape: Literal["linear", "sigmoid", "cosine"] = data(
        "Form of each ramp.", default="linear"
    )
    delay_steps: int = delay_of("Steps at the first weight before the cycles begin.")
    allow_unfinished_warmup: bool = unfinished(
        "Train although no cycle arrives, or the last one does not."
    )

    def conflict(self, run: Any) -> str | None:
        """A cycle needs a step to begin and a step to arrive."""
        left = run.num_steps - self.delay_steps
        if left >= 2 * self.num_cycles or self.allow_unfinished_warmup:
            return None
        return (
            "`num_cycles` must be at most half of the steps, for a cycle begins and "
            f"arrives; got {self.num_cycles} in {left} steps."
        )

    def make(self, num_steps: int) -> Schedule:
        """See `schedules.cyclical`; the cycles divide what is left after the delay."""
        period = (num_steps - self.delay_steps) / self.num_cycles
        wave = cyclical(
            self.beta_start, self.beta, period, self.cycle_ratio, self.cycle_shape
        )
        return delay(wave, self.delay_steps)


@record("schedule", "warm_restarts")
class WarmRestarts(BetaSchedule):
    """Ramps that begin anew after cycles of growing length, Loshchilov & Hutter (2017)."""

    beta_start: float = first_weight("Weight of the rate where a cycle begins.")
    cycle_steps: int = data(
        "Steps of the first cycle.",
        kw_only=True,
        low=1,
        high=MOST_STEPS,
        in_epochs=True,
    )
    cycle_growth: float = data(
        "Factor from the length of one cycle to the next.", default=1.0, low=1
    )
    cycle_ratio: float = data(
        "Share of the first cycle that a ramp takes.",
        default=0.5,
        low=0,
        low_open=True,
        high=1,
    )
    allow_unfinished_warmup: bool = unfinished(
        "Train although the last ramp does not arrive."
    )

    def make(self, num_steps: int) -> Schedule:
        """See `schedules.warm_restarts`."""
        del num_steps
        ramp = linear(self.beta_start, self.beta, self.cycle_ratio * self.cycle_steps)
        return warm_restarts(ramp, self.cycle_steps, self.cycle_growth)


@record("schedule", "stages")
class Stages(BetaSchedule):
    """One beta after another, each held for its steps, and the final one to the end."""

    stage_betas: tuple[float, ...] = data(
        "Weights before the final one.", kw_only=True, low=0
    )
    stage_steps: tuple[int, ...] = data(
        "Steps for which each of them is held.",
        kw_only=True,
        low=1,
        high=MOST_STEPS,
        in_epochs=True,
    )
    allow_unfinished_warmup: bool = unfinished(
        "Train although the final stage is not reached."
    )

    def check(self) -> None:
        """As many lengths as weights.

        Raises:
            ValueError: names both.
        """
        if len(self.stage_betas) != len(self.stage_steps):
            raise ValueError(
                "`stage_steps` must be a number for each of `stage_betas`; got "
                f"{self.stage_steps} for {self.stage_betas}."
            )

    def make(self, num_steps: int) -> Schedule:
        """See `schedules.join`."""
        del num_steps
        ends = list(itertools.accumulate(self.stage_steps))
        return join([constant(beta) for beta in (*self.stage_betas, self.beta)], ends)
