"""The loss of a run with parts of the user's own, on the shapes of two examples."""

from typing import Any

import jax

from vae_jax.assembly._labels import is_labelled
from vae_jax.assembly._model import model, objective
from vae_jax.assembly._program import assembled, hyper
from vae_jax.assembly._trial_optimizer import try_optimizer
from vae_jax.configs import Run
from vae_jax.likelihoods import Likelihood
from vae_jax.records import Facts, ask
from vae_jax.training import Hyper, StepKeys


def try_loss(run: Run, facts: Facts, x: Any) -> None:
    """Trace the parts of a run, and its loss for two examples.

    A model that is told labels takes other batches, and its loss is traced as it trains.

    Raises:
        ValueError: a part of the user's own raises, or returns what the loss cannot take.
    """

    def loss(hyper: Hyper, key: Any, x: Any) -> None:
        assembled(hyper.settings, facts)
        now, vae = hyper.at(0), model(hyper.settings, facts)
        params = vae.init(key)
        try_optimizer(run, params, now.learning_rate)
        if is_labelled(run):
            return
        density: Likelihood = ask(run.likelihood.density, Likelihood, facts)
        made = objective(now.settings, vae, density, facts)
        made(params, x, now, StepKeys.from_key(key, 2))

    key = jax.eval_shape(lambda: jax.random.key(0))
    jax.eval_shape(loss, hyper(run), key, x)
