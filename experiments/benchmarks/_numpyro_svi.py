"""The MLP VAE as in numpyro's example: `SVI` with `Trace_ELBO`, updated in a scan."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.example_libraries import stax
from numpyro.infer import SVI, Trace_ELBO


def encoder(hidden: int, latent: int) -> Any:
    return stax.serial(
        stax.Dense(hidden),
        stax.Relu,
        stax.FanOut(2),
        stax.parallel(stax.Dense(latent), stax.serial(stax.Dense(latent), stax.Exp)),
    )


def decoder(hidden: int, features: int) -> Any:
    return stax.serial(stax.Dense(hidden), stax.Relu, stax.Dense(features))


def train_numpyro(
    images: np.ndarray, sizes: tuple[int, int, int], batch: int
) -> Callable[[int], None]:
    """A function that trains for so many steps."""
    features, hidden, latent = sizes
    flat = jnp.asarray(images.reshape(len(images), -1))

    def model(x: jax.Array) -> None:
        decode = numpyro.module("decoder", decoder(hidden, features), (len(x), latent))
        with numpyro.plate("batch", len(x)):
            normal = dist.Normal(jnp.zeros(latent), jnp.ones(latent)).to_event(1)
            logits = decode(numpyro.sample("z", normal))
            numpyro.sample("x", dist.Bernoulli(logits=logits).to_event(1), obs=x)

    def guide(x: jax.Array) -> None:
        encode = numpyro.module("encoder", encoder(hidden, latent), (len(x), features))
        mean, std = encode(x)
        with numpyro.plate("batch", len(x)):
            numpyro.sample("z", dist.Normal(mean, std).to_event(1))

    svi = SVI(model, guide, numpyro.optim.Adam(1e-3), Trace_ELBO())

    def batch_of(order: jax.Array, index: jax.Array) -> jax.Array:
        rows = jax.lax.dynamic_slice(order, (index * batch,), (batch,))
        return (2 * flat[rows].astype(jnp.int32) > 255).astype(jnp.float32)

    per_epoch = len(flat) // batch
    order_of = jax.jit(lambda key: jax.random.permutation(key, len(flat)))

    @jax.jit
    def epoch(state: Any, order: jax.Array, first: Any, last: Any) -> Any:
        def one(index: jax.Array, carry: Any) -> Any:
            state, total = carry
            state, loss = svi.update(state, batch_of(order, index))
            return state, total + loss

        return jax.lax.fori_loop(first, last, one, (state, jnp.float32(0)))

    key = jax.random.key(0)
    held: dict[str, Any] = {"done": 0, "order": order_of(key)}
    held["state"] = svi.init(key, batch_of(held["order"], jnp.int32(0)))

    def run(num_steps: int) -> None:
        end = held["done"] + num_steps
        while held["done"] < end:
            epoch_number, first = divmod(held["done"], per_epoch)
            if first == 0:
                held["order"] = order_of(jax.random.fold_in(key, epoch_number))
            last = min(per_epoch, first + end - held["done"])
            held["state"], total = epoch(
                held["state"], held["order"], np.int32(first), np.int32(last)
            )
            held["done"] += last - first
        jax.block_until_ready(held["state"])

    return run
