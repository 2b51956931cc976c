"""The one step, its wrappings, a run as a `Program`, `fit`, and evaluation."""

from vae_jax.training._adam import adam
from vae_jax.training._evaluate import (
    MAX_DIAGNOSED,
    ExampleStatistics,
    example_statistics,
    make_evaluate,
    map_batches,
)
from vae_jax.training._fit import (
    ALIVE,
    Carry,
    check_windows,
    fit,
    init_carry,
    run_windows,
)
from vae_jax.training._keys import Stream, example_keys, member_key, stream_key
from vae_jax.training._objective import (
    Objective,
    RatePenalty,
    Terms,
    make_objective,
    plain_rate,
    sample_posterior,
)
from vae_jax.training._program import (
    Hyper,
    Prepare,
    Program,
    RunState,
    Splits,
    make_program,
)
from vae_jax.training._state import StepHyper, StepInfo, StepKeys, TrainState
from vae_jax.training._step import Step, init_state, make_step
from vae_jax.training._wrappings import jit_step, pmap_step, sharded_step

__all__ = [
    "ALIVE",
    "MAX_DIAGNOSED",
    "Carry",
    "ExampleStatistics",
    "Hyper",
    "Objective",
    "Prepare",
    "Program",
    "RatePenalty",
    "RunState",
    "Splits",
    "Step",
    "StepHyper",
    "StepInfo",
    "StepKeys",
    "Stream",
    "Terms",
    "TrainState",
    "adam",
    "check_windows",
    "example_keys",
    "example_statistics",
    "fit",
    "init_carry",
    "init_state",
    "jit_step",
    "make_evaluate",
    "make_objective",
    "make_program",
    "make_step",
    "map_batches",
    "member_key",
    "plain_rate",
    "pmap_step",
    "run_windows",
    "sample_posterior",
    "sharded_step",
    "stream_key",
]
