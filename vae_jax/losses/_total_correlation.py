"""Total correlation: the rate in three parts, from the samples of a batch.

    KL(q(z|x) || p(z)) = mutual information + total correlation + dimension-wise KL

on average over the data, with q(z) the mean of q(z|x) over its N examples. A batch of B
examples gives each of them a weight in the estimate of q(z); with M = B - 1:

| weighting    | the own example | the next one  | each other    | q(z) is           |
|--------------|-----------------|---------------|---------------|-------------------|
| `weighted`   | 1 / (N B)       | 1 / (N B)     | 1 / (N B)     | far too low       |
| `stratified` | 1 / N           | 1 / M - 1 / N | 1 / M         | unbiased          |
| `balanced`   | 1 / N           | (1 - 1/N) / M | (1 - 1/N) / M | unbiased, quieter |

`weighted` is minibatch weighted sampling (Appendix C.1 of Chen et al.), low by a factor of
B where the own example alone explains z, of N at collapse: for gradients, not to be read.
At collapse its information is log N and its total correlation (latent - 1) log N, where
the truth is 0.

`stratified` is minibatch stratified sampling (Appendix C.2), in which one example makes
room for the own one: here the next of the batch. Some public code has the weights of the
own example and the next in the first columns instead of along the diagonal, which is
neither. `balanced` is the mean of `stratified` over which example makes room, and exact
when the batch is the data set. Unbiased means q(z), over batches drawn without
replacement; its logarithm is still too low on average.

Chen et al. (2018), "Isolating sources of disentanglement in VAEs", arXiv:1802.04942.

All in nats, per example.
"""

from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from vae_jax import checks, gaussian
from vae_jax.losses._batch import as_batch, example_weights, gather
from vae_jax.mapped import batch_axis
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike

Weighting = Literal["weighted", "stratified", "balanced"]


class AggregateLogDensity(NamedTuple):
    """Of a sample z of each example, in nats.

    Attributes:
        log_qz: `log q(z)`.
        log_prod_qz: `sum_j log q(z_j)`, of the marginals of q(z).

    >>> AggregateLogDensity._fields
    ('log_qz', 'log_prod_qz')
    """

    log_qz: Float[Array, " batch"]
    log_prod_qz: Float[Array, " batch"]


class RateParts(NamedTuple):
    """Three parts that sum to the sampled rate, `log q(z|x) - log p(z)`, in nats.

    Attributes:
        mutual_information: `log q(z|x) - log q(z)`, at most log N (`weighted`: log N B).
            Of the index of x in the data set.
        total_correlation: `log q(z) - sum_j log q(z_j)`.
        dimension_wise_kl: `sum_j log q(z_j) - log p(z_j)`.

    >>> RateParts._fields
    ('mutual_information', 'total_correlation', 'dimension_wise_kl')
    """

    mutual_information: Float[Array, " batch"]
    total_correlation: Float[Array, " batch"]
    dimension_wise_kl: Float[Array, " batch"]


def aggregate_log_density(
    z: Float[ArrayLike, "batch latent"],
    mean: Float[ArrayLike, "batch latent"],
    logvar: Float[ArrayLike, "batch latent"],
    dataset_size: Num[ArrayLike, ""],
    *,
    weighting: Weighting,
    weights: Float[ArrayLike, " batch"] | None = None,
    axis_name: str | None = None,
) -> AggregateLogDensity:
    """`log sum_j w_ij q(z_i|x_j)` nats, and the sum over units of that of each unit.

    The weights w are those of the module's table. Every z meets every posterior of the
    batch, unit by unit: work and memory grow with the square of its size.

    Args:
        z: a sample of the posterior of each example.
        mean: of the posterior.
        logvar: of the posterior.
        dataset_size: N, at least the size of the batch without its padding.
        weighting: a row of the table.
        weights: 1, or 0 for a padded example; two examples must have 1.
        axis_name: mapped axis that the batch is split over, if it is; samples are compared
            with the posteriors of all devices.

    Raises:
        ValueError: shapes that differ, an unknown weighting, a single example, a batch
            larger than the data set.

    >>> zeros = jnp.zeros((4, 1))
    >>> found = aggregate_log_density(zeros, zeros, zeros, 100, weighting="balanced")
    >>> round(float(found.log_qz[0]), 4)  # log N(0 | 0, 1)
    -0.9189
    """
    z, mean, logvar = (
        as_batch(name, value)
        for name, value in (("z", z), ("mean", mean), ("logvar", logvar))
    )
    check_same_shape("mean", mean, "z", z)
    check_same_shape("logvar", logvar, "z", z)
    axis_name = batch_axis(axis_name)
    shares = gather(example_weights(z, weights), axis_name)
    checks.option("weighting", weighting, get_args(Weighting))
    _check_size(len(shares), dataset_size, weights, axis_name)
    first = 0 if axis_name is None else jax.lax.axis_index(axis_name) * len(z)
    own = jnp.arange(len(z)) + first
    size = jnp.asarray(dataset_size, z.dtype)
    share = _importance_weights(own, shares, size, weighting)
    per_unit = _pairwise(z, gather(mean, axis_name), gather(logvar, axis_name))
    log_qz = jax.nn.logsumexp(jnp.sum(per_unit, axis=-1), axis=1, b=share)
    marginals = jax.nn.logsumexp(per_unit, axis=1, b=share[..., None])
    return AggregateLogDensity(log_qz, jnp.sum(marginals, axis=-1))


def tc_decomposition(
    z: Float[ArrayLike, "batch latent"],
    mean: Float[ArrayLike, "batch latent"],
    logvar: Float[ArrayLike, "batch latent"],
    dataset_size: Num[ArrayLike, ""],
    *,
    weighting: Weighting,
    weights: Float[ArrayLike, " batch"] | None = None,
    axis_name: str | None = None,
) -> RateParts:
    """The sampled rate in its three parts, per example; the prior is N(0, I).

    All on the same sample of z, so that they sum to `log q(z|x) - log p(z)` whatever the
    weighting. Chen et al. (2018), Section 3, arXiv:1802.04942.

    Args:
        z: a sample of the posterior of each example.
        mean: of the posterior.
        logvar: of the posterior.
        dataset_size: N, at least the size of the batch without its padding.
        weighting: a row of the module's table.
        weights: 1, or 0 for a padded example; two examples must have 1.
        axis_name: mapped axis that the batch is split over, if it is.

    Raises:
        ValueError: shapes that differ, an unknown weighting, a single example, a batch
            larger than the data set.

    >>> far = jnp.full((4, 2), 3.0)  # the same posterior for every example
    >>> parts = tc_decomposition(far, far, 0 * far, 4, weighting="balanced")
    >>> [round(abs(float(part[0])), 4) for part in parts]
    [0.0, 0.0, 9.0]
    """
    density = aggregate_log_density(
        z,
        mean,
        logvar,
        dataset_size,
        weighting=weighting,
        weights=weights,
        axis_name=axis_name,
    )
    z = as_float(z)
    zero = jnp.zeros_like(z)
    log_qzx = jnp.sum(gaussian.log_prob(z, mean, logvar), axis=-1)
    log_pz = jnp.sum(gaussian.log_prob(z, zero, zero), axis=-1)
    return RateParts(
        log_qzx - density.log_qz,
        density.log_qz - density.log_prod_qz,
        density.log_prod_qz - log_pz,
    )


def beta_tc_loss(
    distortion: Float[ArrayLike, " batch"],
    parts: RateParts,
    alpha: Num[ArrayLike, ""],
    beta: Num[ArrayLike, ""],
    gamma: Num[ArrayLike, ""],
) -> Float[Array, " batch"]:
    """`D + alpha MI + beta TC + gamma dimension-wise KL` nats.

    All three 1 is minus the sampled ELBO; beta-TC-VAE is alpha = gamma = 1.
    Chen et al. (2018), Section 3, arXiv:1802.04942.

    Raises:
        ValueError: the shapes differ, or a weight is not one finite number.

    >>> one = jnp.ones(1)
    >>> beta_tc_loss(one, RateParts(one, one, one), 1.0, 6.0, 1.0).tolist()
    [9.0]
    """
    loss = as_float(distortion)
    weights = {"alpha": alpha, "beta": beta, "gamma": gamma}
    for name, part, (own, factor) in zip(
        RateParts._fields, parts, weights.items(), strict=True
    ):
        part = as_float(part)
        check_same_shape(name, part, "distortion", loss)
        checks.number(own, factor, low_open=True, high_open=True)
        loss = loss + jnp.asarray(factor, loss.dtype) * part
    return loss


def _check_size(
    examples: int, dataset_size: ArrayLike, weights: Any, axis_name: str | None
) -> None:
    """Refuse too few examples, or more of them than there are data."""
    if examples < 2:
        raise ValueError("`z` must hold at least 2 examples to compare; got 1.")
    checks.number("dataset_size", dataset_size, 1, high_open=True)
    size = checks.concrete("dataset_size", dataset_size)
    if weights is not None:
        # padding makes a batch look larger than it is, and other devices hold the rest
        known = None if axis_name else checks.concrete("weights", weights)
        examples = 0 if known is None else int((known > 0).sum())
    if size is not None and size < examples:
        raise ValueError(
            f"`dataset_size` must be at least the size of the batch, {examples}; got "
            f"{dataset_size}."
        )


def _importance_weights(
    own: Array, shares: Array, size: Array, weighting: Weighting
) -> Float[Array, "batch examples"]:
    """The module's table, row `own[i]` of it for sample i."""
    examples = len(shares)
    # how far behind the own example, so that the next one is the nearest
    behind = jnp.mod(jnp.arange(examples)[None] - own[:, None], examples)
    itself = behind == 0
    if weighting == "weighted":
        equal = shares / (size * jnp.sum(shares))
        return jnp.broadcast_to(equal[None], itself.shape)
    others = jnp.where(itself, 0.0, shares[None])
    others = others / jnp.sum(others, axis=1, keepdims=True)
    if weighting == "stratified":
        nearest = jnp.argmin(jnp.where(others > 0, behind, examples), axis=1)
        others = others - jax.nn.one_hot(nearest, examples, dtype=size.dtype) / size
    else:
        others = others * (1.0 - 1.0 / size)
    return jnp.where(itself, 1.0 / size, others)


def _pairwise(z: Array, mean: Array, logvar: Array) -> Array:
    """`log q(z_i|x_j)` of every unit: (batch, examples, latent)."""

    def of_sample(sample: Array) -> Array:
        return gaussian.log_prob(jnp.broadcast_to(sample, mean.shape), mean, logvar)

    return jax.vmap(of_sample)(z)
