"""VAEs on data of few dimensions: three sources as programs of the sweep engine.

A feature or a unit that a case lacks has no weight, no gradient and no share of the loss.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments._parts.dimension_cases import SOURCES, Settings, examples, settings_of
from vae_jax import analytic, assembly, gaussian, training
from vae_jax.configs import Run

BATCH, PROBES = 100, 1000
"""Examples of a step, and of an evaluation."""

OPTIMIZER = training.adam()


def layers_of(key: Any, widths: tuple[int, ...], inputs: Any) -> list[dict[str, Any]]:
    """Weights of variance 1 over the inputs that there are, and no biases yet."""
    made = []
    for number, (wide, out) in enumerate(zip(widths, widths[1:], strict=False)):
        own = jax.random.fold_in(key, number)
        count = jnp.sum(inputs) if number == 0 else wide
        drawn = jax.random.normal(own, (wide, out), jnp.float32) / jnp.sqrt(count)
        made.append({"weights": drawn, "bias": jnp.zeros(out)})
    return made


def network(layers: list[dict[str, Any]], x: Any) -> Any:
    """ReLU between linear layers."""
    for number, layer in enumerate(layers):
        x = jax.nn.relu(x) if number else x
        x = x @ layer["weights"] + layer["bias"][None]
    return x


def init_params(kind: str, key: Any, given: Settings) -> dict[str, Any]:
    """Networks, one variance a unit, and one of the decoder."""
    source, keys = SOURCES[kind], jax.random.split(key, 3)
    size, units = source.features, source.units
    up, down = (size, *source.hidden, units), (units, *source.hidden, size)
    decoder = {"linear": layers_of(keys[1], down, given.units)}
    if source.shape == "sigmoid":
        decoder["sigmoid"] = layers_of(keys[2], down, given.units)
    encoder = {
        "mean": layers_of(keys[0], up, given.features),
        "logvar": jnp.ones(units),
    }
    start = jnp.full((), source.logvar, jnp.float32)
    return {"encoder": encoder, "decoder": decoder, "logvar": start}


def encode(params: dict[str, Any], x: Any, given: Settings) -> tuple[Any, Any]:
    """Mean and log-variance of z; a unit that the case lacks is N(0, 1)."""
    mean = network(params["encoder"]["mean"], x) * given.units[None]
    logvar = params["encoder"]["logvar"] * given.units
    return mean, jnp.broadcast_to(logvar[None], mean.shape)


def decode(params: dict[str, Any], z: Any, given: Settings) -> Any:
    """The mean of the data, 0 in features that the case lacks."""
    used = z * given.units[None]
    x = network(params["decoder"]["linear"], used)
    if "sigmoid" in params["decoder"]:
        x = x + jax.nn.sigmoid(network(params["decoder"]["sigmoid"], used))
    return x * given.features[None]


def normaliser(params: dict[str, Any], count: Any) -> Any:
    """`(n/2) log(2 pi v)`, in nats."""
    return count / 2 * (math.log(2 * math.pi) + params["logvar"])


def sampled(
    params: dict[str, Any], x: Any, hyper: Any, keys: Any
) -> tuple[Any, training.Terms]:
    """The negative ELBO of every example, by one sample of z."""
    given: Settings = hyper.settings
    mean, logvar = encode(params, x, given)
    z = training.sample_posterior(keys.noise, mean, logvar)
    squared = jnp.sum(jnp.square(x - decode(params, z, given)), axis=-1)
    distortion = squared / 2 * jnp.exp(-params["logvar"])
    distortion += normaliser(params, jnp.sum(given.features))
    rate = jnp.sum(gaussian.kl_standard(mean, logvar), axis=-1)
    return distortion + rate, training.Terms(distortion, rate, rate)


def exact(
    params: dict[str, Any], x: Any, hyper: Any, keys: Any
) -> tuple[Any, training.Terms]:
    """The same of a linear VAE and all data of the source at once: no sample, no batch.

    The data have mean 0, so that biases stay where they begin, at 0.
    """
    del keys
    given: Settings = hyper.settings
    (up,), (down,) = params["encoder"]["mean"], params["decoder"]["linear"]
    terms = analytic.linear_vae_objective(
        (down["weights"] * given.units[:, None] * given.features[None]).T,
        (up["weights"] * given.units[None]).T,
        jnp.exp(params["encoder"]["logvar"] * given.units),
        given.mixing @ given.mixing.T,
        1.0,
        jnp.exp(params["logvar"]),
    )
    # features that the case lacks have no density
    lacking = jnp.sum(1 - given.features)
    one = jnp.ones(len(x), jnp.float32)
    distortion = (terms.distortion - normaliser(params, lacking)) * one
    rate = terms.rate * one
    return distortion + rate, training.Terms(distortion, rate, rate)


def program_of(kind: str, is_exact: bool) -> training.Program:
    """All runs of a source: fresh data at every step."""
    take = training.make_step(exact if is_exact else sampled, OPTIMIZER)

    def init(key: Any, hyper: Settings, data: Any) -> Any:
        del data
        own = training.stream_key(key, training.Stream.INIT, 0)
        return training.init_state(init_params(kind, own, hyper), OPTIMIZER)

    def step(state: Any, t: Any, key: Any, hyper: Settings, data: Any) -> Any:
        del data
        drawn, noise = jax.random.split(
            training.stream_key(key, training.Stream.ORDER, t)
        )
        # the closed form has no use for examples
        x = examples(kind, drawn, hyper, 1 if is_exact else BATCH)
        now = training.StepHyper(1.0, hyper.rate, settings=hyper)
        return take(state, x, now, training.StepKeys.from_key(noise, len(x)))

    def evaluate(state: Any, key: Any, hyper: Settings, data: Any) -> dict[str, Any]:
        del data
        return measured(kind, state.params, key, hyper)

    def params(state: Any, key: Any, hyper: Any, data: Any) -> Any:
        del key, hyper, data
        return state.params

    return training.Program(init, step, evaluate, params)


def measured(
    kind: str, params: dict[str, Any], key: Any, given: Settings
) -> dict[str, Any]:
    """What tells how many dimensions a model uses, and where it draws.

    `reach` of a unit is the root mean square over the prior of the decoder's derivative by
    it: of a linear one, the norm of its column.
    """
    keys = jax.random.split(training.stream_key(key, training.Stream.EVALUATE, 0), 3)
    units = len(given.units)
    z = jax.random.normal(keys[0], (PROBES, units), jnp.float32)
    slopes = jax.vmap(jax.jacfwd(lambda one: decode(params, one[None], given)[0]))(z)
    x = examples(kind, keys[1], given, PROBES)
    hyper = training.StepHyper(1.0, settings=given)
    _, terms = sampled(params, x, hyper, training.StepKeys.from_key(keys[2], PROBES))
    return {
        "posterior_variance": jnp.exp(params["encoder"]["logvar"] * given.units),
        "reach": jnp.sqrt(jnp.mean(jnp.sum(jnp.square(slopes), axis=1), axis=0)),
        "decoder_variance": jnp.exp(params["logvar"]),
        "distortion": jnp.mean(terms.distortion),
        "rate": jnp.mean(terms.rate),
    } | off_support(kind, decode(params, z, given), given)


def off_support(kind: str, x: Any, given: Settings) -> dict[str, Any]:
    """Mean squares of what the decoded prior has beside the data's support."""
    free = jnp.diag(given.mixing)[None] != 0
    padding = jnp.where(free | (given.place[None] > 0), 0, x)
    apart = jnp.zeros(len(x), jnp.float32)
    shape = SOURCES[kind].shape
    if shape == "sphere":
        apart = jnp.linalg.norm(jnp.where(free, x, 0), axis=-1) - 1
    if shape == "sigmoid":
        apart = x @ given.place - jax.nn.sigmoid(x @ given.slope)
    return {
        "padding": jnp.mean(jnp.sum(jnp.square(padding), axis=-1)),
        "manifold": jnp.mean(jnp.square(apart)),
    }


def make_job(kind: str, is_exact: bool) -> Callable[[Run], assembly.Job]:
    """What makes a program of every run of a source; it draws its data by itself."""

    def make(run: Run) -> assembly.Job:
        program = program_of(kind, is_exact)
        return assembly.Job(program, settings_of(kind, run), np.zeros(1, np.float32))

    return make
