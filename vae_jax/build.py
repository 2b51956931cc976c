"""The composition root: a config becomes a model, a schedule, data and a program.

The only module that knows every part; `check` refuses what cannot work before anything
is compiled.
"""

import importlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import data, diagnostics, likelihoods, losses, models, schedules, training
from vae_jax.configs import RunConfig, did_you_mean
from vae_jax.training import Hyper, Program, Splits
from vae_jax.types import Schedule
from vae_jax.vae import FULL_WINDOW, VAE, Knobs

load_dataset = lru_cache(maxsize=4)(data.load)
"""`data.load`, remembered: the members of a sweep share one copy."""


class Job(NamedTuple):
    """What the sweep engine needs to run one config.

    Attributes:
        program: shared by every config of a cohort.
        hyper: this config's settings, as arrays.
        splits: images, as the device will hold them.

    >>> Job._fields
    ('program', 'hyper', 'splits')
    """

    program: Program
    hyper: Hyper
    splits: Splits


def job(config: RunConfig) -> Job:
    """Everything that one config stands for, checked.

    Raises:
        ValueError: see `check`.

    >>> built = job(RunConfig(hidden=(16,), num_steps=50))
    >>> built.hyper.beta.shape, built.splits.train.shape
    ((50,), (1200, 8, 8))
    """
    dataset = load_dataset(config.dataset, folder=config.data_folder)
    check(config, dataset)
    return Job(program(config, dataset), hyper(config), splits(config, dataset))


def check(config: RunConfig, dataset: data.Dataset) -> None:
    """Refuse a config that does not fit its data, or whose warm-up outlasts the run.

    Raises:
        ValueError: names the field, its value, what is allowed and the fix.

    >>> check(RunConfig(), load_dataset("digits", folder=None))
    """
    size = len(dataset.train.images)
    if config.batch_size > size:
        raise ValueError(
            f"`batch_size` must be at most the {size} training examples of "
            f"{dataset.name}; got {config.batch_size}."
        )
    if config.likelihood == "bernoulli" and config.binarize == "none":
        raise ValueError(
            "`likelihood='bernoulli'` is a density of binary data only; got "
            "binarize='none'. Use binarize='static' or 'dynamic', or a Gaussian "
            "likelihood."
        )
    check_warmup(config)


def check_warmup(config: RunConfig) -> None:
    """Refuse a schedule that has not arrived at `beta` when the run ends.

    Raises:
        ValueError: the last update's beta is under 99 % of `beta`.

    >>> check_warmup(RunConfig(schedule="linear", warmup_steps=100))
    """
    if config.allow_unfinished_warmup or not config.beta:
        return
    if config.schedule in ("constant", "cyclical"):
        return
    last = float(beta_schedule(config)(config.num_steps - 1))
    if last < 0.99 * config.beta:
        raise ValueError(
            f"`warmup_steps` must end within `num_steps`; got {warmup_steps(config)} of "
            f"{config.num_steps} steps with a {config.schedule} schedule, whose last "
            f"beta is {last:.4g} of {config.beta:g}. Shorten the warm-up, or set "
            "`allow_unfinished_warmup`."
        )


def warmup_steps(config: RunConfig) -> int:
    """Length of the ramp: as given, else half of the run.

    >>> warmup_steps(RunConfig(num_steps=1000))
    500
    """
    if config.warmup_steps is None:
        return max(config.num_steps // 2, 1)
    return config.warmup_steps


def beta_schedule(config: RunConfig) -> Schedule:
    """Step -> beta.

    >>> float(beta_schedule(RunConfig(beta=2.0, schedule="linear"))(1500))
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
    return Hyper(
        beta=np.asarray(schedules.tabulate(beta_schedule(config), config.num_steps)),
        learning_rate=learning_rates(config),
        free_bits=np.float32(config.free_bits),
        knobs=Knobs(
            window=np.int32(window),
            dropout=np.float32(config.dropout),
            variance=np.float32(config.variance),
        ),
    )


def splits(config: RunConfig, dataset: data.Dataset) -> Splits:
    """Images to train on and to evaluate on, as stored.

    >>> splits(RunConfig(), load_dataset("digits", folder=None)).evaluation.dtype
    dtype('uint8')
    """
    return Splits(dataset.train.images, getattr(dataset, config.eval_split).images)


def prepare(config: RunConfig, max_value: int) -> training.Prepare:
    """`(keys, images) -> x`: how stored images become the model's input.

    >>> images = jnp.full((1, 2), 12, jnp.uint8)
    >>> prepare(RunConfig(), 16)(None, images).tolist()
    [[1.0, 1.0]]
    """
    if config.binarize == "dynamic":
        return lambda keys, images: data.binarize_dynamic(keys, images, max_value)
    if config.binarize == "static":
        return lambda keys, images: data.binarize_static(images, max_value)
    if config.dequantize:
        return lambda keys, images: data.dequantize(keys, images, max_value)
    return lambda keys, images: data.scale(images, max_value)


def likelihood(config: RunConfig) -> likelihoods.Likelihood:
    """The family of the data's density.

    >>> likelihood(RunConfig()).log_prob(jnp.zeros((1, 2)), jnp.ones((1, 2))).shape
    (1,)
    """
    if config.likelihood == "bernoulli":
        return likelihoods.bernoulli()
    return likelihoods.gaussian()


def model(config: RunConfig, event_shape: tuple[int, ...]) -> VAE:
    """The model of a config; `package.module:function` is called with (config, shape).

    Raises:
        ValueError: the function cannot be found or does not return a `VAE`.

    >>> model(RunConfig(model="linear"), (8, 8)).encode.__call__ is not None
    True
    """
    # the variance of the sigma-VAE is set by the objective, not by the decoder
    name = config.likelihood
    family = "gaussian" if name == "gaussian_optimal" else name
    if ":" in config.model:
        return _user_model(config, event_shape)
    if config.model == "linear":
        return models.linear(event_shape, config.latent_dim, likelihood=family)
    make = models.mlp if config.model == "mlp" else models.autoregressive
    return make(event_shape, config.latent_dim, hidden=config.hidden, likelihood=family)


def _user_model(config: RunConfig, event_shape: tuple[int, ...]) -> VAE:
    module_name, _, name = config.model.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"`model` names the module {module_name!r}, which cannot be imported: "
            f"{error}. Run from its folder, or install it."
        ) from error
    if not hasattr(module, name):
        raise ValueError(
            f"`model` names {name!r}, which {module_name} does not have."
            f"{did_you_mean(name, dir(module))}"
        )
    made = getattr(module, name)(config, event_shape)
    if not isinstance(made, VAE):
        raise ValueError(
            f"`model` {config.model} must return a vae_jax.VAE; got {type(made)}."
        )
    return made


def penalty(config: RunConfig) -> training.RatePenalty:
    """What the loss charges for the rate; a threshold of 0 charges all of it.

    >>> from vae_jax.training import StepHyper
    >>> penalty(RunConfig())(jnp.ones((2, 3)), StepHyper(1.0, 1e-3, 2.0)).tolist()
    [6.0, 6.0]
    """
    options = {
        "over": config.free_bits_over,
        "mean": config.free_bits_mean,
        "rule": config.free_bits_rule,
    }
    return lambda kl, hyper: losses.free_bits(kl, hyper.free_bits, **options)  # type: ignore[arg-type]


def program(config: RunConfig, dataset: data.Dataset) -> Program:
    """The compiled part of a config: the same for all members of its cohort.

    >>> program(RunConfig(), load_dataset("digits", folder=None)).evaluate.__name__
    'evaluate'
    """
    vae = model(config, dataset.train.images.shape[1:])
    density = likelihood(config)
    optimal = config.likelihood == "gaussian_optimal"
    prepared = prepare(config, dataset.max_value)
    objective = training.make_objective(
        vae, density, penalty(config), optimal_variance=optimal
    )
    optimizer = training.adam(config.clip_norm)
    evaluate = training.make_evaluate(
        vae,
        density,
        prepared,
        num_samples=config.eval_samples,
        batch_size=config.batch_size,
        optimal_variance=optimal,
    )
    made = training.make_program(
        vae.init,
        training.make_step(objective, optimizer),
        optimizer,
        prepared,
        evaluate,
        config.batch_size,
    )
    return at_precision(made, config.precision)


def at_precision(made: Program, precision: str) -> Program:
    """The program with its matrix products at the precision of the config.

    >>> at_precision(Program(*[len] * 4), "highest").init([1, 2])
    2
    """

    def pinned(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            with jax.default_matmul_precision(precision):
                return function(*args)

        call.__name__ = function.__name__
        return call

    return Program(*(pinned(function) for function in made))


def describe(metrics: dict[str, Any]) -> dict[str, Any]:
    """The verdict on an evaluated run and the reasons, as columns of its row.

    >>> describe({})
    {}
    """
    known = diagnostics.CollapseReport._fields
    if not set(known) <= set(metrics):
        return {}
    verdict = diagnostics.verdict(
        diagnostics.CollapseReport(*(metrics[name] for name in known))
    )
    return {"verdict": verdict.label, "reasons": list(verdict.reasons)}
