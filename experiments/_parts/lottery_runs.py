"""The runs of the free-bits lottery, observed on the way."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from vae_jax import assembly, diagnostics, likelihoods, training
from vae_jax.configs import Run
from vae_jax.vae import VAE, Knobs

EVERY = 100
"""Steps between two moments at which a run is observed."""
EARLY = 1500
"""Steps of the trial that the claims were set from, where the distortion is judged."""
SAMPLES = 50
"""Of z for each of the ten sequences, for the distortion."""
DRAWS = 400
"""Of ten samples of z each: the standard error of the information is about 0.01 nats."""


def make_job(config: Run) -> assembly.Job:
    """The run of a config, observed on the way and at its end."""
    job = assembly.job(config)
    facts = assembly.facts_of(config.data.load())

    def parts(params: Any, key: Any, hyper: Any, data: Any) -> dict[str, jax.Array]:
        del key
        vae, x = assembly.model(hyper.settings, facts), jnp.asarray(data.train)
        return parts_of(*vae.encode(params, x))

    def distortion(params: Any, key: Any, hyper: Any, data: Any) -> dict[str, Any]:
        vae, x = assembly.model(hyper.settings, facts), jnp.asarray(data.train)
        return {"distortion": distortion_of(vae, params, key, x)}

    moments = range(0, config.num_steps, EVERY)
    program = training.with_snapshots(job.program, moments, parts)
    # by itself: of all moments only this one and the end are judged by it
    program = training.with_snapshots(program, [EARLY], distortion)
    return job._replace(program=program)


def parts_of(mean: jax.Array, logvar: jax.Array) -> dict[str, jax.Array]:
    """The KL, how much of it is information, and the error of that, in nats.

    >>> found = parts_of(jnp.zeros((10, 2)), jnp.zeros((10, 2)))
    >>> float(found["rate"]), abs(round(float(found["information"]), 5))
    (0.0, 0.0)
    """
    keys = jax.random.split(training.member_key(0), DRAWS)
    values = jax.vmap(
        lambda one: diagnostics.mutual_information(one, mean, logvar).value
    )(keys)
    return {
        "rate": diagnostics.kl_per_unit(mean, logvar).sum(),
        "information": values.mean(),
        "error": values.std(ddof=1) / math.sqrt(DRAWS),
    }


def distortion_of(vae: VAE, params: Any, key: Any, x: jax.Array) -> jax.Array:
    """The mean over all sequences, in nats."""
    keys = jax.random.split(key, len(x))
    found = training.example_statistics(
        vae, likelihoods.categorical(), params, keys, x, Knobs(), SAMPLES
    )
    return found.distortion.mean()
