"""A sweep of a few numbers a member, with an optimiser's state and keys, that can be hurt.

It compiles at once, so that a fault is tried in a process of its own within seconds.
"""

import hashlib
import json
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vae_jax import assembly, results, sweeps
from vae_jax.configs import Run
from vae_jax.training import Program

BASE = Run.of(num_steps=60, log_every=10, batch_size=8, learning_rate=0.01)
EXAMPLES = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
BAD_STEP = 23
POISONED = ("beta", "learning_rate", "data")
MOMENTUM = optax.trace(0.9)
QUIET = sweeps.Options(progress=False, strategy="map", keep_state=True)


class Info(NamedTuple):
    loss: jax.Array


class Settings(NamedTuple):
    """Of one member; each of the last three is NaN from a step on, or never (-1)."""

    beta: np.ndarray
    learning_rate: np.ndarray
    bad_beta: np.ndarray
    bad_learning_rate: np.ndarray
    bad_data: np.ndarray


def members(num=6):
    return [BASE.changed(seed=seed, beta=0.5 + 0.1 * seed) for seed in range(num)]


def settings(config, bad=None, at=BAD_STEP):
    steps = {f"bad_{name}": np.int32(-1) for name in POISONED}
    if bad is not None:
        steps[f"bad_{bad}"] = np.int32(at)
    two = np.float32(config["beta"]), np.float32(config["learning_rate"])
    return Settings(*two, **steps)


def hurt(value, t, step):
    """The value, but NaN from `step` on."""
    return jnp.where((step >= 0) & (t >= step), jnp.nan, value)


def init(key, hyper, data):
    params = {"w": jax.random.normal(key, (3, 3), jnp.float32), "b": jnp.zeros(3)}
    return {"params": params, "moment": MOMENTUM.init(params), "key": key}


def step(state, t, key, hyper, data):
    data = hurt(data, t, hyper.bad_data)
    beta = hurt(hyper.beta, t, hyper.bad_beta)
    rate = hurt(hyper.learning_rate, t, hyper.bad_learning_rate)
    new = jax.random.fold_in(state["key"], t)

    def loss(params):
        noise = jax.random.normal(new, data.shape, jnp.float32)
        made = jnp.tanh(data @ params["w"]) + params["b"][None]
        return jnp.mean((data + noise - made) ** 2) + beta * jnp.mean(made**2)

    value, slope = jax.value_and_grad(loss)(state["params"])
    change, moment = MOMENTUM.update(slope, state["moment"])
    params = jax.tree.map(lambda p, c: p - rate * c, state["params"], change)
    # a rate that is none shows in what it makes, one step later in the loss
    seen = value + 0 * rate
    return {"params": params, "moment": moment, "key": new}, Info(seen)


def evaluate(state, key, hyper, data):
    drawn = jax.random.normal(state["key"], (), jnp.float32)
    return {"size": jnp.sum(state["params"]["w"] ** 2), "drawn": drawn}


def params(state, key, hyper, data):
    return state["params"]


PROGRAM = Program(init, step, evaluate, params)


def make_job(config):
    return assembly.Job(PROGRAM, settings(config), EXAMPLES)


def run(out, configs=None, make=make_job, on_chunk=None, **options):
    configs = members() if configs is None else configs
    options = QUIET._replace(**options)
    return sweeps.run(configs, out, options, make_job=make, on_chunk=on_chunk)


def everything(out):
    """One number for rows, metrics, parameters, and what every member ended with.

    The states at the end hold the optimiser's moments and the keys; their records have a
    SHA-256 of dtype, shape and bytes of every leaf.
    """
    leaves = {}
    for path in sorted((out / "states").rglob("record.json")):
        record = json.loads(path.read_bytes())["record"]
        leaves[path.parent.parent.name] = [
            (leaf["path"], leaf["sha256"]) for leaf in record["leaves"]
        ]
    assert leaves
    whole = hashlib.sha256(json.dumps(leaves, sort_keys=True).encode())
    whole.update(results.content_hash(out).encode())
    return whole.hexdigest()
