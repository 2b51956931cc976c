"""What each field allows by itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vae_jax.configs._types import did_you_mean

if TYPE_CHECKING:
    from vae_jax.configs._run import RunConfig

MODELS = (
    "linear",
    "mlp",
    "lipschitz",
    "convolutional",
    "autoregressive",
    "pixelcnn",
    "lstm",
    "transformer",
)

POSITIVE_INTS = (
    "latent_dim",
    "num_cycles",
    "batch_size",
    "num_steps",
    "log_every",
    "eval_samples",
    "prior_components",
    "embedding",
    "kernel",
    "components",
    "num_heads",
)
POSITIVE = (
    "variance",
    "learning_rate",
    "committed_rate",
    "posterior_scale",
    "refine_rate",
    "speed",
    "lipschitz",
)
NOT_NEGATIVE = (
    "window",
    "beta",
    "warmup_steps",
    "free_bits",
    "seed",
    "refine_steps",
    "capacity",
    "capacity_warmup",
    "capacity_weight",
    "target",
    "mmd_weight",
    "tc_weight",
    "importance_samples",
    "pretraining_steps",
    "inverse_lipschitz",
    "blocks",
)
PROBABILITIES = ("dropout", "word_dropout")


def check_ranges(config: RunConfig) -> None:
    for name in POSITIVE_INTS:
        _require(getattr(config, name) >= 1, config, name, "at least 1")
    for name in POSITIVE:
        value = getattr(config, name)
        _require(0 < value < math.inf, config, name, "finite and above 0")
    for name in NOT_NEGATIVE:
        value = getattr(config, name)
        fine = value is None or 0 <= value < math.inf
        _require(fine, config, name, "finite and at least 0")
    _require(config.seed < 2**31, config, "seed", "below 2**31")
    # the four special tokens and a word; the tokens that begin and end, and a word
    _require(config.vocab_size >= 5, config, "vocab_size", "at least 5")
    _require(config.max_length >= 3, config, "max_length", "at least 3")
    window = config.window
    _require(window is None or window < 2**31, config, "window", "below 2**31, or none")
    for name in PROBABILITIES:
        fine = 0 <= getattr(config, name) < 1
        _require(fine, config, name, "at least 0 and below 1")
    correlation = config.prior_correlation
    _require(abs(correlation) < 1, config, "prior_correlation", "between -1 and 1")
    ratio = config.cycle_ratio
    _require(0 < ratio <= 1, config, "cycle_ratio", "above 0 and at most 1")
    widths = config.hidden
    _require(all(w >= 1 for w in widths), config, "hidden", "widths of at least 1")
    for name in ("clip_norm", "init_bound"):
        value = getattr(config, name)
        fine = value is None or 0 < value < math.inf
        _require(fine, config, name, "finite and above 0, or none")


def check_choices(config: RunConfig) -> None:
    if ":" not in config.model and config.model not in MODELS:
        raise ValueError(
            f"`model` must be one of {', '.join(MODELS)} or `package.module:function`; "
            f"got {config.model!r}.{did_you_mean(config.model, MODELS)}"
        )


def _require(fine: bool, config: RunConfig, name: str, allowed: str) -> None:
    if not fine:
        value = getattr(config, name)
        raise ValueError(f"`{name}` must be {allowed}; got {value!r}.")
