"""One quantity of one size, in a process of its own; see `diagnostics`."""

import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from experiments.benchmarks._points import answer
from vae_jax import assembly, diagnostics, models, sweeps, training
from vae_jax.configs import Run
from vae_jax.likelihoods import bernoulli
from vae_jax.vae import Knobs

UNITS, SAMPLES, BATCH = 64, 500, 100


def point(quantity: str, examples: int) -> dict[str, float]:
    """Seconds from the call to the value, compiling included, and the value."""
    sweeps.setup_jax()
    jax.config.update("jax_enable_compilation_cache", False)
    clock = time.process_time if sweeps.num_cores() == 1 else time.perf_counter
    if hasattr(diagnostics, quantity):
        call = pairwise(getattr(diagnostics, quantity), examples)
    else:
        call = weighted_nll(examples)
    since = clock()
    value = float(call())
    return {"seconds": clock() - since, "value": value}


def pairwise(function: Callable[..., Any], examples: int) -> Callable[[], Any]:
    """Of random posteriors, half of whose units are at the prior."""
    rng = np.random.default_rng(0)
    used = np.arange(UNITS) < UNITS // 2
    means = rng.standard_normal((examples, UNITS), np.float32) * used
    logvars = np.where(used, np.float32(-2), np.float32(0)) + np.zeros_like(means)
    return lambda: function(jax.random.key(0), means, logvars).value


def weighted_nll(examples: int) -> Callable[[], Any]:
    """As an evaluation computes it: in batches, sample by sample."""
    vae = models.mlp((28, 28), UNITS, hidden=(500,), likelihood="bernoulli")
    params = vae.init(jax.random.key(0))
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (examples, 28, 28), dtype=np.uint8)
    prepare = assembly.prepared(Run(), 255)
    evaluate = training.make_evaluate(
        vae, bernoulli(), prepare, num_samples=SAMPLES, batch_size=BATCH
    )
    state = training.RunState(training.TrainState(params, ()), np.arange(0))
    hyper = training.Hyper(beta=np.ones(1, np.float32), knobs=Knobs())
    splits = training.Splits(images, images)
    run = jax.jit(evaluate)
    return lambda: run(state, training.member_key(0), hyper, splits)["nll"]


if __name__ == "__main__":
    answer(point)
