"""The one step, its wrappings, a run as a `Program`, `fit`, and evaluation."""

from vae_jax.training._adam import adam
from vae_jax.training._aggressive import (
    AggressiveInfo,
    AggressiveState,
    Counts,
    make_aggressive_program,
    make_settle,
)
from vae_jax.training._average import AverageState, with_average
from vae_jax.training._batches import map_batches
from vae_jax.training._calibrate import make_calibrate
from vae_jax.training._checks import check_hyper, check_run, check_splits
from vae_jax.training._columns import report_of
from vae_jax.training._early_stopping import (
    Stopping,
    StoppingState,
    with_early_stopping,
)
from vae_jax.training._encoder_share import (
    IsEncoder,
    ShareOptimizers,
    ShareStates,
    in_encoder,
    share_optimizers,
)
from vae_jax.training._evaluate import (
    MAX_DIAGNOSED,
    EvaluationKeys,
    ExampleStatistics,
    evaluation_keys,
    example_statistics,
    make_evaluate,
)
from vae_jax.training._feedback import (
    Feedback,
    control_vae_feedback,
    from_controller,
    geco_feedback,
    minimum_rate_feedback,
    target_rate_feedback,
)
from vae_jax.training._fit import check_windows, fit
from vae_jax.training._importance import make_importance_objective
from vae_jax.training._inner_loop import InnerLoop
from vae_jax.training._judgement import Judgement
from vae_jax.training._keys import (
    Stream,
    example_keys,
    fold_indices,
    member_key,
    split_each,
    stream_key,
)
from vae_jax.training._learning_rate import take_rate
from vae_jax.training._objective import (
    Auxiliary,
    Latent,
    Objective,
    RatePenalty,
    Regulariser,
    Terms,
    kl_to_prior,
    log_prior,
    make_objective,
    plain_rate,
    sample_posterior,
)
from vae_jax.training._optimizers import (
    SGD,
    Adam,
    AdamW,
    Lion,
    OfOptax,
    Optimizer,
    RMSProp,
)
from vae_jax.training._plateau import (
    Patience,
    Plateau,
    PlateauState,
    make_validate,
    with_plateau,
)
from vae_jax.training._posteriors import (
    batch_norm_posterior,
    delta_posterior,
    semi_amortised_posterior,
)
from vae_jax.training._pretraining import pretraining_betas, with_decoder_reset
from vae_jax.training._program import (
    Calibrate,
    Hyper,
    Prepare,
    Program,
    RunState,
    Splits,
    epoch_order,
    make_program,
)
from vae_jax.training._regularisers import (
    mmd_regulariser,
    total_correlation_regulariser,
)
from vae_jax.training._sgd import sgd
from vae_jax.training._snapshots import SnapshotState, with_snapshots
from vae_jax.training._state import StepHyper, StepInfo, StepKeys, TrainState
from vae_jax.training._step import Step, init_state, make_step
from vae_jax.training._steps import ALIVE, Carry, init_carry, recorded, run_steps
from vae_jax.training._streamed import Streamed, Window, for_seed
from vae_jax.training._wrappings import jit_step, pmap_step, sharded_step

__all__ = [
    "Auxiliary",
    "SGD",
    "Adam",
    "AdamW",
    "Lion",
    "OfOptax",
    "Optimizer",
    "RMSProp",
    "ALIVE",
    "MAX_DIAGNOSED",
    "AggressiveInfo",
    "AggressiveState",
    "Calibrate",
    "Carry",
    "Counts",
    "EvaluationKeys",
    "ExampleStatistics",
    "Feedback",
    "Hyper",
    "InnerLoop",
    "IsEncoder",
    "Judgement",
    "Latent",
    "Objective",
    "Patience",
    "AverageState",
    "Plateau",
    "PlateauState",
    "Prepare",
    "Program",
    "RatePenalty",
    "Regulariser",
    "RunState",
    "ShareOptimizers",
    "ShareStates",
    "SnapshotState",
    "Splits",
    "Step",
    "Stopping",
    "StoppingState",
    "StepHyper",
    "StepInfo",
    "StepKeys",
    "Stream",
    "Streamed",
    "Terms",
    "TrainState",
    "Window",
    "adam",
    "batch_norm_posterior",
    "check_hyper",
    "check_run",
    "check_splits",
    "check_windows",
    "control_vae_feedback",
    "delta_posterior",
    "evaluation_keys",
    "example_keys",
    "example_statistics",
    "fit",
    "fold_indices",
    "epoch_order",
    "for_seed",
    "from_controller",
    "geco_feedback",
    "in_encoder",
    "init_carry",
    "init_state",
    "jit_step",
    "kl_to_prior",
    "log_prior",
    "make_aggressive_program",
    "make_calibrate",
    "make_evaluate",
    "make_importance_objective",
    "make_objective",
    "make_program",
    "make_settle",
    "make_step",
    "make_validate",
    "map_batches",
    "member_key",
    "minimum_rate_feedback",
    "mmd_regulariser",
    "plain_rate",
    "pmap_step",
    "report_of",
    "pretraining_betas",
    "recorded",
    "run_steps",
    "sample_posterior",
    "semi_amortised_posterior",
    "sharded_step",
    "sgd",
    "share_optimizers",
    "split_each",
    "stream_key",
    "target_rate_feedback",
    "total_correlation_regulariser",
    "with_decoder_reset",
    "with_early_stopping",
    "take_rate",
    "with_average",
    "with_plateau",
    "with_snapshots",
]
