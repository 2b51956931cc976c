"""Remedies that change the posterior: a model goes in, a model comes out."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import gaussian, likelihoods, losses, refinement
from vae_jax.conditions import on_device, plain
from vae_jax.mapped import batch_axis
from vae_jax.training._keys import member_key
from vae_jax.types import ArrayLike, Params
from vae_jax.vae import VAE, DiagGaussian, Knobs

DEFAULT_KNOBS = Knobs()

BATCH_NORM_EPSILON = 1e-12
"""Added to the variance of raw means. The usual 1e-5 is a way out: where z is worth nothing
the encoder shrinks its raw means below it, and the rate below its bound with them."""

CALIBRATION_BATCH = 500
"""Examples that are encoded at a time for the statistics of the training set."""

REFINEMENT = 2**31 - 2
"""Folded into an encoder's key for the noise of its refinement."""


def delta_posterior(vae: VAE, rate: Float[ArrayLike, ""]) -> VAE:
    """delta-VAE: no unit's KL to N(0, 1) falls below `rate` nats, which may be data.

    What the encoder calls mean and logvar is read as the raw mean and the raw scale of
    `losses.delta_posterior`. Razavi et al. (2019), arXiv:1901.03416.

    >>> encode = lambda params, x, **_: DiagGaussian(x, 0 * x)
    >>> vae = VAE(lambda key: {}, encode, lambda params, z, **_: z)
    >>> posterior = delta_posterior(vae, 0.5).encode({}, jnp.zeros((1, 2)))
    >>> [round(kl, 4) for kl in gaussian.kl_standard(*posterior)[0].tolist()]
    [0.5, 0.5]
    """

    def encode(
        params: Params, x: Any, *, key: Any = None, knobs: Knobs = DEFAULT_KNOBS
    ) -> DiagGaussian:
        raw = vae.encode(params, x, key=key, knobs=knobs)
        return losses.delta_posterior(raw.mean, raw.logvar, rate)

    return vae._replace(encode=encode)


def batch_norm_posterior(
    vae: VAE,
    latent_dim: int,
    scale: Float[ArrayLike, ""] = 1.0,
    axis_name: str | None = None,
) -> VAE:
    """BN-VAE: means over the data have the standard deviation `scale`, which may be data.

    In training, when a key is given, means are normalised over the batch. Without a key
    they are normalised by the statistics of the training set, which `calibrate` puts into
    the parameters, so that no example is judged by its neighbours.
    Zhu et al. (2020), arXiv:2004.12585.

    Args:
        vae: the model; its parameters become `{"model": ..., "batch_norm": ...}`, with the
            learned `shift` and the statistics.
        latent_dim: units of z.
        scale: gamma of the paper.
        axis_name: mapped axis that the batch is split over, if it is; by default that of
            the step.

    Raises:
        ValueError: when it is traced, a batch of one example in training: its mean less
            the batch's is 0, whatever the encoder says.

    >>> encode = lambda params, x, **_: DiagGaussian(x, 0 * x)
    >>> vae = VAE(lambda key: {}, encode, lambda params, z, **_: z)
    >>> normal, x = batch_norm_posterior(vae, 1, 0.5), jnp.array([[1.0], [3.0]])
    >>> params = normal.calibrate(normal.init(jax.random.key(0)), x)
    >>> [round(m, 3) for m in normal.encode(params, x).mean[:, 0].tolist()]
    [-0.5, 0.5]
    """

    def init(key: Array) -> Params:
        zeros = jnp.zeros(latent_dim)
        own = {"shift": zeros, "mean": zeros, "variance": jnp.ones(latent_dim)}
        return {"model": vae.init(key), "batch_norm": own}

    def encode(
        params: Params, x: Any, *, key: Any = None, knobs: Knobs = DEFAULT_KNOBS
    ) -> DiagGaussian:
        own = params["batch_norm"]
        raw = vae.encode(params["model"], x, key=key, knobs=knobs)
        shift = own["shift"]
        if key is None:
            known = losses.MeanStatistics(own["mean"], own["variance"])
            mean = losses.normalise_mean(
                raw.mean, known, scale, shift, epsilon=BATCH_NORM_EPSILON
            )
        else:
            check_several(len(raw.mean), axis_name)
            mean = losses.batch_norm_mean(
                raw.mean,
                scale,
                shift,
                epsilon=BATCH_NORM_EPSILON,
                axis_name=axis_name,
            ).mean
        return DiagGaussian(mean, raw.logvar)

    def decode(params: Params, *args: Any, **options: Any) -> Any:
        return vae.decode(params["model"], *args, **options)

    def calibrate(params: Params, x: Any, *, knobs: Knobs = DEFAULT_KNOBS) -> Params:
        inner = params["model"]
        if vae.calibrate is not None:
            inner = vae.calibrate(inner, x, knobs=knobs)
        means = jax.lax.map(
            lambda row: vae.encode(inner, row[None], knobs=knobs).mean[0],
            on_device(x),
            batch_size=min(CALIBRATION_BATCH, len(x)),
        )
        known = {"mean": jnp.mean(means, axis=0), "variance": jnp.var(means, axis=0)}
        return {"model": inner, "batch_norm": {**params["batch_norm"], **known}}

    return VAE(init, encode, decode, calibrate)


def check_several(examples: int, axis_name: str | None) -> None:
    """Refuse a batch whose means are all 0 after normalisation.

    Raises:
        ValueError: one example, on all devices together.

    >>> check_several(2, None)
    """
    axis = batch_axis(axis_name)
    total = examples if axis is None else examples * jax.lax.axis_size(axis)
    if total < 2:
        raise ValueError(
            "a batch-normalised posterior needs at least 2 examples a batch in training; "
            f"got {total}: less its own mean it is 0 whatever the encoder says, which then "
            "is not trained. Give a larger batch, or no key for evaluation."
        )


def semi_amortised_posterior(
    vae: VAE,
    likelihood: likelihoods.Likelihood,
    *,
    num_steps: int,
    learning_rate: Float[ArrayLike, ""] = 0.1,
    max_norm: float | None = 5.0,
) -> VAE:
    """Semi-amortised inference: every posterior refined by some steps on its own ELBO.

    Every step has its own noise, or the posterior would be fitted to the noise. It is drawn
    from the encoder's key; without a key (evaluation) from one fixed key, so that the
    refined posterior is a function of x. Kim et al. (2018), arXiv:1802.02550.

    Args:
        vae: the model, whose prior is N(0, I).
        likelihood: of the data.
        num_steps: of gradient ascent, unrolled.
        learning_rate: of those steps; may be data.
        max_norm: longest gradient of an example.

    >>> def decode(params, z, x=None, **_):
    ...     return DiagGaussian(z, jnp.zeros(()))
    >>> vae = VAE(lambda key: {}, lambda p, x, **_: DiagGaussian(0 * x, 0 * x), decode)
    >>> refined = semi_amortised_posterior(
    ...     vae, likelihoods.gaussian(), num_steps=500, learning_rate=0.02
    ... )
    >>> found = refined.encode({}, jnp.ones((1, 1)))
    >>> bool(abs(found.logvar[0, 0] - jnp.log(0.5)) < 0.3)  # p(z|x) has variance 1/2
    True
    """

    def encode(
        params: Params, x: Any, *, key: Any = None, knobs: Knobs = DEFAULT_KNOBS
    ) -> DiagGaussian:
        x = on_device(x)
        # one and the same for every example: its neighbours must not matter
        keys = jnp.broadcast_to(member_key(0), len(x)) if key is None else key
        noise_keys = jax.vmap(jax.random.fold_in, (0, None))(keys, REFINEMENT)

        def step(state: DiagGaussian, index: Array) -> tuple[DiagGaussian, None]:
            own = jax.vmap(jax.random.fold_in, (0, None))(noise_keys, index)

            def elbo(
                mean: Float[Array, "batch latent"], logvar: Float[Array, "batch latent"]
            ) -> Array:
                z = jax.vmap(gaussian.reparameterize)(own, mean, logvar)
                output = vae.decode(params, z, x, knobs=knobs)
                rate = gaussian.kl_standard(mean, logvar).sum(axis=-1)
                return likelihood.log_prob(output, plain(x)) - rate

            moved = refinement.refine_posterior(
                elbo,
                *state,
                num_steps=1,
                learning_rate=learning_rate,
                max_norm=max_norm,
            )
            return DiagGaussian(*moved), None

        start = vae.encode(params, x, key=key, knobs=knobs)
        return jax.lax.scan(step, start, jnp.arange(num_steps))[0]

    return vae._replace(encode=encode)
