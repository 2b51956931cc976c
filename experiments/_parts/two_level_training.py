"""How a model of two levels is trained: a program of its own, for the library's engine.

Every part of the library that reads a run knows one posterior and one KL. Here the
posterior of z2 depends on the z1 that was drawn, each level has a weight of its own, and
the history needs both rates. So this is a `training.Program`; a record of a run carries its
settings, as data, so that a whole grid of them is one compiled program.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import gaussian, likelihoods, models, training
from vae_jax.mapped import batch_axis, mean_over
from vae_jax.models import TwoLevelVAE
from vae_jax.records import data, record, static
from vae_jax.remedies import Parts, Remedy
from vae_jax.training import Program, TrainState

PATH = "experiments._parts.two_level_training:TwoLevel"
"""How a run names it."""


class Noise(NamedTuple):
    """What is fixed of a model of two levels, as traced numbers.

    Attributes:
        encoder: variance of z1 given x.
        prior: variance of z2.
        decoder: variance of z1 given z2, and of x given z1.
    """

    encoder: Any
    prior: Any
    decoder: Any


class LevelTerms(NamedTuple):
    """Terms of the objective, an example each, in nats.

    Attributes:
        distortion: negative log-likelihood.
        rate_one: `log q(z1|x) - log p(z1|z2)`, its first half in closed form.
        rate_two: `KL(q(z2|z1) || p(z2))`.
    """

    distortion: Float[Array, " batch"]
    rate_one: Float[Array, " batch"]
    rate_two: Float[Array, " batch"]


class LevelInfo(NamedTuple):
    """What the history has of a step: batch means, in nats an example.

    `rate` is the sum of both rates; `beta` is the weight of that of level 1.
    """

    loss: Float[Array, ""]
    distortion: Float[Array, ""]
    rate: Float[Array, ""]
    rate_one: Float[Array, ""]
    rate_two: Float[Array, ""]
    beta: Float[Array, ""]


@record("remedy", "two_level")
class TwoLevel(Remedy):
    """A second level of latents, whose z1 is the code of the run, Dang et al. (2024)."""

    sets = "how a run is trained"

    beta_two: float = data("Weight of the rate of level 2.", low=0)
    encoder_variance: float = data("Of z1 given x.", default=0.25, low=0, low_open=True)
    prior_variance: float = data("Of z2.", default=0.25, low=0, low_open=True)
    second_dim: int = static("Units of z2.", default=5, low=1, high=100_000)
    expected: bool = static(
        "Train on the mean over the noise of both levels, in closed form: linear models.",
        default=False,
    )

    def conflict(self, run: Any) -> str | None:
        """Both decoders have the variance of a Gaussian likelihood."""
        if self.expected and getattr(run.model, "hidden", ()):
            return (
                f"{self.said} with `expected` needs linear maps; got "
                f"hidden={run.model.hidden}. Leave `expected` out."
            )
        if hasattr(run.likelihood, "variance"):
            return None
        return (
            f"{self.said} needs a fixed noise variance; got "
            f"likelihood={run.likelihood.chosen_name!r}. Use likelihood='gaussian'."
        )

    def program(self, parts: Parts) -> Program:
        """See `two_level_program`; `beta` and `variance` are those of the run."""
        return two_level_program(self, parts)


def noise_of(run: Any) -> Noise:
    """The variances of a run, in float32."""
    (own,) = (one for one in run.remedies if isinstance(one, TwoLevel))
    values = own.encoder_variance, own.prior_variance, run.likelihood.variance
    return Noise(*(jnp.asarray(value, jnp.float32) for value in values))


def model_of(settings: TwoLevel, run: Any, event_shape: tuple[int, ...]) -> TwoLevelVAE:
    """Linear where the model of the run is, else with its hidden layers."""
    hidden = getattr(run.model, "hidden", ())
    dims = run.model.latent_dim, settings.second_dim
    return models.two_level(event_shape, dims, hidden=hidden)


def code(
    vae: TwoLevelVAE, params: Any, x: Array, keys: Array, noise: Noise
) -> tuple[Array, Any, Array]:
    """A draw of z1, the posterior of z2 over its prior's deviation, and E[z1|z2]."""
    first, second = training.split_each(keys)
    mean = vae.encode(params, x)
    own = jnp.full_like(mean, jnp.log(noise.encoder))
    z_one = training.sample_posterior(first, mean, own)
    posterior = vae.encode_two(params, z_one)
    z_two = jnp.sqrt(noise.prior) * training.sample_posterior(second, *posterior)
    return z_one, posterior, vae.decode_two(params, z_two)


def level_terms(
    vae: TwoLevelVAE, params: Any, x: Array, keys: Array, noise: Noise
) -> LevelTerms:
    """Of one draw of z1 and z2 an example."""
    z_one, posterior, back = code(vae, params, x, keys, noise)
    logvar = jnp.log(noise.decoder)
    log_likelihood = likelihoods.gaussian_log_prob(vae.decode(params, z_one), x, logvar)
    log_prior = gaussian.log_prob(z_one, back, jnp.full_like(back, logvar))
    entropy = gaussian.entropy(jnp.full_like(z_one, jnp.log(noise.encoder)))
    rate_two = gaussian.kl_standard(*posterior)
    return LevelTerms(
        -log_likelihood,
        -jnp.sum(entropy + log_prior, axis=-1),
        jnp.sum(rate_two, axis=-1),
    )


def expected_terms(vae: TwoLevelVAE, params: Any, x: Array, noise: Noise) -> LevelTerms:
    """The means of `level_terms` over the noise of both levels, of a linear model.

    An example's mean code is sent through, and noise adds the squared norms of the maps
    that it passes.
    """
    mean = vae.encode(params, x)
    posterior = vae.encode_two(params, mean)
    back = vae.decode_two(params, jnp.sqrt(noise.prior) * posterior.mean)
    out = vae.decode(params, mean)
    # kernels map rows: z1 to z2 over its prior's deviation, z2 back, and z1 to x
    there, again, last = (
        params[part]["mean"]["kernel"]
        for part in ("encoder_two", "decoder_two", "decoder")
    )
    again = jnp.sqrt(noise.prior) * again
    missed = jnp.eye(len(there), dtype=x.dtype) - there @ again
    variances = jnp.exp(params["encoder_two"]["logvar"])
    error = noise.encoder * jnp.sum(missed**2) + jnp.sum(variances @ again**2)
    error += jnp.sum(jnp.square(mean - back), axis=-1)
    logs = mean.shape[-1] * (1 + jnp.log(noise.encoder / noise.decoder))
    added = noise.encoder * jnp.sum(last**2) / (2 * noise.decoder)
    log_likelihood = likelihoods.gaussian_log_prob(out, x, jnp.log(noise.decoder))
    rate_two = jnp.sum(gaussian.kl_standard(*posterior), axis=-1)
    return LevelTerms(
        added - log_likelihood,
        (error / noise.decoder - logs) / 2,
        rate_two + noise.encoder * jnp.sum(there**2) / 2,
    )


def kl_of_level_one(
    vae: TwoLevelVAE, params: Any, x: Array, keys: Array, noise: Noise
) -> Float[Array, " batch"]:
    """`KL(q(z1|x) || p(z1|z2))`, z2 of a draw of z1 that is not compared with it."""
    _, _, back = code(vae, params, x, keys, noise)
    mean = vae.encode(params, x)
    own = jnp.full_like(mean, jnp.log(noise.encoder))
    other = jnp.full_like(mean, jnp.log(noise.decoder))
    return jnp.sum(gaussian.kl_between(mean, own, back, other), axis=-1)


def two_level_program(settings: TwoLevel, parts: Parts) -> Program:
    """`distortion + beta * rate_one + beta_two * rate_two`, averaged over the batch."""
    run, optimizer = parts.settings, training.take_rate(parts.optimizer)
    vae, noise = model_of(settings, run, parts.facts.event_shape), noise_of(run)

    def loss(params: Any, x: Array, keys: Array, beta: Array) -> Any:
        if settings.expected:
            terms = expected_terms(vae, params, x, noise)
        else:
            terms = level_terms(vae, params, x, keys, noise)
        terms = jax.tree.map(jnp.mean, terms)
        rates = beta * terms.rate_one + settings.beta_two * terms.rate_two
        return terms.distortion + rates, terms

    def step(state, batch, hyper, keys):  # type: ignore[no-untyped-def]
        beta, axis = jnp.asarray(hyper.beta, jnp.float32), batch_axis()
        found = jax.value_and_grad(loss, has_aux=True)(
            state.params, batch, keys.noise, beta
        )
        (total, terms), grads = found if axis is None else mean_over(found, axis)
        # optax mixes its counters with floats
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(
                grads, state.opt_state, state.params, learning_rate=hyper.learning_rate
            )
            params = jax.tree.map(jnp.add, state.params, updates)
        rate = terms.rate_one + terms.rate_two
        info = LevelInfo(
            total, terms.distortion, rate, terms.rate_one, terms.rate_two, beta
        )
        return TrainState(params, opt_state), info

    evaluate = make_evaluate(vae, noise, parts)
    return training.make_program(
        vae.init, step, parts.optimizer, parts.prepare, evaluate, run.batch_size
    )


def make_evaluate(vae: TwoLevelVAE, noise: Noise, parts: Parts) -> Any:
    """Means of all terms over the evaluation set, of as many samples as the run says."""
    run = parts.settings

    def evaluate(state, key, hyper, data):  # type: ignore[no-untyped-def]
        del hyper
        params, key = state.train.params, training.evaluation_keys(key).examples

        def batch(images, indices):  # type: ignore[no-untyped-def]
            prepare_keys, keys = training.split_each(
                training.fold_indices(key, indices)
            )
            x = parts.prepare(prepare_keys, images)

            def sample(index):  # type: ignore[no-untyped-def]
                own = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, index)
                first, second = training.split_each(own)
                terms = level_terms(vae, params, x, first, noise)
                return terms, kl_of_level_one(vae, params, x, second, noise)

            drawn = jax.lax.map(sample, jnp.arange(run.eval_samples))
            return jax.tree.map(lambda one: jnp.mean(one, axis=0), drawn)

        images = jnp.asarray(data.evaluation)
        indices = jnp.arange(len(images))
        terms, kl_one = training.map_batches(batch, run.batch_size, images, indices)
        means = {name: jnp.mean(one) for name, one in terms._asdict().items()}
        return means | {"kl_one": jnp.mean(kl_one)}

    return evaluate


def matrices(params: Any, prior_variance: float) -> dict[str, Any]:
    """W1, W2, d, U2 and U1 of a linear model, biases left out."""

    def of(part: str) -> Any:
        return params[part]["mean"]["kernel"].T

    return {
        "encoder": of("encoder"),
        "encoder_two": math.sqrt(prior_variance) * of("encoder_two"),
        "posterior_variance": prior_variance * jnp.exp(params["encoder_two"]["logvar"]),
        "decoder_two": of("decoder_two"),
        "decoder": of("decoder"),
    }
