"""The fields of a config that are data: schedules as rows, numbers as arrays."""

import numpy as np

from vae_jax import schedules
from vae_jax.configs import RunConfig
from vae_jax.training import Hyper, pretraining_betas
from vae_jax.types import Schedule
from vae_jax.vae import FULL_WINDOW, Knobs


def warmup_steps(config: RunConfig) -> int:
    """Length of the ramp: as given, else half of the run.

    >>> warmup_steps(RunConfig(num_steps=1000))
    500
    """
    if config.warmup_steps is None:
        return max(config.num_steps // 2, 1)
    return config.warmup_steps


def beta_schedule(config: RunConfig) -> Schedule:
    """Step -> beta; it begins after the pre-training.

    >>> float(beta_schedule(RunConfig(beta=2.0, schedule="linear"))(1500))
    2.0
    """
    return schedules.delay(plain_schedule(config), config.pretraining_steps)


def plain_schedule(config: RunConfig) -> Schedule:
    """Step -> beta of a run without pre-training.

    >>> float(plain_schedule(RunConfig(beta=2.0))(0))
    2.0
    """
    ramp, beta = max(warmup_steps(config), 1), config.beta
    if config.schedule == "linear":
        return schedules.linear(0.0, beta, ramp)
    if config.schedule == "cosine":
        return schedules.cosine(0.0, beta, ramp)
    if config.schedule == "sigmoid":
        # from 0.25 % to 99.75 % of beta between step 0 and the end of the ramp
        return schedules.sigmoid(0.0, beta, ramp / 2, 12.0 / ramp)
    if config.schedule == "tanh":
        # 99.5 % of beta at the end of the ramp
        return schedules.tanh(0.0, beta, 3.0 / ramp)
    if config.schedule == "cyclical":
        period = config.num_steps / config.num_cycles
        return schedules.cyclical(0.0, beta, period, config.cycle_ratio)
    return schedules.constant(beta)


def learning_rates(config: RunConfig) -> np.ndarray:
    """The learning rate of every step; the cosine one ends at 0.

    >>> learning_rates(RunConfig(num_steps=50)).shape
    (50,)
    """
    steps = np.arange(config.num_steps)
    share = np.ones(len(steps))
    if config.learning_rate_schedule == "cosine":
        share = 0.5 + 0.5 * np.cos(np.pi * steps / config.num_steps)
    return (config.learning_rate * share).astype(np.float32)


def hyper(config: RunConfig) -> Hyper:
    """The fields of a config that are data to the compiled program.

    >>> float(hyper(RunConfig(beta=2.0)).at(0).beta)
    2.0
    """
    window = FULL_WINDOW if config.window is None else config.window
    betas = schedules.tabulate(beta_schedule(config), config.num_steps)
    return Hyper(
        beta=np.asarray(pretraining_betas(betas, config.pretraining_steps)),
        learning_rate=learning_rates(config),
        free_bits=np.float32(config.free_bits),
        knobs=Knobs(
            window=np.int32(window),
            dropout=np.float32(config.dropout),
            variance=np.float32(config.variance),
            word_dropout=np.float32(config.word_dropout),
            committed_rate=np.float32(config.committed_rate),
            posterior_scale=np.float32(config.posterior_scale),
            refine_rate=np.float32(config.refine_rate),
            inverse_lipschitz=np.float32(config.inverse_lipschitz),
            lipschitz=np.float32(config.lipschitz),
        ),
        capacity=capacities(config),
        capacity_weight=np.float32(config.capacity_weight),
        target=np.float32(config.target),
        speed=np.float32(config.speed),
        mmd_weight=np.float32(config.mmd_weight),
        tc_weight=np.float32(config.tc_weight),
    )


def capacities(config: RunConfig) -> np.ndarray:
    """The capacity at every step: a linear ramp from 0, then the target.

    >>> config = RunConfig(num_steps=50, capacity=4.0, capacity_warmup=20)
    >>> capacities(config)[[0, 10, 20, 49]].tolist()
    [0.0, 2.0, 4.0, 4.0]
    """
    ramp = schedules.linear(0.0, config.capacity, config.capacity_warmup)
    return np.asarray(schedules.tabulate(ramp, config.num_steps))
