"""A linear-Gaussian VAE of plain arrays, whose every density has a closed form.

`q(z|x) = N(V (x - c), diag(exp(logvar)))`, `p(x|z) = N(W z + c, variance I)`.
"""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from vae_jax import likelihoods, training
from vae_jax.training import Hyper, RunState, TrainState
from vae_jax.vae import VAE, DiagGaussian, Knobs

FEATURES, LATENT = 5, 2
VARIANCE = 0.5
KNOBS = Knobs(variance=np.float32(VARIANCE))
ROW = np.ones(1, np.float32)
HYPER = Hyper(ROW, ROW, knobs=KNOBS, settings=np.float32(0.0))
MEMBER = training.member_key(0)
SIZE, DIAGNOSED = 40, 10
"""Examples of the evaluation that is compiled once, and those compared in pairs."""


def encode(params, x, *, key=None, knobs=KNOBS):
    mean = (x - params["offset"][None]) @ params["encoder"].T
    return DiagGaussian(mean, jnp.broadcast_to(params["logvar"], mean.shape))


def decode(params, z, x=None, *, key=None, knobs=KNOBS):
    mean = z @ params["decoder"].T + params["offset"][None]
    return DiagGaussian(mean, jnp.log(jnp.asarray(knobs.variance, mean.dtype)))


def vae():
    return VAE(lambda key: exact_params(), encode, decode)


def exact_params(inflation=1.0):
    """Orthogonal columns of W make the exact posterior diagonal.

    It is `N(M^-1 W' (x - c), variance M^-1)`, `M = W' W + variance I`: Tipping & Bishop
    (1999). `inflation` multiplies the variance of q and makes it inexact.
    """
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.normal(size=(FEATURES, LATENT)))
    decoder = basis * np.array([2.0, 0.7])
    precision = np.diag(decoder.T @ decoder) + VARIANCE
    params = {
        "decoder": decoder,
        "offset": rng.normal(size=FEATURES),
        "encoder": decoder.T / precision[:, None],
        "logvar": np.log(inflation * VARIANCE / precision),
    }
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), params)


def double(params):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)


def examples(num, seed=1):
    """Draws of the model's own marginal."""
    p = double(exact_params())
    covariance = p["decoder"] @ p["decoder"].T + VARIANCE * np.eye(FEATURES)
    rng = np.random.default_rng(seed)
    x = rng.multivariate_normal(p["offset"], covariance, size=num)
    return x.astype(np.float32)


def negative_log_marginal(params, x):
    p = double(params)
    covariance = p["decoder"] @ p["decoder"].T + VARIANCE * np.eye(FEATURES)
    return -stats.multivariate_normal(p["offset"], covariance).logpdf(x)


def distortion_and_rate(params, x, variance=VARIANCE):
    """Of every example, in nats, averaged over q in closed form."""
    p = double(params)
    mean, spread = (x - p["offset"]) @ p["encoder"].T, np.exp(p["logvar"])
    error = x - p["offset"] - mean @ p["decoder"].T
    squared = (error**2).sum(1) + (p["decoder"] ** 2 @ spread).sum()
    distortion = (squared / variance + FEATURES * np.log(2 * np.pi * variance)) / 2
    rate = (mean**2 + spread - p["logvar"] - 1).sum(1) / 2
    return distortion, rate


def make_evaluate(model=None, prepare=lambda keys, images: images, **options):
    model = vae() if model is None else model
    return training.make_evaluate(model, likelihoods.gaussian(), prepare, **options)


def statistics(params, x, num_samples):
    """Of every example, with its own key."""
    keys = jax.random.split(jax.random.key(0), len(x))
    function = jax.jit(training.example_statistics, static_argnums=(0, 1, 6))
    family = likelihoods.gaussian()
    return function(vae(), family, params, keys, x, KNOBS, num_samples)


def run_state(params):
    return RunState(TrainState(params, ()), jnp.arange(0, dtype=jnp.int32))
