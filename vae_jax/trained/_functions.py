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

    Attributes:
        prepare: `prepare(settings, keys, stored) -> x`.
        encode: `encode(settings, knobs, params, x)`.
        output: `output(settings, knobs, params, z, x)`, the parameters of the likelihood.
        mean: of it, likewise.
        measure: `measure(settings, knobs, params, keys, x, num_samples)`: nats.
        draw: `draw(settings, knobs, params, keys, z, temperature, top_p)`.
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

    def prepare(run: Any, keys: Array, stored: Array) -> Array:
        return assembly.prepared(run, facts.max_value)(keys, stored)

    def encode(run: Any, knobs: Knobs, params: Params, x: Array) -> DiagGaussian:
        vae = assembly.model(run, facts)

        def encoded(x: Array) -> DiagGaussian:
            return vae.encode(params, x, knobs=knobs)

        found: DiagGaussian = training.map_batches(encoded, rows(run, x), x)
        return found

    def output(run: Any, knobs: Knobs, params: Params, z: Array, x: Any) -> Any:
        return assembly.model(run, facts).decode(params, z, x, knobs=knobs)

    def mean(run: Any, knobs: Knobs, params: Params, z: Array, x: Any) -> Array:
        vae, family = assembly.model(run, facts), density(run, facts)

        def decoded(z: Array, *x: Array) -> Array:
            return family.mean(vae.decode(params, z, *x, knobs=knobs))

        given = (z,) if x is None else (z, x)
        found: Array = training.map_batches(decoded, rows(run, z), *given)
        return found

    def measure(
        run: Any, knobs: Knobs, params: Params, keys: Array, x: Array, num_samples: int
    ) -> Measured:
        vae, family = assembly.model(run, facts), density(run, facts)

        def measured(keys: Array, x: Array) -> Measured:
            found = training.example_statistics(
                vae, family, params, keys, x, knobs, num_samples
            )
            posterior = found.mean, found.logvar, found.z
            rate = jnp.sum(training.kl_to_prior(vae, params, *posterior), axis=-1)
            return Measured(found.nll, found.distortion, rate)

        found: Measured = training.map_batches(measured, rows(run, x), keys, x)
        return found

    def draw(
        run: Any, knobs: Knobs, params: Params, keys: Array, z: Array, *choice: Any
    ) -> Array:
        vae = assembly.model(run, facts)

        def drawn(keys: Array, z: Array) -> Array:
            return draw_examples(run, facts, vae, knobs, params, keys, z, *choice)

        found: Array = training.map_batches(drawn, rows(run, z), keys, z)
        return found

    def codes(run: Any, params: Params, key: Array, num: int) -> Array:
        prior = assembly.model(run, facts).prior
        if prior is None:
            return jax.random.normal(key, (num, run.model.latent_dim), jnp.float32)
        return prior.sample(key, params, (num,))

    return Functions(
        jax.jit(exactly(prepare)),
        jax.jit(exactly(encode)),
        jax.jit(exactly(output)),
        jax.jit(exactly(mean)),
        jax.jit(exactly(measure), static_argnums=5),
        jax.jit(exactly(draw)),
        jax.jit(exactly(codes), static_argnums=3),
        jax.jit(assembly.evaluation(facts)),
    )


def exactly(function: Callable[..., Any]) -> Callable[..., Any]:
    """Matrix products as precise as the run's, whose settings come first."""

    @functools.wraps(function)
    def call(run: Any, *args: Any) -> Any:
        with jax.default_matmul_precision(run.precision):
            return function(run, *args)

    return call


def density(run: Any, facts: Facts) -> Likelihood:
    """The likelihood of the data given what the decoder returns."""
    found: Likelihood = ask(run.likelihood.density, Likelihood, facts)
    return found


def rows(run: Any, x: Array) -> int:
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
