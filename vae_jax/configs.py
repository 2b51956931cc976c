"""One training run as a frozen record, validated field by field on construction.

What needs the data or the model to judge is checked in `build.check`, before any
compile. `DATA_FIELDS` may differ between the members of one compiled program.
"""

import difflib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

Binarize = Literal["none", "static", "dynamic"]
LikelihoodName = Literal[
    "bernoulli", "gaussian", "gaussian_learned", "gaussian_optimal"
]
ScheduleName = Literal["constant", "linear", "sigmoid", "cosine", "cyclical"]
RateScheduleName = Literal["constant", "cosine"]
SplitName = Literal["train", "validation", "test"]
Over = Literal["unit", "total"]
Mean = Literal["batch", "example"]
Rule = Literal["max", "mask"]
Precision = Literal["default", "high", "highest"]

MODELS = ("linear", "mlp", "autoregressive")

DATA_FIELDS = frozenset(
    {
        "seed",
        "beta",
        "schedule",
        "warmup_steps",
        "num_cycles",
        "cycle_ratio",
        "allow_unfinished_warmup",
        "free_bits",
        "window",
        "dropout",
        "variance",
        "learning_rate",
        "learning_rate_schedule",
    }
)
"""Fields that are data to the compiled program; all the others shape it."""


@dataclass(frozen=True)
class RunConfig:
    """Everything that defines one training run.

    Attributes:
        dataset: `digits` (embedded), `mnist`, `fashion_mnist`, `kmnist`, or an image set
            of tensorflow-datasets that lies prepared as array_record.
        data_folder: local folder with IDX files; the default places are searched without.
        binarize: `static` (x > 0.5), `dynamic` (drawn anew at every visit) or `none`.
        dequantize: add uniform noise of one grey level (Gaussian likelihoods).
        model: `linear`, `mlp`, `autoregressive`, or your own, `package.module:function`.
        latent_dim: units of z.
        hidden: widths of the hidden layers.
        window: previous pixels an autoregressive decoder may see; none for all of them.
        dropout: probability of dropping a hidden unit of the decoder.
        likelihood: of the data given z; fixed, learned or optimal Gaussian variance.
        variance: of a `gaussian` likelihood, whose variance is fixed.
        beta: final weight of the rate; 1 is the ELBO.
        schedule: how beta is reached: from 0, except `constant`.
        warmup_steps: length of the linear and cosine ramp, and twice the midpoint of the
            sigmoid. Half of the run where none is given.
        num_cycles: ramps of the cyclical schedule over the whole run.
        cycle_ratio: share of a cycle spent rising.
        allow_unfinished_warmup: train although beta does not reach its final value.
        free_bits: nats of rate that cost nothing; 0 for none.
        free_bits_over: counted per latent `unit` or in `total`.
        free_bits_mean: applied to the `batch` mean or to each `example`.
        free_bits_rule: `max` of threshold and rate, or `mask` (drops to 0 below).
        learning_rate: of Adam.
        learning_rate_schedule: `constant`, or `cosine` to 0 at the end of the run.
        clip_norm: largest norm of a gradient; none for no clipping.
        batch_size: examples a step.
        num_steps: optimiser steps.
        log_every: steps averaged into one row of history.
        seed: of parameters, order and noise.
        eval_split: split that the final metrics are of.
        eval_samples: samples of z an example in evaluation.
        precision: of matrix products; theory checks on TPU or TF32 need `highest`.

    Raises:
        ValueError: a field is out of its range; names the field, the value and what is
            allowed.

    >>> RunConfig(beta=2.0).latent_dim
    8
    """

    dataset: str = "digits"
    data_folder: str | None = None
    binarize: Binarize = "static"
    dequantize: bool = False
    model: str = "mlp"
    latent_dim: int = 8
    hidden: tuple[int, ...] = (512, 512)
    window: int | None = None
    dropout: float = 0.0
    likelihood: LikelihoodName = "bernoulli"
    variance: float = 1.0
    beta: float = 1.0
    schedule: ScheduleName = "constant"
    warmup_steps: int | None = None
    num_cycles: int = 4
    cycle_ratio: float = 0.5
    allow_unfinished_warmup: bool = False
    free_bits: float = 0.0
    free_bits_over: Over = "unit"
    free_bits_mean: Mean = "batch"
    free_bits_rule: Rule = "max"
    learning_rate: float = 1e-3
    learning_rate_schedule: RateScheduleName = "constant"
    clip_norm: float | None = None
    batch_size: int = 128
    num_steps: int = 1500
    log_every: int = 50
    seed: int = 0
    eval_split: SplitName = "test"
    eval_samples: int = 64
    precision: Precision = "default"

    def __post_init__(self) -> None:
        """Check every field by itself."""
        for field in fields(self):
            _check_type(field.name, getattr(self, field.name), field.type)
        _check_ranges(self)
        _check_choices(self)
        _check_together(self)


POSITIVE_INTS = (
    "latent_dim",
    "num_cycles",
    "batch_size",
    "num_steps",
    "log_every",
    "eval_samples",
)
POSITIVE = ("variance", "learning_rate")
NOT_NEGATIVE = ("window", "beta", "warmup_steps", "free_bits", "seed")


def _check_ranges(config: RunConfig) -> None:
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
    window = config.window
    _require(window is None or window < 2**31, config, "window", "below 2**31, or none")
    _require(0 <= config.dropout < 1, config, "dropout", "at least 0 and below 1")
    ratio = config.cycle_ratio
    _require(0 < ratio <= 1, config, "cycle_ratio", "above 0 and at most 1")
    widths = config.hidden
    _require(all(w >= 1 for w in widths), config, "hidden", "widths of at least 1")
    clip = config.clip_norm
    fine = clip is None or 0 < clip < math.inf
    _require(fine, config, "clip_norm", "finite and above 0, or none")


def _check_choices(config: RunConfig) -> None:
    if ":" not in config.model and config.model not in MODELS:
        raise ValueError(
            f"`model` must be one of {', '.join(MODELS)} or `package.module:function`; "
            f"got {config.model!r}.{did_you_mean(config.model, MODELS)}"
        )


def _check_together(config: RunConfig) -> None:
    if config.num_steps % config.log_every:
        raise ValueError(
            f"`num_steps` must be a multiple of `log_every`; got {config.num_steps} and "
            f"{config.log_every}."
        )
    if config.likelihood == "bernoulli" and config.dequantize:
        raise ValueError(
            "`dequantize` adds noise to grey levels and fits a Gaussian likelihood; got "
            "likelihood='bernoulli'. Choose a Gaussian likelihood or no dequantisation."
        )
    if config.binarize != "none" and config.dequantize:
        raise ValueError(
            f"`dequantize` must be False for binarised data; got "
            f"binarize={config.binarize!r}. Use binarize='none'."
        )
    if config.window is not None and config.model in ("linear", "mlp"):
        raise ValueError(
            f"`window` is a setting of the autoregressive decoder; got window="
            f"{config.window} with model={config.model!r}. Leave it out."
        )
    if config.dropout and config.model == "linear":
        raise ValueError(
            f"`dropout` drops hidden units and model='linear' has none; got "
            f"{config.dropout}. Leave it out."
        )


def _require(fine: bool, config: RunConfig, name: str, allowed: str) -> None:
    if not fine:
        value = getattr(config, name)
        raise ValueError(f"`{name}` must be {allowed}; got {value!r}.")


def _check_type(name: str, value: Any, annotation: Any) -> None:
    """Refuse a value that is not of the annotated type; an int is a float."""
    options = get_args(annotation) or (annotation,)
    literals = [option for option in options if isinstance(option, str)]
    if literals:
        if value not in literals:
            raise ValueError(
                f"`{name}` must be one of {', '.join(literals)}; got {value!r}."
                f"{did_you_mean(value, literals)}"
            )
        return
    if not any(_is_a(value, option) for option in _alternatives(annotation)):
        expected = getattr(annotation, "__name__", str(annotation))
        raise ValueError(f"`{name}` must be of type {expected}; got {value!r}.")


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if getattr(annotation, "__origin__", None) is tuple:
        return (annotation,)
    return get_args(annotation) or (annotation,)


def _is_a(value: Any, kind: Any) -> bool:
    if getattr(kind, "__origin__", None) is tuple:
        return isinstance(value, tuple) and all(_is_a(v, int) for v in value)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def did_you_mean(word: Any, known: Any) -> str:
    """A suggestion for a misspelt word, or nothing.

    >>> did_you_mean("betta", ["beta", "seed"])
    ' Did you mean `beta`?'
    """
    close = difflib.get_close_matches(str(word), list(known), n=1)
    return f" Did you mean `{close[0]}`?" if close else ""


def from_mapping(values: Mapping[str, Any]) -> RunConfig:
    """A config from plain values, as TOML or JSON hold them.

    Raises:
        ValueError: an unknown field, with the nearest known name.

    >>> from_mapping({"hidden": [64], "beta": 2}).hidden
    (64,)
    """
    known = [field.name for field in fields(RunConfig)]
    for name in values:
        if name not in known:
            raise ValueError(
                f"`{name}` is not a field of a run.{did_you_mean(name, known)} "
                f"Fields: {', '.join(known)}."
            )
    plain = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    if plain.get("window") == "full":
        plain["window"] = None
    return RunConfig(**plain)  # type: ignore[arg-type]  # checked on construction


def to_mapping(config: RunConfig) -> dict[str, Any]:
    """A config as plain values; the inverse of `from_mapping`.

    >>> from_mapping(to_mapping(RunConfig())) == RunConfig()
    True
    """
    return {
        k: list(v) if isinstance(v, tuple) else v for k, v in asdict(config).items()
    }
