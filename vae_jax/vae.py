"""The framework-free contract between a model and everything above it.

A variational autoencoder is three pure functions. flax, equinox, haiku and plain
JAX models all fit; the README shows the five lines that wrap one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from vae_jax.types import Array, ArrayLike, Params, PRNGKey

FULL_WINDOW = 2**31 - 1
"""The receptive field of a decoder that may look at every previous pixel."""


class DiagGaussian(NamedTuple):
    """A Gaussian with diagonal covariance: `N(mean, diag(exp(logvar)))`.

    >>> import jax.numpy as jnp
    >>> DiagGaussian(jnp.zeros(2), jnp.zeros(2)).mean.shape
    (2,)
    """

    mean: Array
    logvar: Array


class Knobs(NamedTuple):
    """Model settings that a sweep varies inside one compiled program.

    Every field is data: a number, or an array under `vmap`.

    Attributes:
        window: how many previous pixels or tokens a masked or a Transformer decoder may
            see; 0 is a decoder without teacher forcing, `FULL_WINDOW` sees all of them. Of
            `models.pixelcnn` it is a radius: that many rows above and columns to either
            side, and as many pixels to the left.
        dropout: probability of zeroing a hidden unit of the decoder in training.
        variance: noise variance of a Gaussian decoder whose variance is fixed.
        word_dropout: probability that a decoder does not see a teacher-forced pixel or
            token in training; 1 is a decoder without inputs, in evaluation too.
        inverse_lipschitz: least slope of a decoder whose slopes are bounded.
        lipschitz: its largest slope.

    >>> Knobs(window=4).dropout
    0.0
    """

    window: ArrayLike = FULL_WINDOW
    dropout: ArrayLike = 0.0
    variance: ArrayLike = 1.0
    word_dropout: ArrayLike = 0.0
    inverse_lipschitz: ArrayLike = 0.0
    lipschitz: ArrayLike = 20.0


class VAE(NamedTuple):
    """A model as three pure functions.

    Attributes:
        init: `init(key) -> params`.
        encode: `encode(params, x, *, key=None, knobs=Knobs()) -> DiagGaussian`, the
            posterior over `(batch, latent)`.
        decode: `decode(params, z, x=None, *, key=None, knobs=Knobs())`, the
            parameters of the likelihood of `x`. An autoregressive decoder reads the
            teacher-forced `x`; the others ignore it.
        calibrate: `calibrate(params, x, *, knobs=Knobs()) -> params`, where evaluation
            needs what only the whole training set tells, such as the statistics of a
            batch-normalised posterior. None where it does not.
        prior: the law of z, over the whole `params`; None for N(0, I). See `with_prior`.

    `key=None` means deterministic: no dropout. Else `key` is an array of keys, one for each
    example of the batch, so that an example's mask does not depend on its neighbours. What
    takes one key, such as `jax.random.bernoulli` or flax's `rngs={"dropout": ...}`, takes
    `key[0]`, whose one draw then is for the whole batch, or is mapped over examples and
    keys by `jax.vmap`. `knobs` are traced numbers: choose by `jnp.where`.

    What `decode` returns is what the likelihood takes:

    - bernoulli, continuous_bernoulli: one array of logits, of the shape of `x`;
    - gaussian, gaussian_learned, laplace, student_t: a pair, the mean and the log-variance
      or what stands for it, each of the shape of `x`;
    - categorical: one array of logits, of the shape of `x` and a last axis of words.

    >>> import jax.numpy as jnp
    >>> def decode(params, z, x=None, *, key=None, knobs=Knobs()):
    ...     if key is None:
    ...         return z
    ...     keep = jax.vmap(lambda k: jax.random.bernoulli(k, 0.8, z.shape[1:]))(key)
    ...     return jnp.where(keep, z / 0.8, 0.0)
    >>> decode({}, jnp.ones((3, 2)), key=jax.random.split(jax.random.key(0), 3)).shape
    (3, 2)
    """

    init: Callable[..., Any]
    encode: Callable[..., DiagGaussian]
    decode: Callable[..., Any]
    calibrate: Callable[..., Any] | None = None
    prior: "Prior | None" = None


class Prior(NamedTuple):
    """The law of z as pure functions; ready ones are in `vae_jax.priors`.

    Attributes:
        init: `init(key) -> params`, a dict of its own; empty if nothing is learned.
        log_prob: `log_prob(params, z) -> (*batch,)`, summed over the units of z, in nats.
        sample: `sample(key, params, shape=()) -> (*shape, latent)`.
        kl: `kl(params, mean, logvar) -> (*batch, latent)`, the KL of a diagonal Gaussian
            to the prior in a closed form, or None; `priors.sampled_kl` then.

    The parameters are those that its `init` made. A caller that holds a whole model passes
    `{**params, "model": model_params}`: a prior made of the encoder (`priors.vampprior`)
    reads that entry, all others ignore it.

    A prior of one's own:

    >>> import jax
    >>> import jax.numpy as jnp
    >>> laplace = Prior(
    ...     init=lambda key: {},
    ...     log_prob=lambda params, z: -jnp.sum(jnp.abs(z) + jnp.log(2), axis=-1),
    ...     sample=lambda key, params, shape=(): jax.random.laplace(key, (*shape, 8)),
    ... )
    >>> key = jax.random.key(0)
    >>> laplace.sample(key, laplace.init(key), (4,)).shape
    (4, 8)
    """

    init: Callable[..., Params]
    log_prob: Callable[..., Array]
    sample: Callable[..., Array]
    kl: Callable[..., Array] | None = None


def with_prior(vae: VAE, prior: Prior) -> VAE:
    """The model with another prior than N(0, I), trained along with it.

    The parameters become `{"model": ..., "prior": ...}`.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> from vae_jax import priors
    >>> encode = lambda params, x, **_: DiagGaussian(x, 0 * x)
    >>> vae = VAE(lambda key: {}, encode, lambda params, z, **_: z)
    >>> wrapped = with_prior(vae, priors.diagonal(2))
    >>> params = wrapped.init(jax.random.key(0))
    >>> sorted(params), wrapped.prior.log_prob(params, jnp.zeros((5, 2))).shape
    (['model', 'prior'], (5,))
    """

    def own(params: Params) -> Params:
        return {**params["prior"], "model": params["model"]}

    kl, both = prior.kl, with_params(vae, "prior", prior.init)
    whole = Prior(
        both.init,
        lambda params, z: prior.log_prob(own(params), z),
        lambda key, params, shape=(): prior.sample(key, own(params), shape),
        kl and (lambda params, mean, logvar: kl(own(params), mean, logvar)),
    )
    return both._replace(prior=whole)


def with_params(vae: VAE, name: str, init: Callable[[PRNGKey], Params]) -> VAE:
    """The model with parameters beside its own: `{"model": ..., name: ...}`.

    >>> vae = with_params(VAE(len, len, len), "head", lambda key: {"w": 1.0})
    >>> vae.calibrate is None
    True
    """

    def both(key: PRNGKey) -> Params:
        keys = jax.random.split(key)
        return {"model": vae.init(keys[0]), name: init(keys[1])}

    def of_model(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda params, *args, **kw: function(params["model"], *args, **kw)

    def calibrate(params: Params, x: Any, **kw: Any) -> Params:
        assert vae.calibrate is not None
        return {**params, "model": vae.calibrate(params["model"], x, **kw)}

    return vae._replace(
        init=both,
        encode=of_model(vae.encode),
        decode=of_model(vae.decode),
        calibrate=None if vae.calibrate is None else calibrate,
    )


def own_params(params: Params, name: str) -> Params:
    """The parameters that `with_params` added, under whatever was added after them.

    >>> own_params({"model": {"model": 1, "head": 2}, "prior": 3}, "head")
    2
    """
    while name not in params:
        params = params["model"]
    return params[name]
