"""Everything that one config stands for: program, settings and data."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import jax

from vae_jax import data, diagnostics, training
from vae_jax.assembly._check import check
from vae_jax.assembly._hyper import hyper
from vae_jax.assembly._model import model
from vae_jax.assembly._parts import feedback, likelihood, objective, prepare
from vae_jax.assembly._source import named_sources
from vae_jax.assembly._text import load_text, with_perplexity
from vae_jax.configs import TEXTS, RunConfig
from vae_jax.training import Hyper, Program, Splits

load_dataset = lru_cache(maxsize=4)(data.load)
"""`data.load`, remembered: the members of a sweep share one copy."""


def dataset_of(config: RunConfig) -> data.Dataset:
    """The images or sentences of a config, remembered.

    >>> dataset_of(RunConfig()).name
    'digits'
    """
    name, folder = config.dataset, config.data_folder
    if name in TEXTS:
        limits = config.vocab_size, config.max_length
        return load_text(name, folder, *limits, config.shared_sentences)
    return load_dataset(name, folder=folder)


class Job(NamedTuple):
    """What the sweep engine needs to run one config.

    Attributes:
        program: shared by every config of a cohort.
        hyper: this config's settings, as arrays.
        splits: images, as the device will hold them.
        inputs: what else the results depend on beside the config and the splits, as text
            by kind and name: digests of functions of the user's under `sources`.

    >>> Job._fields
    ('program', 'hyper', 'splits', 'inputs')
    """

    program: Program
    hyper: Hyper
    splits: Splits
    inputs: Mapping[str, Mapping[str, str]] = MappingProxyType({})


def job(config: RunConfig) -> Job:
    """Everything that one config stands for, checked.

    Raises:
        ValueError: see `check`.

    >>> built = job(RunConfig(hidden=(16,), num_steps=50))
    >>> built.hyper.beta.shape, built.splits.train.shape
    ((50,), (1200, 8, 8))
    """
    dataset = dataset_of(config)
    check(config, dataset)
    inputs = {
        "data": {"levels": str(dataset.max_value)},
        "sources": named_sources(config),
    }
    held = splits(config, dataset)
    return Job(program(config, dataset), hyper(config), held, inputs)


def splits(config: RunConfig, dataset: data.Dataset) -> Splits:
    """Images to train on and to evaluate on, as stored.

    >>> splits(RunConfig(), load_dataset("digits", folder=None)).evaluation.dtype
    dtype('uint8')
    """
    evaluation = getattr(dataset, config.eval_split).images
    decides = dataset.validation.images if config.halve_on_plateau else None
    return Splits(dataset.train.images, evaluation, decides)


def program(config: RunConfig, dataset: data.Dataset) -> Program:
    """The compiled part of a config: the same for all members of its cohort.

    >>> program(RunConfig(), load_dataset("digits", folder=None)).evaluate.__name__
    'evaluate'
    """
    vae = model(config, dataset.train.images.shape[1:], dataset.max_value)
    largest = dataset.max_value
    density, prepared = likelihood(config, largest), prepare(config, largest)
    calibrate = training.make_calibrate(vae, prepared, config.batch_size)
    evaluate = training.make_evaluate(
        vae,
        density,
        prepared,
        num_samples=config.eval_samples,
        batch_size=config.batch_size,
        optimal_variance=config.likelihood == "gaussian_optimal",
        calibrate=calibrate,
    )
    if config.likelihood == "categorical":
        evaluate = with_perplexity(evaluate)
    loss = objective(config, vae, density, len(dataset.train.images))
    controller = feedback(config)
    optimizer = {"adam": training.adam, "sgd": training.sgd}[config.optimizer](
        config.clip_norm
    )
    rest = optimizer, prepared, evaluate, config.batch_size
    if config.inference == "aggressive":
        made = training.make_aggressive_program(
            vae, loss, *rest, feedback=controller, calibrate=calibrate
        )
    else:
        step = training.make_step(loss, optimizer, feedback=controller)
        made = training.make_program(
            vae.init, step, *rest, feedback=controller, calibrate=calibrate
        )
    if config.pretraining_steps:
        made = training.with_decoder_reset(made, config.pretraining_steps)
    if config.halve_on_plateau:
        validate = training.make_validate(vae, density, prepared, config.batch_size)
        made = training.with_plateau(made, validate, config.batch_size)
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


def describe(
    metrics: dict[str, Any], first_bad_step: int | None = None
) -> dict[str, Any]:
    """The verdict on an evaluated run and the reasons, as columns of its row.

    A run that has diverged, at `first_bad_step`, is judged by that alone. A program that
    does not measure what a verdict needs has none.

    >>> describe({})
    {}
    """
    known = diagnostics.CollapseReport._fields
    if not set(known) <= set(metrics):
        return {}
    if first_bad_step is None:
        report = diagnostics.CollapseReport(*(metrics[name] for name in known))
        verdict = diagnostics.verdict(report)
    else:
        verdict = diagnostics.diverged(first_bad_step)
    return {"verdict": verdict.label, "reasons": list(verdict.reasons)}
