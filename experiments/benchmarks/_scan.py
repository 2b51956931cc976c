"""An MLP VAE trained by a scan that somebody wrote by hand, for these sizes alone.

"scan, the same" does what the engine's step does beside the model: a new order every
epoch, noise keyed by example, the norm of the gradient, and a state that stops where
something is not finite. "scan, lean" does none of it: rows are drawn, noise is one draw.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vae_jax.sweeps.devices._mesh import EVERYWHERE, MEMBERS, member_mesh

Sizes = tuple[int, int, int]
ADAM = optax.adam(1e-3)


def layer(key: jax.Array, inputs: int, outputs: int) -> Any:
    weight = jax.random.normal(key, (inputs, outputs), jnp.float32)
    return weight / np.float32(inputs**0.5), jnp.zeros(outputs, jnp.float32)


def init(key: jax.Array, sizes: Sizes) -> Any:
    features, hidden, latent = sizes
    keys = jax.random.split(key, 4)
    shapes = (
        (features, hidden),
        (hidden, 2 * latent),
        (latent, hidden),
        (hidden, features),
    )
    return [layer(one, *shape) for one, shape in zip(keys, shapes, strict=True)]


def loss_of(params: Any, x: jax.Array, noise: jax.Array) -> jax.Array:
    """The mean negative ELBO of a batch."""
    (w0, b0), (w1, b1), (w2, b2), (w3, b3) = params
    posterior = jax.nn.relu(x @ w0 + b0) @ w1 + b1
    mean, logvar = jnp.split(posterior, 2, axis=-1)
    z = mean + jnp.exp(0.5 * logvar) * noise
    logits = jax.nn.relu(z @ w2 + b2) @ w3 + b3
    distortion = jnp.sum(jax.nn.softplus(logits) - logits * x, axis=-1)
    rate = -0.5 * jnp.sum(1 + logvar - mean**2 - jnp.exp(logvar), axis=-1)
    return jnp.mean(distortion + rate)


def updated(params: Any, moments: Any, x: jax.Array, noise: jax.Array) -> Any:
    """Parameters and moments after a step of Adam, the loss and the gradient."""
    loss, grads = jax.value_and_grad(loss_of)(params, x, noise)
    moves, moments = ADAM.update(grads, moments, params)
    return (optax.apply_updates(params, moves), moments), loss, grads


def same_step(t: jax.Array, carry: Any, key: jax.Array, images: Any, batch: int) -> Any:
    """What the engine does at a step."""
    state, order, total, norms, bad = carry
    epoch, index = jnp.divmod(t, len(images) // batch)
    fold = jax.random.fold_in

    def shuffled() -> jax.Array:
        bits = jax.random.bits(fold(fold(key, 1), epoch), (len(images),))
        return jax.lax.sort_key_val(bits, jnp.arange(len(images), dtype=jnp.int32))[1]

    order = jax.lax.cond(index == 0, shuffled, lambda: order)
    rows = jax.lax.dynamic_slice(order, (index * batch,), (batch,))
    of_step = fold(fold(key, 2), t)
    keys = jax.vmap(fold, (None, 0))(of_step, jnp.arange(batch))
    latent = state[0][2][0].shape[0]
    noise = jax.vmap(lambda one: jax.random.normal(one, (latent,), jnp.float32))(keys)
    new, loss, grads = updated(*state, binary(images[rows]), noise)
    norm = optax.tree.norm(grads)
    fine = jnp.isfinite(loss) & jnp.isfinite(norm) & (bad < 0)
    state = jax.tree.map(lambda a, b: jnp.where(fine, a, b), new, state)
    bad = jnp.where(~fine & (bad < 0), t, bad)
    return state, order, total + loss, norms + norm, bad


def lean_step(t: jax.Array, carry: Any, key: jax.Array, images: Any, batch: int) -> Any:
    """A step and nothing else."""
    state, *others = carry
    of_rows, of_noise = jax.random.split(jax.random.fold_in(key, t))
    rows = jax.random.randint(of_rows, (batch,), 0, len(images))
    noise = jax.random.normal(of_noise, (batch, state[0][2][0].shape[0]), jnp.float32)
    state, loss, _ = updated(*state, binary(images[rows]), noise)
    others[1] += loss
    return (state, *others)


def binary(levels: jax.Array) -> jax.Array:
    return (2 * levels.astype(jnp.int32) > 255).astype(jnp.float32)


def train_scan(
    images: np.ndarray, sizes: Sizes, batch: int, *, lean: bool
) -> Callable[[int], None]:
    """A function that trains one member a device for so many steps."""
    mesh, number = member_mesh(), jax.device_count()
    step = lean_step if lean else same_step
    flat = images.reshape(len(images), -1)

    def start(seed: jax.Array) -> Any:
        key = jax.random.key(seed[0])
        params = init(key, sizes)
        order = jnp.arange(len(flat), dtype=jnp.int32)
        zero = jnp.zeros((), jnp.float32)
        own = (params, ADAM.init(params)), order, zero, zero, jnp.int32(-1)
        return jax.tree.map(lambda leaf: leaf[None], own)

    def advance(carry: Any, seed: jax.Array, data: Any, first: Any, last: Any) -> Any:
        key, own = jax.random.key(seed[0]), jax.tree.map(lambda leaf: leaf[0], carry)
        one = partial(step, key=key, images=data, batch=batch)
        own = jax.lax.fori_loop(first, last, one, own)
        return jax.tree.map(lambda leaf: leaf[None], own)

    options = {"mesh": mesh, "out_specs": MEMBERS, "check_vma": False}
    begun = jax.jit(jax.shard_map(start, in_specs=MEMBERS, **options))
    specs = (MEMBERS, MEMBERS, EVERYWHERE, EVERYWHERE, EVERYWHERE)
    moved = jax.jit(jax.shard_map(advance, in_specs=specs, **options), donate_argnums=0)
    seeds, placed = jnp.arange(number), jnp.asarray(flat)
    held: dict[str, Any] = {"carry": begun(seeds), "done": 0}

    def run(num_steps: int) -> None:
        first = held["done"]
        held["done"] = first + num_steps
        held["carry"] = moved(
            held["carry"], seeds, placed, np.int32(first), np.int32(held["done"])
        )
        jax.block_until_ready(held["carry"])

    return run
