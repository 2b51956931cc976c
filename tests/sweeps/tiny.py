"""A program of a few numbers, which compiles at once: the engine knows no model."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import assembly
from vae_jax.configs import Run
from vae_jax.training import Program

BASE = Run.of(num_steps=40, log_every=10, batch_size=8)
EXAMPLES = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)


class Info(NamedTuple):
    loss: jax.Array


class Settings(NamedTuple):
    beta: np.ndarray
    rate: np.ndarray


def init(key, hyper, data):
    return {
        "w": jax.random.normal(key, (3, 3), jnp.float32),
        "b": [jnp.zeros(3, jnp.float32)],
    }


def step(state, t, key, hyper, data):
    def loss(own):
        noise = jax.random.normal(jax.random.fold_in(key, t), data.shape, jnp.float32)
        made = jnp.tanh(data @ own["w"]) + own["b"][0][None]
        return jnp.mean((data + noise - made) ** 2) + hyper.beta * jnp.mean(made**2)

    value, slope = jax.value_and_grad(loss)(state)
    return jax.tree.map(lambda p, s: p - hyper.rate * s, state, slope), Info(value)


def evaluate(state, key, hyper, data):
    return {"size": jnp.sum(state["w"] ** 2)}


def params(state, key, hyper, data):
    return state


PROGRAM = Program(init, step, evaluate, params)


def make_job(config, examples=EXAMPLES):
    hyper = Settings(np.float32(config["beta"]), np.float32(config["learning_rate"]))
    return assembly.Job(PROGRAM, hyper, examples)
