"""The compiled part of a run: built anew of its records wherever JAX traces it.

A program knows the data set alone. All else, structure and numbers, comes with the
settings that it is called with, so that no member's number is ever that of another.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from vae_jax import text, training
from vae_jax.assembly._labels import condition_of
from vae_jax.assembly._model import model, objective, prepared
from vae_jax.conditions import plain
from vae_jax.configs import Run
from vae_jax.likelihoods import Likelihood
from vae_jax.records import Facts, ask
from vae_jax.remedies import Parts, asked
from vae_jax.training import Hyper, Program
from vae_jax.types import Array
from vae_jax.vae import VAE


def hyper(run: Run) -> Hyper:
    """The settings of a run as a compiled program is called with them.

    >>> from vae_jax.schedules import Constant
    >>> float(hyper(Run(beta=Constant(2.0))).at(0).beta)
    2.0
    """
    rates, placed = run.optimizer.rates(run.num_steps), run.on_device()
    return Hyper(run.betas(), rates, placed.knobs(), placed)


def program(facts: Facts) -> Program:
    """The program of all runs on a data set; each is called with its own `hyper`.

    >>> program(Facts((8, 8), 16, 1200)).evaluate.__name__
    'evaluate'
    """

    def built(name: str, place: int) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            run = args[place].settings
            made = assembled(run, facts)
            with jax.default_matmul_precision(run.precision):
                return getattr(made, name)(*args)

        call.__name__ = name
        return call

    # where each of the functions takes its settings
    places = {"init": 1, "step": 3, "evaluate": 2, "params": 2}
    return Program(**{name: built(name, place) for name, place in places.items()})


def assembled(run: Run, facts: Facts) -> Program:
    """The program of one run, of its parts and remedies."""
    vae = model(run, facts)
    density: Likelihood = ask(run.likelihood.density, Likelihood, facts)
    prepare = prepared(run, facts.max_value)
    calibrate = training.make_calibrate(vae, prepare, run.batch_size)
    evaluate = _evaluated(run, vae, density, prepare, calibrate)

    def loss(params: Any, batch: Any, step_hyper: Any, keys: Any) -> Any:
        now = objective(step_hyper.settings, vae, density, facts)
        return now(params, batch, step_hyper, keys)

    made_of_all = (asked(one, "feedback") for one in run.remedies)
    feedbacks = [one for one in made_of_all if one is not None]
    steering = feedbacks[0] if feedbacks else None
    optimizer = ask(run.optimizer.make, optax.GradientTransformation)
    parts = Parts(
        run,
        facts,
        vae,
        density,
        prepare,
        loss,
        optimizer,
        evaluate,
        steering,
        calibrate,
    )
    made = _trained(parts)
    for remedy in run.remedies:
        made = asked(remedy, "around", made, parts)
    return made


def evaluation(facts: Facts) -> Callable[..., dict[str, Array]]:
    """What is measured of the kept parameters of any run on a data set, as its row has it.

    `measure(params, key, hyper, data) -> metrics`, with the key of the run; what a remedy
    counts while it trains is not among them.

    >>> evaluation(Facts((8, 8), 16, 1200)).__name__
    'measure'
    """

    def measure(params: Any, key: Any, hyper: Hyper, data: Any) -> dict[str, Array]:
        run = hyper.settings
        vae = model(run, facts)
        density: Likelihood = ask(run.likelihood.density, Likelihood, facts)
        prepare = prepared(run, facts.max_value)
        calibrate = training.make_calibrate(vae, prepare, run.batch_size)
        state = training.RunState(training.TrainState(params, ()), jnp.arange(0))
        evaluate = _evaluated(run, vae, density, prepare, calibrate)
        with jax.default_matmul_precision(run.precision):
            return evaluate(state, key, hyper, data)

    return measure


def _evaluated(
    run: Run,
    vae: VAE,
    density: Likelihood,
    prepare: training.Prepare,
    calibrate: training.Calibrate | None,
) -> Callable[..., dict[str, Array]]:
    """The evaluation of a run's model."""
    told = condition_of(run)
    evaluate = training.make_evaluate(
        vae,
        density,
        prepare,
        num_samples=run.eval_samples,
        batch_size=run.batch_size,
        optimal_variance=run.likelihood.optimal_variance,
        calibrate=calibrate,
        condition_cells=None if told is None else told.cells,
    )
    return with_perplexity(evaluate) if run.data.of_sentences else evaluate


def _trained(parts: Parts) -> Program:
    """A remedy's way to train, or step by step."""
    for remedy in parts.settings.remedies:
        made: Program | None = asked(remedy, "program", parts)
        if made is not None:
            return made
    step = training.make_step(parts.loss, parts.optimizer, feedback=parts.feedback)
    return training.make_program(
        parts.vae.init,
        step,
        parts.optimizer,
        parts.prepare,
        parts.evaluate,
        parts.settings.batch_size,
        feedback=parts.feedback,
        calibrate=parts.calibrate,
    )


def with_perplexity(evaluate: Callable[..., dict[str, Array]]) -> Callable[..., Any]:
    """The evaluation with `perplexity`: exp of the NLL of all sentences over their tokens.

    Counted are the tokens that are predicted: the one that ends a sentence, and neither the
    one that begins it nor padding. The NLL is the importance-weighted bound.

    >>> class Data:
    ...     evaluation = jnp.array([[4, 3, 0], [4, 5, 3]])
    >>> found = with_perplexity(lambda *a: {"nll": 2.5 * jnp.log(7.0)})(0, 0, 0, Data)
    >>> round(float(found["perplexity"]), 3)
    7.0
    """

    def call(state: Any, key: Any, hyper: Any, data: Any) -> dict[str, Array]:
        named = evaluate(state, key, hyper, data)
        words = jnp.sum(jnp.asarray(plain(data.evaluation)) != text.PAD, axis=1)
        tokens = jnp.mean(words, dtype=jnp.float32)
        return named | {"perplexity": jnp.exp(named["nll"] / tokens)}

    return call
