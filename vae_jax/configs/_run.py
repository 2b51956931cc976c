"""The fields of one training run."""

from dataclasses import dataclass, fields
from typing import Literal

from vae_jax.configs._ranges import check_choices, check_ranges
from vae_jax.configs._together import check_together
from vae_jax.configs._types import (
    as_annotated,
    as_python,
    check_float32,
    check_type,
    normal_folder,
)

Binarize = Literal["none", "static", "dynamic"]
LikelihoodName = Literal[
    "bernoulli",
    "gaussian",
    "gaussian_learned",
    "gaussian_optimal",
    "logistic_mixture",
    "categorical",
]
SharedSentences = Literal["default", "refuse", "drop", "keep"]
ScheduleName = Literal["constant", "linear", "sigmoid", "cosine", "tanh", "cyclical"]
RateScheduleName = Literal["constant", "cosine"]
SplitName = Literal["train", "validation", "test"]
Over = Literal["unit", "total"]
Mean = Literal["batch", "example"]
Rule = Literal["max", "mask"]
Precision = Literal["default", "high", "highest"]
ComputeName = Literal["float32", "bfloat16"]
LatentUse = Literal["prefix", "memory", "add"]
PosteriorName = Literal["free", "delta", "batch_norm"]
PriorName = Literal["standard", "diagonal", "mixture", "vampprior", "autoregressive"]
FeedbackName = Literal["none", "geco", "minimum_rate", "target_rate", "control_vae"]
RegulariserName = Literal["none", "mmd", "total_correlation"]
GradientName = Literal["plain", "sticking_the_landing", "doubly_reparameterised"]
OptimizerName = Literal["adam", "sgd"]
Inference = Literal["joint", "aggressive"]

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
        "word_dropout",
        "committed_rate",
        "posterior_scale",
        "refine_rate",
        "inverse_lipschitz",
        "lipschitz",
        "capacity",
        "capacity_warmup",
        "capacity_weight",
        "target",
        "speed",
        "mmd_weight",
        "tc_weight",
    }
)
"""Fields that are data to the compiled program; all the others shape it."""


@dataclass(frozen=True)
class RunConfig:
    """Everything that defines one training run.

    Numbers may be Python's, numpy's or JAX's. Sizes have upper limits, far above what
    trains; numbers that float32 does not hold are refused.

    Attributes:
        dataset: `digits` (embedded), `mnist`, `fashion_mnist`, `kmnist`, or an image set
            of tensorflow-datasets that lies prepared as array_record; or sentences:
            `ten_sequences`, `synthetic_language`, `brown` or `text`.
        data_folder: local folder with IDX files, the default places are searched without;
            or with the files of `brown`, or of your own `text`. `~` is your home; kept
            without a trailing slash, and as seen from the working directory if below it.
        vocab_size: words of a `brown` or `text` vocabulary, the most frequent ones and the
            four special tokens; all others are the unknown word.
        max_length: tokens of a sentence of theirs, beginning and end included; longer ones
            are cut.
        shared_sentences: those that two of your own split files have: `refuse` them,
            `drop` them from train and validation, or `keep` them; a `brown` corpus keeps
            them by default, a `text` refuses them.
        binarize: `static` (x > 0.5), `dynamic` (drawn anew at every visit) or `none`.
        dequantize: add uniform noise of one grey level (Gaussian likelihoods).
        model: `linear`, `mlp`, `lipschitz`, `convolutional`, `autoregressive`, `pixelcnn`;
            for sentences `lstm` or `transformer`; or your own, `package.module:function`,
            looked for in the working directory first: it is called with (config,
            event_shape), this record and the shape of one example, and returns a
            `vae_jax.VAE`.
        latent_dim: units of z.
        hidden: widths of the hidden layers; of a `pixelcnn` or `transformer` all the same.
        blocks: residual ones at every resolution of a `convolutional` model.
        kernel: side of a `pixelcnn` layer's field, odd.
        components: of a `logistic_mixture`.
        num_heads: of a `transformer`'s attention.
        latent_use: how its decoder is given z: a `prefix` of the sentence, `memory` that
            every layer attends to, or what is added (`add`) to every position.
        remat: compute activations again for the gradient: less memory, more time.
        compute: dtype inside the model; objective and parameters are float32 throughout.
        embedding: width of a token's vector.
        init_bound: of the uniform start of an `lstm`; its default where none is given.
        window: previous pixels or tokens that an `autoregressive` or `transformer` decoder
            may see, radius that a `pixelcnn` may; none for all.
        dropout: probability of dropping a hidden unit of the decoder.
        word_dropout: probability that an autoregressive decoder does not see a pixel or a
            word; at 1 it sees none, the decoder without inputs of Bowman et al. (2016).
        skip: z enters every layer of the MLP decoder.
        inverse_lipschitz: least slope of the decoder of model `lipschitz`.
        lipschitz: its largest slope.
        likelihood: of the data given z; fixed, learned or optimal Gaussian variance;
            `logistic_mixture` for the grey levels of a `pixelcnn`, `categorical` for
            sentences.
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
        posterior: `free`, `delta` (no unit below `committed_rate`) or `batch_norm` (means
            of standard deviation `posterior_scale` over the data).
        committed_rate: nats a unit, from 1e-6 to 40.
        posterior_scale: gamma of BN-VAE.
        refine_steps: of gradient ascent on every posterior, semi-amortised; 0 for none.
        refine_rate: of those steps.
        prior: of z.
        prior_components: of a `mixture` or `vampprior`.
        prior_correlation: of successive units of an `autoregressive` prior.
        capacity: nats that the rate is held at, in place of beta times the rate.
        capacity_warmup: steps over which that target rises from 0.
        capacity_weight: of the distance to it; 0 for no capacity.
        feedback: what steers beta while training.
        target: of the feedback, in nats: a distortion for `geco`, else a rate.
        speed: of the feedback, per step and nat.
        regulariser: what is charged beside the rate.
        mmd_weight: of the distance between aggregate posterior and prior.
        tc_weight: of the total correlation, above the 1 in the rate.
        importance_samples: of the importance-weighted bound; 0 for the ELBO.
        importance_gradient: of its encoder.
        inference: `joint`, or `aggressive` steps of the encoder before each of the decoder.
        pretraining_steps: at beta 0, after which the decoder starts anew; 0 for none.
        optimizer: `adam`, or `sgd` without momentum.
        learning_rate: of the optimiser.
        learning_rate_schedule: `constant`, or `cosine` to 0 at the end of the run.
        halve_on_plateau: halve the learning rate and go on from the best parameters when
            the validation loss has not fallen for two epochs; the fifth time training ends.
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
    vocab_size: int = 10_000
    max_length: int = 40
    shared_sentences: SharedSentences = "default"
    binarize: Binarize = "static"
    dequantize: bool = False
    model: str = "mlp"
    latent_dim: int = 8
    hidden: tuple[int, ...] = (512, 512)
    blocks: int = 0
    kernel: int = 3
    components: int = 5
    num_heads: int = 4
    latent_use: LatentUse = "prefix"
    remat: bool = False
    compute: ComputeName = "float32"
    embedding: int = 50
    init_bound: float | None = None
    window: int | None = None
    dropout: float = 0.0
    word_dropout: float = 0.0
    skip: bool = False
    inverse_lipschitz: float = 0.0
    lipschitz: float = 20.0
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
    posterior: PosteriorName = "free"
    committed_rate: float = 0.1
    posterior_scale: float = 1.0
    refine_steps: int = 0
    refine_rate: float = 0.1
    prior: PriorName = "standard"
    prior_components: int = 16
    prior_correlation: float = 0.5
    capacity: float = 0.0
    capacity_warmup: int = 0
    capacity_weight: float = 0.0
    feedback: FeedbackName = "none"
    target: float = 0.0
    speed: float = 1e-3
    regulariser: RegulariserName = "none"
    mmd_weight: float = 0.0
    tc_weight: float = 0.0
    importance_samples: int = 0
    importance_gradient: GradientName = "doubly_reparameterised"
    inference: Inference = "joint"
    pretraining_steps: int = 0
    optimizer: OptimizerName = "adam"
    learning_rate: float = 1e-3
    learning_rate_schedule: RateScheduleName = "constant"
    halve_on_plateau: bool = False
    clip_norm: float | None = None
    batch_size: int = 128
    num_steps: int = 1500
    log_every: int = 50
    seed: int = 0
    eval_split: SplitName = "test"
    eval_samples: int = 64
    precision: Precision = "default"

    def __post_init__(self) -> None:
        """Numbers of numpy and JAX become Python's; every field is checked by itself."""
        for field in fields(self):
            name, value = field.name, as_python(getattr(self, field.name))
            check_type(name, value, field.type)
            value = as_annotated(value, field.type)
            check_float32(name, value)
            if name == "data_folder" and value is not None:
                value = normal_folder(value)
            object.__setattr__(self, name, value)
        check_ranges(self)
        check_choices(self)
        check_together(self)
