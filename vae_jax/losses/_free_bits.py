"""Free bits: a rate that costs nothing up to a threshold. One name, five meanings.

| over    | mean      | rule   | found as |
|---------|-----------|--------|----------|
| `unit`  | `batch`   | `max`  | Kingma et al. (2016), Eq. 15: no gradient while low |
| `unit`  | `example` | `max`  | most public code, threshold or threshold / latent_dim |
| `total` | `example` | `max`  | `max(threshold, KL(x))` |
| `total` | `example` | `mask` | `KL(x) 1[KL(x) > threshold]`: same gradient, jumps to 0 |
| `total` | `batch`   | `max`  | `max(threshold, KL)` |

Half of the examples with KL 0, half with 2, threshold 1: `example` gives 1.5 with a
gradient, `batch` gives 1.0 with none. What is returned is what the loss charges; report
the raw rate beside it, or a collapsed posterior looks healthy.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from vae_jax import checks
from vae_jax.losses._batch import Mean, as_rates, check_mean, level
from vae_jax.types import ArrayLike

Over = Literal["unit", "total", "group"]
Rule = Literal["max", "mask"]


def free_bits(
    kl: Float[ArrayLike, "*batch_latent"],
    threshold: Float[ArrayLike, ""],
    *,
    over: Over,
    mean: Mean,
    rule: Rule,
    groups: Sequence[int] | Int[np.ndarray, "..."] | None = None,
    latent_ndim: int = 1,
    weights: Float[ArrayLike, " batch"] | None = None,
    axis_name: str | None = None,
) -> Float[Array, "*batch"]:
    """The penalised rate: `sum_g max(threshold, KL_g)` nats.

    Its mean over the batch is the term in the loss; with `mean="batch"` every example
    holds the same value. At threshold 0 it is the plain rate, value and gradient.
    Kingma et al. (2016), Eq. 15, arXiv:1606.04934.

    Args:
        kl: per example and unit. With `mean="example"` one example may be given by itself,
            as inside `vmap`; with `mean="batch"` it needs the `axis_name` of that `vmap`.
        threshold: nats per unit, per group or in total, as `over` says; at least 0; data.
        over: what the threshold is for.
        mean: applied to the mean over the batch, or to each example.
        rule: `max(threshold, KL)`, or `mask`, which is 0 up to the threshold.
        groups: the group of every unit, 0 to G - 1, for `over="group"`; in the shape of the
            latent where that has several axes. Channels of (batch, height, width, channels)
            are `np.broadcast_to(np.arange(channels), kl.shape[1:])`.
        latent_ndim: trailing axes that are the latent's: 1 of (batch, latent), 2 of (batch,
            positions, width), 3 of (batch, height, width, channels).
        weights: of the examples in the batch mean; 0 leaves a padded one out.
        axis_name: mapped axis that the batch is split over, if it is.

    Raises:
        TypeError: `latent_ndim` is no whole number.
        ValueError: an unknown option, a threshold that is not one number or negative, a
            `kl` without its axes, groups that do not fit, or weights or an axis for a mean
            over nothing.

    >>> kl = jnp.array([[0.0], [2.0]])
    >>> free_bits(kl, 1.0, over="unit", mean="example", rule="max").tolist()
    [1.0, 2.0]
    >>> free_bits(kl, 1.0, over="unit", mean="batch", rule="max").tolist()
    [1.0, 1.0]
    >>> kl = jnp.ones((5, 4, 4, 2))
    >>> free_bits(kl, 64.0, over="total", mean="batch", rule="max", latent_ndim=3).shape
    (5,)
    """
    checks.option("over", over, get_args(Over))
    checks.option("rule", rule, get_args(Rule))
    check_mean(mean, weights, axis_name)
    checks.number("threshold", threshold, 0, high_open=True)
    shape = np.shape(kl)[-checks.whole("latent_ndim", latent_ndim, 1) :]
    kl = as_rates(kl, mean, axis_name, latent_ndim)
    charged = level(_grouped(kl, over, groups, shape), mean, weights, axis_name)
    floor = jnp.asarray(threshold, kl.dtype)
    low = floor if rule == "max" else jnp.zeros_like(floor)
    # at equality it is free, but threshold 0 is no change; a KL of NaN is never free
    free = jnp.where(floor > 0, charged <= floor, charged < floor)
    penalised = jnp.sum(jnp.where(free, low, charged), axis=-1)
    return jnp.broadcast_to(penalised, kl.shape[:-1])


def _grouped(
    kl: Array,
    over: Over,
    groups: Sequence[int] | np.ndarray | None,
    shape: tuple[int, ...],
) -> Array:
    """KL per unit, in total, or per group."""
    if (groups is not None) != (over == "group"):
        raise ValueError(
            f"`groups` must be given with over='group' and only then; got over={over!r} "
            f"and groups={groups!r}."
        )
    if groups is None:
        return kl if over == "unit" else jnp.sum(kl, axis=-1, keepdims=True)
    units, index = kl.shape[-1], np.asarray(groups)
    if index.shape == shape:
        index = index.reshape(-1)
    whole = index.shape == (units,) and index.dtype.kind in "iu"
    if not whole or set(index) != set(range(index.max() + 1)):
        raise ValueError(
            f"`groups` must give each of the {units} units a group, numbered from 0 "
            f"without a gap; got {list(groups)}."
        )
    # a sum, not a product of the model: exact whatever precision those run at
    members = jnp.asarray(np.eye(index.max() + 1)[index], kl.dtype)
    return jnp.matmul(kl, members, precision="highest")
