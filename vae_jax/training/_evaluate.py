"""Streaming evaluation at beta = 1, with samples of z, and the collapse report."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped

from vae_jax import diagnostics, gaussian, likelihoods, losses
from vae_jax.conditions import Conditioned, on_device, plain
from vae_jax.training._batches import map_batches
from vae_jax.training._columns import conditional_columns
from vae_jax.training._keys import Stream, fold_indices, split_each, stream_key
from vae_jax.training._objective import kl_to_prior, log_prior, sample_posterior
from vae_jax.training._program import Calibrate, Prepare
from vae_jax.training._streamed import whole
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


class EvaluationKeys(NamedTuple):
    """One key for each of what draws in an evaluation: no number is drawn twice.

    Attributes:
        train: of the pass over the training set that fits a noise variance.
        examples: folded with the index of an example; see `split_each` for the two of it.
        report: of the collapse report.

    >>> EvaluationKeys._fields
    ('train', 'examples', 'report')
    """

    train: Array
    examples: Array
    report: Array


def evaluation_keys(key: Array) -> EvaluationKeys:
    """The keys of the evaluation of a run, of the key of the run.

    >>> evaluation_keys(jax.random.key(0)).report.shape
    ()
    """
    return EvaluationKeys(
        *jax.random.split(
            stream_key(key, Stream.EVALUATE, 0), len(EvaluationKeys._fields)
        )
    )


def example_statistics(
    vae: VAE,
    likelihood: likelihoods.Likelihood,
    params: Params,
    keys: Array,
    x: Shaped[Array, " batch *event"] | Conditioned,
    knobs: Knobs,
    num_samples: int,
) -> ExampleStatistics:
    """Distortion and importance-weighted NLL of a batch from `num_samples` samples of z.

    `nll = -(logsumexp_k log w_k - log K)`, `w_k = p(x, z_k) / q(z_k | x)`: Burda et al.
    (2016), Eq. 8, arXiv:1509.00519.
    """
    mean, logvar = vae.encode(params, x, knobs=knobs)

    def sample(index):  # type: ignore[no-untyped-def]
        folded = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, index)
        z = sample_posterior(folded, mean, logvar)
        log_likelihood = likelihood.log_prob(
            vae.decode(params, z, x, knobs=knobs), plain(x)
        )
        log_q = jnp.sum(gaussian.log_prob(z, mean, logvar), axis=-1)
        log_ratio = log_prior(vae, params, z) - log_q
        return z, log_likelihood, log_likelihood + log_ratio

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
    calibrate: Calibrate | None = None,
    condition_cells: int | None = None,
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
        calibrate: from `make_calibrate`, where the model needs it.
        condition_cells: of covariates, for the report beside them; see
            `diagnostics.condition_cells`.

    Returns:
        `evaluate(state, key, hyper, data) -> {"distortion", "rate", "nll", ...}` with every
        field of `diagnostics.CollapseReport`; of a conditional model, see `report_of`, of
        `diagnostics.ConditionalReport`, too.

    Needs a model and data to show; `assembly.program` makes one of a config.
    """

    def statistics(params: Params, images: Any, key: Array, knobs: Knobs) -> Any:
        indices = jnp.arange(len(images))

        def batch(images, indices):  # type: ignore[no-untyped-def]
            prepare_keys, noise_keys = split_each(fold_indices(key, indices))
            x = prepare(prepare_keys, images)
            return x, example_statistics(
                vae, likelihood, params, noise_keys, x, knobs, num_samples
            )

        return map_batches(batch, batch_size, images, indices)

    def training_variance(
        params: Params, images: Any, key: Array, knobs: Knobs
    ) -> Array:
        def errors(images, indices):  # type: ignore[no-untyped-def]
            prepare_keys, noise_keys = split_each(fold_indices(key, indices))
            x = prepare(prepare_keys, images)
            z = sample_posterior(noise_keys, *vae.encode(params, x, knobs=knobs))
            mean, _ = vae.decode(params, z, x, knobs=knobs)
            return jnp.square(mean - plain(x)).reshape(len(x), -1).mean(axis=1)

        squared: Array = map_batches(
            errors, batch_size, images, jnp.arange(len(images))
        )
        return jnp.mean(squared)

    def evaluate(state, key, hyper, data):  # type: ignore[no-untyped-def]
        params, knobs = state.train.params, hyper.knobs
        if calibrate is not None:
            params = calibrate(params, key, knobs, data.train)
        train_key, key, report_key = evaluation_keys(key)
        if optimal_variance:
            train = whole(data.train, "the optimal variance, a mean over it")
            variance = training_variance(params, train, train_key, knobs)
            knobs = knobs._replace(variance=variance)
        x, stats = statistics(params, on_device(data.evaluation), key, knobs)

        def log_prob(z, x):  # type: ignore[no-untyped-def]
            return map_batches(
                lambda z, x: likelihood.log_prob(
                    vae.decode(params, z, x, knobs=knobs), plain(x)
                ),
                batch_size,
                z,
                x,
            )

        law = prior_law(vae, params, stats)
        named = summarise(report_key, stats, x, log_prob, law, condition_cells)
        return named | ({"optimal_variance": variance} if optimal_variance else {})

    return evaluate


class PriorLaw(NamedTuple):
    """What the report needs of a prior; `log_prob` and `per_unit` None for N(0, I).

    >>> PriorLaw._fields
    ('kl', 'log_prob', 'per_unit')
    """

    kl: Float[Array, " batch"]
    log_prob: Callable[[Array], Array] | None
    per_unit: Float[Array, "batch latent"] | None


def prior_law(vae: VAE, params: Params, stats: ExampleStatistics) -> PriorLaw:
    """Every example's KL to the model's prior, and the prior if it is not N(0, I)."""
    kl = kl_to_prior(vae, params, stats.mean, stats.logvar, stats.z)
    whole = jnp.sum(kl, axis=-1)
    if vae.prior is None:
        return PriorLaw(whole, None, None)
    own = None if vae.prior.kl is None else kl
    return PriorLaw(whole, lambda z: log_prior(vae, params, z), own)


def summarise(
    key: Array,
    stats: ExampleStatistics,
    x: Array | Conditioned,
    log_prob: Callable[..., Array],
    law: PriorLaw,
    num_cells: int | None = None,
) -> dict[str, Array]:
    """Named numbers of a whole evaluation set, and beside the condition if there is one."""
    some = slice(0, MAX_DIAGNOSED)
    options: dict[str, Any] = {
        "log_prob": log_prob,
        "z": stats.z[some],
        "x": x[some],
        "log_prior": law.log_prob,
        "kl": None if law.per_unit is None else law.per_unit[some],
    }
    report = diagnostics.collapse_report(
        key,
        stats.mean[some],
        stats.logvar[some],
        **options,
    )
    beside = {}
    if isinstance(x, Conditioned):
        posterior = stats.mean[some], stats.logvar[some]
        beside = conditional_columns(key, *posterior, options, num_cells)
    return (
        report._asdict()
        | beside
        | {
            "distortion": jnp.mean(stats.distortion),
            "rate": jnp.mean(law.kl),
            "nll": jnp.mean(stats.nll),
        }
    )
