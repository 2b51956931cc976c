"""What `vae_jax.schedules` promises; references in numpy and float64.

A schedule is built and asked, a controller is shown what it observes, so that `step` and
`observed` are arguments like the others.
"""

import jax.numpy as jnp
import numpy as np
from entries import Entry

from vae_jax import schedules

STEPS = np.array([0.0, 3.0, 7.0, 20.0])
NOT_FINITE = (np.inf, -np.inf)
NOT_POSITIVE = (0.0, -1.0, np.inf)
ENDS = {"start": NOT_FINITE, "stop": NOT_FINITE}


def asked(make):
    """The schedule at the steps."""
    return lambda step, **settings: make(**settings)(step)


def watched(make):
    """Values and state of a controller that observes three numbers, one after another."""

    def run(observed, **settings):
        controller = make(**settings)
        state, values = controller.init(), []
        shape = np.shape(controller.value(state))
        for seen in jnp.asarray(observed):
            state = controller.update(state, jnp.broadcast_to(seen, shape))
            values.append(controller.value(state))
        return values

    return run


def ramp(start, stop, share):
    return start + (stop - start) * share


def identity(step):
    return jnp.asarray(step, jnp.float32)


def logs(start, drives, change, low, high):
    """A logarithm that climbs by bounded steps, exponentiated."""
    value, values = np.log(start), []
    for drive in drives:
        value = np.clip(
            value + np.clip(drive, -change, change), np.log(low), np.log(high)
        )
        values.append(np.exp(value))
    return values


def geco(observed, tolerance, speed, decay, max_change, initial, minimum, maximum):
    average, drives = observed[0] - tolerance, []
    for i, seen in enumerate(observed):
        mixed = decay * average + (1 - decay) * (seen - tolerance)
        average = mixed if i else average
        drives.append(speed * average)
    return logs(initial, drives, max_change, minimum, maximum)


def dual(observed, minimum, speed, initial, maximum):
    value, values = initial, []
    for seen in observed:
        value = np.clip(value + speed * (minimum - seen), 0, maximum)
        values.append(value)
    return values


def proportional_integral(observed, target, proportional, integral, minimum, maximum):
    total, values = 0.0, []
    for seen in observed:
        total -= integral * (target - seen)
        beta = proportional / (1 + np.exp(target - seen)) + total + minimum
        values.append(np.clip(beta, minimum, maximum))
    return values


LOG_BOUNDS = {
    "speed": NOT_POSITIVE,
    "max_change": (0.0, -1.0),
    "initial": (-1.0, 0.0, 0.05, 9.0),
    "minimum": (0.0, -1.0, 9.0),
    "maximum": (-1.0, 0.05),
}
LOGARITHMIC = {
    "speed": 0.1,
    "max_change": 0.5,
    "initial": 1.0,
    "minimum": 0.1,
    "maximum": 8.0,
}
SEEN = np.array([3.0, 6.0, 1.0])

ENTRIES = [
    Entry(
        "schedules.check_warmup",
        settings={"stop": 1.0},
        fixed={"schedule": lambda t: 1.0 + 0.0 * t, "num_steps": 10},
        outside={"num_steps": (0, 2.5), "stop": NOT_FINITE},
    ),
    Entry(
        "schedules.constant",
        arrays={"step": STEPS},
        settings={"value": 1.5},
        run=asked(schedules.constant),
        reference=lambda step, value: np.full(step.shape, value),
        outside={"value": NOT_FINITE},
    ),
    Entry(
        "schedules.control_vae",
        arrays={"observed": SEEN},
        settings={
            "target": 2.0,
            "proportional": 0.1,
            "integral": 0.05,
            "minimum": 0.1,
            "maximum": 0.9,
        },
        run=watched(schedules.control_vae),
        reference=proportional_integral,
        outside={
            "target": (-1.0, np.inf),
            "proportional": (-1.0, np.inf),
            "integral": (-1.0, np.inf),
            "minimum": (-1.0, 1.0),
            "maximum": (0.0,),
        },
        leading=("target", "maximum", "proportional", "integral", "minimum"),
    ),
    Entry(
        "schedules.cosine",
        arrays={"step": STEPS},
        settings={"start": 0.5, "stop": 2.0, "num_steps": 9.5},
        run=asked(schedules.cosine),
        reference=lambda step, start, stop, num_steps: ramp(
            start, stop, (1 - np.cos(np.pi * np.minimum(step / num_steps, 1))) / 2
        ),
        outside=ENDS | {"num_steps": (-1.0, np.inf)},
    ),
    Entry(
        "schedules.cyclical",
        arrays={"step": STEPS},
        settings={"start": 0.5, "stop": 2.0, "period": 8.0, "ratio": 0.5},
        run=asked(schedules.cyclical),
        reference=lambda step, start, stop, period, ratio: ramp(
            start, stop, np.minimum(np.mod(step, period) / period / ratio, 1)
        ),
        outside=ENDS | {"period": NOT_POSITIVE, "ratio": (0.0, -1.0, 2.0)},
    ),
    Entry(
        "schedules.delay",
        arrays={"step": STEPS},
        settings={"num_steps": 2.5},
        fixed={"schedule": identity},
        run=asked(schedules.delay),
        reference=lambda step, num_steps, schedule: np.maximum(step - num_steps, 0),
        outside={"num_steps": (-1.0, np.inf)},
    ),
    Entry(
        "schedules.dual_ascent",
        arrays={"observed": SEEN},
        settings={"minimum": 4.0, "speed": 0.1, "initial": 0.3, "maximum": 0.8},
        run=watched(schedules.dual_ascent),
        reference=dual,
        outside={
            "minimum": NOT_FINITE,
            "speed": NOT_POSITIVE,
            "initial": (-5.0, 0.9),
            "maximum": (-1.0, 0.2),
        },
        leading=("minimum", "speed", "initial", "maximum"),
    ),
    Entry(
        "schedules.geco",
        arrays={"observed": SEEN},
        settings={"tolerance": 2.5, "decay": 0.6, **LOGARITHMIC},
        run=watched(schedules.geco),
        reference=geco,
        outside=LOG_BOUNDS | {"tolerance": NOT_FINITE, "decay": (-0.1, 1.0)},
        leading=(
            "tolerance",
            "speed",
            "decay",
            "max_change",
            "initial",
            "minimum",
            "maximum",
        ),
    ),
    Entry(
        "schedules.join",
        arrays={"step": STEPS},
        settings={"boundary": 6.5},
        run=lambda step, boundary: schedules.join(
            [identity, lambda t: 100.0 + identity(t)], [boundary]
        )(step),
        reference=lambda step, boundary: np.where(
            step >= boundary, 100.0 + step - boundary, step
        ),
        outside={"boundary": (-1.0, np.inf)},
    ),
    Entry(
        "schedules.linear",
        arrays={"step": STEPS},
        settings={"start": 0.5, "stop": 2.0, "num_steps": 9.5},
        run=asked(schedules.linear),
        reference=lambda step, start, stop, num_steps: ramp(
            start, stop, np.minimum(step / num_steps, 1)
        ),
        outside=ENDS | {"num_steps": (-1.0, np.inf)},
    ),
    Entry(
        "schedules.sigmoid",
        arrays={"step": STEPS},
        settings={"start": 0.5, "stop": 2.0, "midpoint": 5.5, "steepness": 0.3},
        run=asked(schedules.sigmoid),
        reference=lambda step, start, stop, midpoint, steepness: ramp(
            start, stop, 1 / (1 + np.exp(-steepness * (step - midpoint)))
        ),
        outside=ENDS | {"midpoint": NOT_FINITE, "steepness": NOT_POSITIVE},
    ),
    Entry(
        "schedules.staircase",
        arrays={"step": STEPS},
        settings={"period": 2.5},
        fixed={"schedule": identity},
        run=asked(schedules.staircase),
        reference=lambda step, period, schedule: period * np.floor(step / period),
        outside={"period": NOT_POSITIVE},
    ),
    Entry(
        "schedules.steps_from_epochs",
        settings={"epochs": 2.5},
        fixed={"num_examples": 100, "batch_size": 10},
        reference=lambda epochs, num_examples, batch_size: 25,
        outside={
            "epochs": (-1, np.inf),
            "batch_size": (0, 101, 2.5),
            "num_examples": (0, 99.5),
        },
    ),
    Entry(
        "schedules.tabulate",
        fixed={"schedule": lambda t: 0.5 * identity(t), "num_steps": 3},
        reference=lambda schedule, num_steps: np.array([0.0, 0.5, 1.0]),
        outside={"num_steps": (0, 2.5, True)},
    ),
    Entry(
        "schedules.tanh",
        arrays={"step": STEPS},
        settings={"start": 0.5, "stop": 2.0, "rate": 0.3},
        run=asked(schedules.tanh),
        reference=lambda step, start, stop, rate: ramp(
            start, stop, np.tanh(rate * step)
        ),
        outside=ENDS | {"rate": NOT_POSITIVE},
    ),
    Entry(
        "schedules.target_rate",
        arrays={"observed": SEEN},
        settings={"target": 2.5, **LOGARITHMIC},
        run=watched(schedules.target_rate),
        reference=lambda observed, target, speed, max_change, initial, minimum, maximum: (
            logs(initial, speed * (observed - target), max_change, minimum, maximum)
        ),
        outside=LOG_BOUNDS | {"target": (-1.0, np.inf)},
        leading=("target", "speed", "max_change", "initial", "minimum", "maximum"),
    ),
    Entry(
        "schedules.warm_restarts",
        arrays={"step": STEPS},
        settings={"period": 5.0, "growth": 2.0},
        fixed={"schedule": identity},
        run=asked(schedules.warm_restarts),
        reference=lambda step, period, growth, schedule: np.array([0.0, 3.0, 2.0, 5.0]),
        outside={"period": NOT_POSITIVE, "growth": (0.5, 0.0, np.inf)},
    ),
]
