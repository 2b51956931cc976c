"""What a member computes, compiled once for all members of the same structure.

Like the program of a sweep, each function knows the data set alone and is called with the
settings, so that a number of a member is computed as it was when the member was evaluated.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vae_jax import assembly, training
from vae_jax.likelihoods import Likelihood
from vae_jax.records import Facts, ask
from vae_jax.trained._draw import draw_examples
from vae_jax.types import Array, Params
from vae_jax.vae import VAE, DiagGaussian, Knobs


class Functions(NamedTuple):
    """Each is called with the settings and the knobs of a member, and its parameters.

    Of a conditional model x is `Conditioned`, but in `prepare`.

    Attributes:
        prepare: `prepare(settings, keys, stored) -> x`.
        encode: `encode(settings, knobs, params, x)`.
        output: `output(settings, knobs, params, z, x)`, the parameters of the likelihood.
        mean: of it, likewise.
        measure: `measure(settings, knobs, params, keys, x, num_samples)`: nats.
        draw: `draw(settings, knobs, params, keys, z, condition, temperature, top_p)`.
        codes: `codes(settings, params, key, num)`, of the prior.
        evaluate: `evaluate(params, key, hyper, splits)`.

    >>> Functions._fields[:2]
    ('prepare', 'encode')
    """

    prepare: Callable[..., Array]
    encode: Callable[..., DiagGaussian]
    output: Callable[..., Any]
    mean: Callable[..., Array]
    measure: Callable[..., "Measured"]
    draw: Callable[..., Array]
    codes: Callable[..., Array]
    evaluate: Callable[..., dict[str, Array]]


class Measured(NamedTuple):
    """Nats of every example, as the evaluation of a run has them.

    >>> Measured._fields
    ('nll', 'distortion', 'rate')
    """

    nll: Array
    distortion: Array
    rate: Array


@functools.cache
def functions(facts: Facts, sources: tuple[tuple[str, str], ...]) -> Functions:
    """The functions of all members on a data set.

    Args:
        facts: of the data set.
        sources: digests of what is the user's own, whose functions may be others later.
    """
    del sources

    def made(function: Callable[..., Any], *static: int) -> Any:
        own = exactly(functools.partial(function, facts))
        return jax.jit(own, static_argnums=static)

    return Functions(
        made(prepared),
        made(encoded),
        made(output),
        made(decoded_mean),
        made(measured, 5),
        made(drawn),
        made(prior_codes, 3),
        jax.jit(assembly.evaluation(facts)),
    )


def prepared(facts: Facts, run: Any, keys: Array, stored: Array) -> Array:
    """Stored examples as the model sees them."""
    x: Array = assembly.prepared_alone(run, facts.max_value)(keys, stored)
    return x


def encoded(
    facts: Facts, run: Any, knobs: Knobs, params: Params, x: Any
) -> DiagGaussian:
    """The posterior, as many examples at a time as a step has."""
    vae = assembly.model(run, facts)

    def encode(x: Any) -> DiagGaussian:
        return vae.encode(params, x, knobs=knobs)

    found: DiagGaussian = training.map_batches(encode, rows(run, x), x)
    return found


def output(
    facts: Facts, run: Any, knobs: Knobs, params: Params, z: Array, x: Any
) -> Any:
    """What the decoder returns; numbers in it may be shared by all examples."""
    return assembly.model(run, facts).decode(params, z, x, knobs=knobs)


def decoded_mean(
    facts: Facts, run: Any, knobs: Knobs, params: Params, z: Array, x: Any
) -> Array:
    """The mean of the likelihood."""
    vae, family = assembly.model(run, facts), density(run, facts)

    def decode(z: Array, *x: Any) -> Array:
        return family.mean(vae.decode(params, z, *x, knobs=knobs))

    given = (z,) if x is None else (z, x)
    found: Array = training.map_batches(decode, rows(run, z), *given)
    return found


def measured(
    facts: Facts,
    run: Any,
    knobs: Knobs,
    params: Params,
    keys: Array,
    x: Any,
    num_samples: int,
) -> Measured:
    """Every example as the evaluation of a run measures it."""
    vae, family = assembly.model(run, facts), density(run, facts)

    def measure(keys: Array, x: Any) -> Measured:
        found = training.example_statistics(
            vae, family, params, keys, x, knobs, num_samples
        )
        posterior = found.mean, found.logvar, found.z
        rate = jnp.sum(training.kl_to_prior(vae, params, *posterior), axis=-1)
        return Measured(found.nll, found.distortion, rate)

    found: Measured = training.map_batches(measure, rows(run, x), keys, x)
    return found


def drawn(
    facts: Facts,
    run: Any,
    knobs: Knobs,
    params: Params,
    keys: Array,
    z: Array,
    condition: Any,
    *choice: Any,
) -> Array:
    """Examples from codes, with the temperature and the share of likely words."""
    vae = assembly.model(run, facts)

    def draw(keys: Array, z: Array, *given: Array) -> Array:
        known = given[0] if given else None
        return draw_examples(run, facts, vae, knobs, params, keys, z, known, *choice)

    given = () if condition is None else (condition,)
    found: Array = training.map_batches(draw, rows(run, z), keys, z, *given)
    return found


def prior_codes(facts: Facts, run: Any, params: Params, key: Array, num: int) -> Array:
    """Codes of the prior of the run."""
    prior = assembly.model(run, facts).prior
    if prior is None:
        return jax.random.normal(key, (num, run.model.latent_dim), jnp.float32)
    return prior.sample(key, params, (num,))


def exactly(function: Callable[..., Any]) -> Callable[..., Any]:
    """Matrix products as precise as the run's, whose settings come first."""

    def call(run: Any, *args: Any) -> Any:
        with jax.default_matmul_precision(run.precision):
            return function(run, *args)

    return call


def density(run: Any, facts: Facts) -> Likelihood:
    """The likelihood of the data given what the decoder returns."""
    found: Likelihood = ask(run.likelihood.density, Likelihood, facts)
    return found


def rows(run: Any, x: Any) -> int:
    """Examples at a time: those of a step, and no more than there are."""
    return min(int(run.batch_size), len(x))


def reads_data(vae: VAE, params: Params, z: Any, x: Any) -> bool:
    """Whether what a decoder returns depends on the `x` that it is given.

    By what it computes: of an own model nobody else can tell. What goes through a function
    that is compiled by itself counts as read.

    >>> wide = VAE(len, len, lambda params, z, x, **_: z + x)
    >>> deaf = VAE(len, len, lambda params, z, x, **_: 2 * z)
    >>> one = jnp.ones((1, 2))
    >>> reads_data(wide, {}, one, one), reads_data(deaf, {}, one, one)
    (True, False)
    """
    made = jax.make_jaxpr(lambda x: vae.decode(params, z, x, knobs=Knobs()))(x).jaxpr
    touched = set(made.invars)
    for equation in made.eqns:
        # constants in the program are no variables
        read = {v for v in equation.invars if not hasattr(v, "val")}
        if read & touched:
            touched |= set(equation.outvars)
    return any(not hasattr(v, "val") and v in touched for v in made.outvars)
