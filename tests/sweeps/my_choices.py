"""Choices of a user's own: functions where they will do, else records."""

import jax.numpy as jnp
import optax

from vae_jax import likelihoods, models, priors
from vae_jax.priors import PriorChoice
from vae_jax.records import data, record
from vae_jax.remedies import Remedy
from vae_jax.schedules import BetaSchedule
from vae_jax.training import OfOptax


def small(config, event_shape):
    return models.mlp(
        event_shape,
        config.latent_dim,
        hidden=config.hidden,
        likelihood=config.likelihood,
    )


def halves(beta, num_steps):
    def schedule(step):
        now = jnp.asarray(step, jnp.float32)
        return jnp.minimum(beta, 2.0 * now / num_steps * beta)

    return schedule


def wide():
    return likelihoods.laplace()


def momentum(learning_rate):
    return optax.sgd(learning_rate, momentum=0.9)


@record("schedule", "hook")
class Hook(BetaSchedule):
    """0, and from some share of the run on beta."""

    hook: float = data(
        "Share of the run at which beta comes.", default=0.5, low=0, high=1
    )

    def make(self, num_steps):
        def schedule(step):
            now = jnp.asarray(step, jnp.float32)
            return jnp.where(now < self.hook * num_steps, 0.0, self.beta)

        return schedule


@record("optimizer", "momentum")
class Momentum(OfOptax):
    """Gradient descent with inertia."""

    inertia: float = data("Share of the last step.", default=0.9, low=0, high=1)

    factory = staticmethod(optax.sgd)

    def options(self):
        return {"momentum": self.inertia}


@record("prior", "narrow")
class Narrow(PriorChoice):
    """A Gaussian of another width."""

    narrowness: float = data("Its precision.", default=1.0, low=0, low_open=True)

    def prior(self, vae, latent_dim, facts):
        plain = priors.diagonal(latent_dim)
        fixed = {
            "mean": jnp.zeros(latent_dim),
            "logvar": jnp.full(latent_dim, -jnp.log(self.narrowness)),
        }
        return plain._replace(
            init=lambda key: {},
            kl=lambda params, mean, logvar: plain.kl(fixed, mean, logvar),
            log_prob=lambda params, z: plain.log_prob(fixed, z),
            sample=lambda params, key: plain.sample(fixed, key),
        )


@record("remedy", "floor")
class Floor(Remedy):
    """No rate below a floor is charged, in total."""

    sets = "the charge for the rate"

    floor: float = data("Nats of rate that cost nothing.", low=0)

    def penalty(self):
        return lambda kl, hyper: jnp.maximum(jnp.sum(kl, axis=-1), self.floor)
