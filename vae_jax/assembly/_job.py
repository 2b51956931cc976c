"""Everything that one run stands for: program, settings and data."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vae_jax import data, diagnostics
from vae_jax.assembly._labels import check_labels, examples
from vae_jax.assembly._model import facts_of, prepared_alone
from vae_jax.assembly._program import assembled, hyper, program
from vae_jax.assembly._start import initial_params
from vae_jax.assembly._trial import check_read, try_model
from vae_jax.assembly._trial_loss import try_loss
from vae_jax.assembly._trial_schedule import check_betas
from vae_jax.assembly._values import check_values
from vae_jax.configs import Run
from vae_jax.own import source_digest, user_object
from vae_jax.records import Facts, Record, ask
from vae_jax.training import Hyper, Program, Splits, report_of

FEWEST = 2
"""Examples of a split that can be told apart by their posteriors."""

TRIED: dict[Any, tuple[str, ...]] = {}
"""Settings that nothing reads, of models that fit, by their run's structure: a sweep tries
one of them."""


class Job(NamedTuple):
    """What the sweep engine needs to run one config.

    Attributes:
        program: shared by every run of a cohort.
        hyper: this run's settings, as arrays.
        splits: examples, as the device will hold them.
        inputs: what else the results depend on beside the config and the splits, as text
            by kind and name: digests of functions of the user's under `sources`.

    >>> Job._fields
    ('program', 'hyper', 'splits', 'inputs')
    """

    program: Program
    hyper: Hyper
    splits: Splits
    inputs: Mapping[str, Mapping[str, str]] = MappingProxyType({})


def job(run: Run) -> Job:
    """Everything that one run stands for, checked.

    Raises:
        ValueError: see `check`.

    >>> from vae_jax.models import MLP
    >>> built = job(Run(model=MLP(hidden=(16,)), num_steps=50))
    >>> built.hyper.beta.shape, built.splits.train.shape
    ((50,), (1200, 8, 8))
    """
    dataset: data.Dataset = ask(run.data.load, data.Dataset)
    check(run, dataset)
    inputs = {
        "data": {"levels": str(dataset.max_value)},
        "sources": named_sources(run),
    }
    facts = facts_of(dataset)
    data_of_run = splits(run, dataset)._replace(initial=initial_params(run, facts))
    return Job(program(facts), hyper(run), data_of_run, inputs)


def check(run: Run, dataset: data.Dataset) -> None:
    """Refuse a run that does not fit its data, before anything is compiled.

    Raises:
        ValueError: names the setting, its value, what is allowed and the fix.

    >>> check(Run(), data.load("digits"))
    """
    check_sizes(run, dataset)
    check_values(run, dataset)
    check_labels(run, dataset)
    check_betas(run)
    run.beta.check_arrival(run.schedule(), run.num_steps)
    facts = facts_of(dataset)
    check_own(run, facts, dataset)
    # what a part refuses, it refuses here
    assembled(run, facts)


def check_own(run: Run, facts: Facts, dataset: data.Dataset) -> None:
    """Try what is the user's own of a run, as a program sees it: the numbers traced.

    Raises:
        ValueError: names what does not fit; see `try_model` and `try_loss`.
    """
    own = named_sources(run)
    if not own:
        return
    asked = facts, jax.tree.structure(run.on_device()), tuple(own.items())
    if asked not in TRIED:
        x = inputs_of_two(run, dataset)
        unread = try_model(run, facts, x) if run.model.is_own else ()
        try_loss(run, facts, x)
        TRIED[asked] = unread
    check_read(run.model, TRIED[asked])


def check_sizes(run: Run, dataset: data.Dataset) -> None:
    """Refuse splits that are too small to train on, or to measure on.

    Raises:
        ValueError: names every split that is too small, its size and the fix.

    >>> check_sizes(Run(), data.load("digits"))
    """
    size, name = len(dataset.train.images), dataset.name
    measured = len(getattr(dataset, run.eval_split).images)
    found = []
    if measured < FEWEST:
        cut = hasattr(run.data, f"{run.eval_split}_share")
        mend = f", or a larger --{run.eval_split}-share" if cut else ""
        found.append(
            f"the {run.eval_split} split of {name} must hold {FEWEST} examples or more, "
            f"which are compared with each other; got {measured}. Give more data{mend}."
        )
    if run.batch_size > size:
        found.append(
            f"`batch_size` must be at most the {size} training examples of {name}; got "
            f"{run.batch_size}. Set --batch-size {size} (batch_size = {size}) or less."
        )
    if found:
        raise ValueError(" And ".join(found))


def inputs_of_two(run: Run, dataset: data.Dataset) -> Any:
    """Two examples as the model gets them, without labels, as shapes."""
    images = dataset.train.images
    stored = jax.ShapeDtypeStruct((2, *images.shape[1:]), jnp.asarray(images[:1]).dtype)
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 2))
    return jax.eval_shape(prepared_alone(run, dataset.max_value), keys, stored)


def splits(run: Run, dataset: data.Dataset) -> Splits:
    """Examples to train on and to evaluate on, as stored.

    Raises:
        TypeError, ValueError: see `data.check_dataset`.

    >>> splits(Run(), data.load("digits")).evaluation.dtype
    dtype('uint8')
    """
    data.check_dataset(dataset)
    evaluation = examples(run, dataset, run.eval_split)
    judged = any(one.validates for one in run.remedies)
    decides = examples(run, dataset, "validation") if judged else None
    return Splits(examples(run, dataset, "train"), evaluation, decides)


def named_sources(run: Run) -> dict[str, str]:
    """The digest of every function and record of the user's that a run names.

    Raises:
        ValueError: see `own.user_function`.

    >>> named_sources(Run())
    {}
    """
    return {
        part.chosen_name: _current_digest(part)
        for part in run.all_parts()
        if part.is_own
    }


def _current_digest(part: Record) -> str:
    """Of the file of a part, which must be what the part was made of.

    Raises:
        ValueError: the file has changed since; names the path.
    """
    path = part.chosen_name
    found = user_object(path, str(part.choice))
    if type(part).path and found is not type(part):
        raise ValueError(
            f"`{part.choice}` {path} has changed since the run was made of it. Make the "
            "run again."
        )
    return source_digest(path)


def describe(
    metrics: dict[str, Any], first_bad_step: int | None = None
) -> dict[str, Any]:
    """The verdict on an evaluated run and the reasons, as columns of its row.

    Of a run with a condition it is the verdict on what z says beside it. A run that has
    diverged, at `first_bad_step`, is judged by that alone. A program that does not measure
    what a verdict needs has none.

    >>> describe({})
    {}
    """
    report = report_of(metrics)
    if report is None:
        return {}
    if first_bad_step is None:
        verdict = diagnostics.verdict(report)
    else:
        verdict = diagnostics.diverged(first_bad_step)
    return {"verdict": verdict.label, "reasons": list(verdict.reasons)}
