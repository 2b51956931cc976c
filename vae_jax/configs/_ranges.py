"""What each field allows by itself."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from vae_jax.configs._types import as_float32, did_you_mean, shown

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

LARGEST = {
    "latent_dim": 100_000,
    "num_cycles": 10_000_000,
    "batch_size": 10_000_000,
    "num_steps": 10_000_000,
    "log_every": 10_000_000,
    "eval_samples": 100_000,
    "prior_components": 100_000,
    "embedding": 100_000,
    "kernel": 1_001,
    "components": 10_000,
    "num_heads": 10_000,
    "vocab_size": 10_000_000,
    "max_length": 10_000,
    "blocks": 1_000,
    "refine_steps": 10_000,
    "importance_samples": 10_000,
    "pretraining_steps": 10_000_000,
    "warmup_steps": 2**31 - 1,
    "capacity_warmup": 2**31 - 1,
}
"""Beyond them a size is a slip, and would only be found where memory ends."""

LARGEST_WIDTH, MOST_LAYERS, MOST_WEIGHTS = 100_000, 1_000, 10**9

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
HIGHEST_COMMITTED_RATE = 40.0
"""Nats; above it the range of sigma leaves float32. See `losses.delta_posterior`."""


def check_ranges(config: RunConfig) -> None:
    _check_sizes(config)
    _check_numbers(config)


def _check_sizes(config: RunConfig) -> None:
    for name in POSITIVE_INTS:
        _require(getattr(config, name) >= 1, config, name, "at least 1")
    for name, largest in LARGEST.items():
        fine = (getattr(config, name) or 0) <= largest
        _require(fine, config, name, f"at most {largest}")
    # the four special tokens and a word; the tokens that begin and end, and a word
    _require(config.vocab_size >= 5, config, "vocab_size", "at least 5")
    _require(config.max_length >= 3, config, "max_length", "at least 3")
    widths = config.hidden
    _require(all(w >= 1 for w in widths), config, "hidden", "widths of at least 1")
    fine = all(width <= LARGEST_WIDTH for width in widths)
    _require(fine, config, "hidden", f"widths of at most {LARGEST_WIDTH}")
    _require(len(widths) <= MOST_LAYERS, config, "hidden", f"{MOST_LAYERS} or fewer")
    layers = itertools.pairwise((*widths, config.latent_dim))
    most = max((width * after for width, after in layers), default=0)
    if max(most, config.vocab_size * config.embedding) > MOST_WEIGHTS:
        raise ValueError(
            f"a layer must have at most {MOST_WEIGHTS} weights; got `hidden` {widths}, "
            f"`latent_dim` {config.latent_dim}, `vocab_size` {config.vocab_size} and "
            f"`embedding` {config.embedding}. Make them smaller."
        )


def _check_numbers(config: RunConfig) -> None:
    for name in POSITIVE:
        value = getattr(config, name)
        _require(0 < value < math.inf, config, name, "finite and above 0")
    for name in NOT_NEGATIVE:
        value = getattr(config, name)
        fine = value is None or 0 <= value < math.inf
        _require(fine, config, name, "finite and at least 0")
    _require(config.seed < 2**31, config, "seed", "below 2**31")
    window = config.window
    _require(window is None or window < 2**31, config, "window", "below 2**31, or none")
    # as they are computed with: just below 1 they may round to it
    dropout, correlation = map(as_float32, (config.dropout, config.prior_correlation))
    _require(0 <= dropout < 1, config, "dropout", "at least 0 and below 1")
    fine = 0 <= config.word_dropout <= 1
    _require(fine, config, "word_dropout", "at least 0 and at most 1")
    fine = abs(correlation) < 1
    _require(fine, config, "prior_correlation", "between -1 and 1")
    fine = 1e-6 <= config.committed_rate <= HIGHEST_COMMITTED_RATE
    _require(fine, config, "committed_rate", "from 1e-6 to 40 nats")
    ratio = config.cycle_ratio
    _require(0 < ratio <= 1, config, "cycle_ratio", "above 0 and at most 1")
    for name in ("clip_norm", "init_bound"):
        value = getattr(config, name)
        fine = value is None or 0 < value < math.inf
        _require(fine, config, name, "finite and above 0, or none")


def check_choices(config: RunConfig) -> None:
    if ":" not in config.model and config.model not in MODELS:
        raise ValueError(
            f"`model` must be one of {', '.join(MODELS)} or `package.module:function`; "
            f"got {shown(config.model)}.{did_you_mean(config.model, MODELS)}"
        )


def _require(fine: bool, config: RunConfig, name: str, allowed: str) -> None:
    if not fine:
        value = getattr(config, name)
        raise ValueError(f"`{name}` must be {allowed}; got {shown(value)}.")
