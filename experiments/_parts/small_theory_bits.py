"""One-bit VAEs as one program of the sweep engine: two points, 0^d and 1^d.

`x` is one of both, z one Gaussian number, and every pixel a Bernoulli variable whose logit
is linear in z. What the members differ in, the number d of pixels, is data of the program,
and is numbered by the seed of the run. R. Shu, github.com/RuiShu/micro-projects.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments._parts.small_theory_forms import NOISES, SEEDS, WEIGHTS, best_bit
from vae_jax import assembly, gaussian, likelihoods, training
from vae_jax.configs import Run, from_mapping

PER_CASE = 100
"""A run's seed is a hundred times its case, and the seed of the case."""

PIXELS = (1, 2, 4, 8, 16, 32, 64)
STRIDE = 12
"""Training sums over every twelfth noise: steps of 0.3 instead of 0.025. The logit's bend
is a seventh of a deviation of z wide at 64 pixels, with poles at 0.47 deviations: an error
of `exp(-2 pi 0.47 / 0.3)`, 5e-5 of what is wrong."""

ONE_BIT: dict[str, Any] = {
    "latent_dim": 1,
    "num_steps": 20_000,
    "log_every": 200,
    "learning_rate": 0.1,
    "learning_rate_schedule": "cosine",
}


def cases(base: dict[str, Any], count: int) -> list[Run]:
    """Every case with every seed."""
    return [
        from_mapping({**base, "seed": PER_CASE * case + seed})
        for case in range(count)
        for seed in SEEDS
    ]


def bit_params(key: Any) -> dict[str, Any]:
    """A mean and a log-variance for either point; a weight and a bias for every pixel."""
    keys = jax.random.split(key, 2)
    return {
        "mean": jax.random.normal(keys[0], (2, 1), jnp.float32) / 10,
        "logvar": jnp.zeros((2, 1)),
        "weight": jax.random.normal(keys[1], (PIXELS[-1],), jnp.float32) / 10,
        "bias": jnp.zeros(PIXELS[-1]),
    }


def bit_distortion(params: dict[str, Any], z: Any, point: Any, used: Any) -> Any:
    """`-log p(x|z)` of the points 0^d and 1^d in nats; z and `point`, 0 or 1, alike."""
    logits = z[..., None] * params["weight"][None, None] + params["bias"][None, None]
    x = jnp.broadcast_to(point[..., None], logits.shape)
    # a pixel that is not there has no density
    each = likelihoods.bernoulli_log_prob(logits, x, batch_ndim=logits.ndim)
    return -jnp.sum(each * used[None, None], axis=-1)


def bit_terms(params: dict[str, Any], used: Any, stride: int) -> tuple[Any, Any]:
    """Distortion and KL of either point, with the noise of z summed in equal steps."""
    weights = WEIGHTS[::stride] / WEIGHTS[::stride].sum()
    noises = jnp.asarray(NOISES[::stride], jnp.float32)[None]
    z = params["mean"] + jnp.exp(params["logvar"] / 2) * noises
    point = jnp.broadcast_to(jnp.arange(2.0)[:, None], z.shape)
    each = bit_distortion(params, z, point, used)
    distortion = jnp.sum(each * jnp.asarray(weights, jnp.float32)[None], axis=-1)
    rate = gaussian.kl_standard(params["mean"], params["logvar"])[:, 0]
    return distortion, rate


def bit_objective(params: Any, batch: Any, hyper: Any, keys: Any) -> Any:
    """The negative ELBO of both points: there is no noise to draw."""
    del batch, keys
    distortion, rate = bit_terms(params, hyper.settings, STRIDE)
    return distortion + rate, training.Terms(distortion, rate, rate)


def bit_program(optimizer: Any) -> training.Program:
    """All one-bit VAEs; the pixels that one has are data."""
    take = training.make_step(bit_objective, optimizer)
    points = jnp.arange(2)

    def init(key: Any, hyper: Any, data: Any) -> Any:
        del hyper, data
        own = training.stream_key(key, training.Stream.INIT, 0)
        return training.init_state(bit_params(own), optimizer)

    def step(state: Any, t: Any, key: Any, hyper: Any, data: Any) -> Any:
        del data
        own = training.stream_key(key, training.Stream.NOISE, t)
        keys = training.StepKeys.from_key(own, len(points))
        return take(state, points, hyper.at(t), keys)

    def evaluate(state: Any, key: Any, hyper: Any, data: Any) -> dict[str, Any]:
        del key, data
        distortion, rate = bit_terms(state.params, hyper.settings, 1)
        return {"cost": jnp.mean(distortion + rate), "rate": jnp.mean(rate)}

    def params(state: Any, key: Any, hyper: Any, data: Any) -> Any:
        del key, hyper, data
        return state.params

    return training.Program(init, step, evaluate, params)


def bit_job(config: Run) -> assembly.Job:
    """The run of a config; the two points are no data set."""
    job, program = assembly.job(config), bit_program(config.optimizer.make())
    used = np.arange(PIXELS[-1]) < PIXELS[config.seed // PER_CASE]
    hyper = job.hyper._replace(settings=used.astype(np.float32))
    return assembly.Job(program, hyper, np.zeros(1, np.float32))


def bit_rows(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a number of pixels and seed."""
    case, seed = np.divmod(runs["seed"].to_numpy(), PER_CASE)
    best = {number: best_bit(one) for number, one in enumerate(PIXELS)}
    found = {"pixels": np.asarray(PIXELS)[case], "seed": seed}
    found |= {name: runs[name].to_numpy() for name in ("cost", "rate")}
    found |= {
        f"{n} theory": [getattr(best[i], n) for i in case] for n in ("cost", "rate")
    }
    return pd.DataFrame(found)
