"""Streaming evaluation at beta = 1, with samples of z, and the collapse report."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import diagnostics, gaussian, likelihoods, losses
from vae_jax.training._keys import Stream, fold_indices, split_each, stream_key
from vae_jax.training._objective import sample_posterior
from vae_jax.training._program import Prepare
from vae_jax.types import Params
from vae_jax.vae import VAE, Knobs

MAX_DIAGNOSED = 5000
"""Examples that the pairwise diagnostics use of a larger set."""


class ExampleStatistics(NamedTuple):
    """What is known of every example after one pass, in nats.

    Attributes:
        mean, logvar: of the posterior.
        z: one sample of it.
        distortion: negative log-likelihood, averaged over the samples of z.
        nll: importance-weighted bound on `-log p(x)`.

    >>> ExampleStatistics._fields
    ('mean', 'logvar', 'z', 'distortion', 'nll')
    """

    mean: Float[Array, "batch latent"]
    logvar: Float[Array, "batch latent"]
    z: Float[Array, "batch latent"]
    distortion: Float[Array, " batch"]
    nll: Float[Array, " batch"]


def map_batches(function: Callable[..., Any], batch_size: int, *arrays: Any) -> Any:
    """Apply a per-example function to a long array, `batch_size` rows at a time.

    The last batch is filled up with the first rows, whose results are cut off again: every
    example counts exactly once.

    >>> map_batches(lambda x: 2 * x, 2, jnp.arange(3)).tolist()
    [0, 2, 4]
    """
    size = len(arrays[0])
    num_batches = -(-size // batch_size)
    rows = jnp.arange(num_batches * batch_size) % size
    rows = rows.reshape(num_batches, batch_size)
    results = jax.lax.map(lambda r: function(*(a[r] for a in arrays)), rows)
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:size], results)


def example_statistics(
    vae: VAE,
    likelihood: likelihoods.Likelihood,
    params: Params,
    keys: Array,
    x: Float[Array, " batch *event"],
    knobs: Knobs,
    num_samples: int,
) -> ExampleStatistics:
    """Distortion and importance-weighted NLL of a batch from `num_samples` samples of z.

    `nll = -(logsumexp_k log w_k - log K)`, `w_k = p(x, z_k) / q(z_k | x)`: Burda et al.
    (2016), Eq. 8, arXiv:1509.00519.
    """
    mean, logvar = vae.encode(params, x, knobs=knobs)
    zeros = jnp.zeros_like(mean)

    def sample(index):  # type: ignore[no-untyped-def]
        folded = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, index)
        z = sample_posterior(folded, mean, logvar)
        log_likelihood = likelihood.log_prob(vae.decode(params, z, x, knobs=knobs), x)
        log_ratio = gaussian.log_prob(z, zeros, zeros) - gaussian.log_prob(
            z, mean, logvar
        )
        return z, log_likelihood, log_likelihood + log_ratio.sum(axis=-1)

    z, log_likelihood, log_weight = jax.lax.map(sample, jnp.arange(num_samples))
    return ExampleStatistics(
        mean,
        logvar,
        z[0],
        distortion=-jnp.mean(log_likelihood, axis=0),
        nll=-losses.iwae_bound(log_weight, axis=0),
    )


def make_evaluate(
    vae: VAE,
    likelihood: likelihoods.Likelihood,
    prepare: Prepare,
    *,
    num_samples: int = 64,
    batch_size: int = 128,
    optimal_variance: bool = False,
) -> Callable[..., dict[str, Array]]:
    """Evaluation of a run on `data.evaluation`, in nats per example, without dropout.

    Args:
        vae: the model.
        likelihood: of the data.
        prepare: as in training.
        num_samples: samples of z an example, for distortion and NLL.
        batch_size: rows at a time.
        optimal_variance: the noise variance is the mean squared error over the *training*
            set, so that the density of a test example does not depend on that example.

    Returns:
        `evaluate(state, key, hyper, data) -> {"distortion", "rate", "nll", ...}` with every
        field of `diagnostics.CollapseReport`.

    The README shows its use.
    """

    def statistics(params: Params, images: Array, key: Array, knobs: Knobs) -> Any:
        indices = jnp.arange(len(images))

        def batch(images, indices):  # type: ignore[no-untyped-def]
            prepare_keys, noise_keys = split_each(fold_indices(key, indices))
            x = prepare(prepare_keys, images)
            return x, example_statistics(
                vae, likelihood, params, noise_keys, x, knobs, num_samples
            )

        return map_batches(batch, batch_size, images, indices)

    def training_variance(
        params: Params, images: Array, key: Array, knobs: Knobs
    ) -> Array:
        def errors(images, indices):  # type: ignore[no-untyped-def]
            prepare_keys, noise_keys = split_each(fold_indices(key, indices))
            x = prepare(prepare_keys, images)
            z = sample_posterior(noise_keys, *vae.encode(params, x, knobs=knobs))
            mean, _ = vae.decode(params, z, x, knobs=knobs)
            return jnp.square(mean - x).reshape(len(x), -1).mean(axis=1)

        squared: Array = map_batches(
            errors, batch_size, images, jnp.arange(len(images))
        )
        return jnp.mean(squared)

    def evaluate(state, key, hyper, data):  # type: ignore[no-untyped-def]
        params, knobs = state.train.params, hyper.knobs
        # one key for each of what draws: no number is drawn twice
        train_key, key, report_key = jax.random.split(
            stream_key(key, Stream.EVALUATE, 0), 3
        )
        if optimal_variance:
            train = jnp.asarray(data.train)
            variance = training_variance(params, train, train_key, knobs)
            knobs = knobs._replace(variance=variance)
        x, stats = statistics(params, jnp.asarray(data.evaluation), key, knobs)

        def log_prob(z, x):  # type: ignore[no-untyped-def]
            return map_batches(
                lambda z, x: likelihood.log_prob(
                    vae.decode(params, z, x, knobs=knobs), x
                ),
                batch_size,
                z,
                x,
            )

        named = summarise(report_key, stats, x, log_prob)
        return named | ({"optimal_variance": variance} if optimal_variance else {})

    return evaluate


def summarise(
    key: Array, stats: ExampleStatistics, x: Array, log_prob: Callable[..., Array]
) -> dict[str, Array]:
    """Named numbers of a whole evaluation set."""
    kl = gaussian.kl_standard(stats.mean, stats.logvar)
    some = slice(0, MAX_DIAGNOSED)
    report = diagnostics.collapse_report(
        key,
        stats.mean[some],
        stats.logvar[some],
        log_prob=log_prob,
        z=stats.z[some],
        x=x[some],
    )
    return report._asdict() | {
        "distortion": jnp.mean(stats.distortion),
        "rate": jnp.mean(kl.sum(axis=-1)),
        "nll": jnp.mean(stats.nll),
    }
