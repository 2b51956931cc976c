"""The model and the objective of a run, of the parts that its records make."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax import data, training
from vae_jax.assembly._labels import beside_labels, is_labelled, num_labels
from vae_jax.configs import Run
from vae_jax.likelihoods import Likelihood
from vae_jax.records import Facts, ask
from vae_jax.remedies import asked
from vae_jax.vae import VAE, Knobs, Prior, with_prior


def facts_of(dataset: data.Dataset) -> Facts:
    """What records may know of a data set.

    >>> facts_of(data.load("digits"))
    Facts(event_shape=(8, 8), max_value=16, num_examples=1200, ..., num_labels=10, ...)
    """
    images = dataset.train.images
    total = (
        images.sum(dtype=np.float64) / len(images) if dataset.holds == "counts" else 0
    )
    return Facts(
        images.shape[1:],
        dataset.max_value,
        len(images),
        float(total),
        dataset.holds,
        num_labels(dataset),
        0 if dataset.covariates is None else dataset.covariates.size,
    )


class Kit(NamedTuple):
    """What one needs to use a trained model of a run.

    Attributes:
        dataset: images or sentences.
        facts: of it.
        vae: the model.
        density: of the data given what it decodes.
        prepare: `(keys, stored) -> x`, both `Conditioned` if the model is told labels.
        knobs: the settings that the model is called with.

    >>> Kit._fields[:2]
    ('dataset', 'facts')
    """

    dataset: data.Dataset
    facts: Facts
    vae: VAE
    density: Likelihood
    prepare: training.Prepare
    knobs: Knobs


def kit(run: Run) -> Kit:
    """The parts of a run, ready to be called.

    >>> kit(Run()).vae.prior is None
    True
    """
    dataset: data.Dataset = ask(run.data.load, data.Dataset)
    facts = facts_of(dataset)
    return Kit(
        dataset,
        facts,
        model(run, facts),
        ask(run.likelihood.density, Likelihood, facts),
        prepared(run, facts.max_value),
        run.on_device().knobs(),
    )


def prepared(run: Run, max_value: int) -> training.Prepare:
    """How stored examples become the input of a run's model.

    >>> prepared(Run(), 16).__name__
    'prepare'
    """
    prepare = prepared_alone(run, max_value)
    return beside_labels(prepare) if is_labelled(run) else prepare


def prepared_alone(run: Run, max_value: int) -> training.Prepare:
    """The same of examples without their labels, whatever the run.

    >>> prepared_alone(Run(), 16).__name__
    'prepare'
    """
    wants = run.likelihood.wants
    prepare: training.Prepare = ask(run.data.prepare, Callable, wants, max_value)
    return prepare


def model(run: Run, facts: Facts) -> VAE:
    """The model of a run, with its posterior and prior.

    Raises:
        ValueError: a function of the user's cannot be found or called as its choice says,
            raises, or does not return what it should.

    >>> from vae_jax.models import LinearModel
    >>> model(Run(model=LinearModel()), Facts((8, 8), 16, 1200)).prior is None
    True
    """
    vae = run.model.make(facts, run.likelihood)
    for remedy in run.remedies:
        vae = asked(remedy, "wrap", vae, run, facts)
    if not run.prior.is_standard:
        prior = ask(run.prior.prior, Prior, vae, run.model.latent_dim, facts)
        for remedy in run.remedies:
            prior = asked(remedy, "law", prior)
        vae = with_prior(vae, prior)
    # whoever writes a model says what its parameters are
    return vae if run.model.is_own else vae._replace(init=_single(vae.init))


def _single(init: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same draws and dtypes with JAX's x64 flag, which is no setting of a run."""

    def call(key: Any) -> Any:
        with jax.enable_x64(False):
            return init(key)

    return call


def objective(
    run: Run, vae: VAE, density: Likelihood, facts: Facts
) -> training.Objective:
    """The loss of a run: the ELBO with its remedies, or what one has in its place.

    Args:
        run: of which the data are those of one step.
        vae: its model.
        density: its likelihood.
        facts: of its data set.

    Needs a model; `job` builds one.
    """
    for remedy in run.remedies:
        made: training.Objective | None = asked(remedy, "objective", vae, density)
        if made is not None:
            return made

    def all_of(hook: str, *args: Any) -> list[Any]:
        made = (asked(one, hook, *args) for one in run.remedies)
        return [one for one in made if one is not None]

    charges = all_of("penalty")
    return training.make_objective(
        vae,
        density,
        charges[0] if charges else training.plain_rate,
        regulariser=_sum_of(all_of("regulariser", facts)),
        auxiliary=_sum_of(all_of("auxiliary", facts)),
        optimal_variance=run.likelihood.optimal_variance,
    )


def _sum_of(charges: list[Any]) -> Any:
    if len(charges) < 2:
        return charges[0] if charges else None

    def total(*args: Any) -> Any:
        first, *others = (one(*args) for one in charges)
        return sum(others, start=first)

    return total
