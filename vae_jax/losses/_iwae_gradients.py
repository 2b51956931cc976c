"""Three gradients of one importance-weighted bound.

`log w_k = log p(x, z_k) - log q(z_k)`, `z_k = mean + exp(logvar / 2) noise_k`, and
`v_k = w_k / sum_j w_j`. The bound has the same value with each of them, and the decoder the
same gradient, `sum_k v_k d log p(x, z_k)`. The encoder, whose outputs are mean and logvar,
has with `path_k = (d log w_k / d z_k) d z_k` and `score_k = d log q(z_k)` at fixed z_k:

| gradient                 | of the encoder                   | unbiased      |
|--------------------------|----------------------------------|---------------|
| `plain`                  | `sum_k v_k (path_k - score_k)`   | yes           |
| `sticking_the_landing`   | `sum_k v_k path_k`               | at K = 1 only |
| `doubly_reparameterised` | `sum_k v_k^2 path_k`             | yes           |

The score has mean 0 at K = 1, and noise even where q is the posterior and nothing is left
to learn; the path vanishes there. As K grows, the signal of `plain` sinks under its noise:
Rainforth et al. (2018), arXiv:1802.04537.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from vae_jax import checks, gaussian
from vae_jax.keys import as_keys
from vae_jax.losses._batch import as_batch
from vae_jax.losses._iwae import iwae_bound, normalised_weights
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike

LogJoint = Callable[[Float[Array, "batch latent"]], Float[ArrayLike, " batch"]]
"""`log_joint(z) -> (batch,)`: `log p(x|z) + log p(z)` of one z an example, in nats."""

Gradient = Literal["plain", "sticking_the_landing", "doubly_reparameterised"]


def importance_bound(
    keys: Key[Array, " batch"],
    mean: Float[ArrayLike, "batch latent"],
    logvar: Float[ArrayLike, "batch latent"],
    log_joint: LogJoint,
    num_samples: int,
    *,
    gradient: Gradient = "plain",
) -> Float[Array, " batch"]:
    """`log (1/K) sum_k p(x, z_k) / q(z_k | x)` nats, `z_k ~ q(z | x) = N(mean, e^logvar)`.

    One scalar, `-bound.mean()`, is differentiated in the parameters of encoder and decoder
    together. It is `iwae_bound(log_importance_weights(...))`, where the arguments and the
    papers are named.

    Raises:
        TypeError: as `log_importance_weights`.
        ValueError: likewise.

    >>> keys = jax.random.split(jax.random.key(0), 4)
    >>> x, mean, logvar = jnp.ones((4, 3)), jnp.zeros((4, 1)), jnp.zeros((4, 1))
    >>> def log_joint(z):  # x|z ~ N(z, 1), z ~ N(0, 1)
    ...     return -0.5 * jnp.sum((x - z) ** 2, -1) - 0.5 * jnp.sum(z**2, -1)
    >>> importance_bound(
    ...     keys, mean, logvar, log_joint, 8, gradient="doubly_reparameterised"
    ... ).shape
    (4,)
    """
    return iwae_bound(
        log_importance_weights(
            keys, mean, logvar, log_joint, num_samples, gradient=gradient
        )
    )


def log_importance_weights(
    keys: Key[Array, " batch"],
    mean: Float[ArrayLike, "batch latent"],
    logvar: Float[ArrayLike, "batch latent"],
    log_joint: LogJoint,
    num_samples: int,
    *,
    gradient: Gradient = "plain",
) -> Float[Array, "samples batch"]:
    """`log w_k = log p(x, z_k) - log q(z_k | x)` nats, for `z_k ~ N(mean, e^logvar)`.

    `iwae_bound` of it has the gradient that `gradient` names; the table of the module has
    the formulas. Burda et al. (2016), arXiv:1509.00519; Roeder et al. (2017), "Sticking the
    landing", arXiv:1703.09194; Tucker et al. (2019), "Doubly reparameterized gradient
    estimators", arXiv:1810.04152.

    Args:
        keys: one an example, typed or raw. Sample k draws its noise from `fold_in(key, k)`,
            so that more samples begin with the same ones.
        mean: of the posterior.
        logvar: of the posterior.
        log_joint: may depend on the encoder by z alone: `log p(z)`, not an analytic KL.
        num_samples: K, a whole number. They are decoded together by `vmap`, and memory
            grows with `num_samples * batch`; where it runs out, split the batch.
        gradient: `doubly_reparameterised` runs `log_joint` forward twice; under `jit` the
            two are merged, except for loops (`scan`) inside of it.

    Raises:
        TypeError: `keys` are none, or `num_samples` is no whole number.
        ValueError: an unknown gradient, no samples, or shapes that differ.

    >>> keys = jax.random.split(jax.random.key(0), 4)
    >>> mean = logvar = jnp.zeros((4, 2))
    >>> def log_joint(z):  # of nothing but the prior: every weight is 1
    ...     return gaussian.log_prob(z, mean, logvar).sum(axis=-1)
    >>> jnp.exp(log_importance_weights(keys, mean, logvar, log_joint, 3)).mean(axis=1)
    Array([1., 1., 1.], dtype=float32)
    """
    checks.option("gradient", gradient, get_args(Gradient))
    num_samples = checks.whole("num_samples", num_samples, 1)
    mean, logvar = as_float(mean), as_float(logvar)
    _check_shapes(mean, logvar)
    keys = as_keys("keys", keys, len(mean))
    z = _samples(keys, mean, logvar, num_samples)
    if gradient != "plain":
        mean, logvar = jax.lax.stop_gradient((mean, logvar))

    def weigh(z: Array) -> Array:
        log_q = jnp.sum(gaussian.log_prob(z, mean, logvar), axis=-1)
        log_p = as_float(log_joint(z))
        check_same_shape("log_joint(z)", log_p, "keys", keys)
        return log_p - log_q

    if gradient == "doubly_reparameterised":
        fixed = jax.vmap(weigh)(jax.lax.stop_gradient(z))
        weights = jax.lax.stop_gradient(normalised_weights(fixed))
        # the bound itself multiplies by the weights once more: squares for the encoder
        z = _scale_gradient(z, weights[..., None])
    return jax.vmap(weigh)(z)


def _samples(keys: Array, mean: Array, logvar: Array, num_samples: int) -> Array:
    """Of shape (samples, batch, latent), every z with its own noise."""

    def draw(index: Array) -> Array:
        folded = jax.vmap(jax.random.fold_in, (0, None))(keys, index)
        return jax.vmap(gaussian.reparameterize)(folded, mean, logvar)

    return jax.vmap(draw)(jnp.arange(num_samples))


@jax.custom_jvp
def _scale_gradient(z: Array, scale: Array) -> Array:
    """The identity, whose derivative is multiplied by `scale`."""
    del scale
    return z


@_scale_gradient.defjvp
def _scale_gradient_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (z, scale), (dz, _) = primals, tangents
    return z, scale * dz


def _check_shapes(mean: Array, logvar: Array) -> None:
    as_batch("mean", mean)
    check_same_shape("logvar", logvar, "mean", mean)
