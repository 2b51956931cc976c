"""Betas of other codebases: their losses, written out, have the gradients of ours."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vae_jax import gaussian, likelihoods, losses

PIXELS, LATENT, BATCH = 12, 3, 5
SIZES = {"num_pixels": PIXELS, "latent_dim": LATENT}


def textbook_kl(mean, logvar):
    return -0.5 * (1 + logvar - mean**2 - jnp.exp(logvar))


def pythae(x_hat, x, kl, weight):
    recon = 0.5 * ((x_hat - x) ** 2).sum(axis=-1)
    return (recon + weight * kl.sum(axis=-1)).mean()


def pythae_bce(logits, x, kl, weight):
    probs = jax.nn.sigmoid(logits)
    recon = -(x * jnp.log(probs) + (1 - x) * jnp.log(1 - probs)).sum(axis=-1)
    return (recon + weight * kl.sum(axis=-1)).mean()


def artifex(x_hat, x, kl, weight):
    recon = ((x_hat - x) ** 2).sum(axis=-1).mean()
    return recon + weight * kl.sum(axis=-1).mean()


def pytorch_vae(x_hat, x, kl, weight):
    return ((x_hat - x) ** 2).mean() + weight * kl.sum(axis=1).mean(axis=0)


def flax_toy(logits, x, kl, weight):
    recon = jnp.mean(optax.sigmoid_binary_cross_entropy(logits, x))
    return recon + weight * jnp.mean(jnp.mean(kl, axis=-1))


def flax_toy_mse(x_hat, x, kl, weight):
    return jnp.mean((x_hat - x) ** 2) + weight * jnp.mean(jnp.mean(kl, axis=-1))


def ours(x_hat, x, kl, weight):
    distortion = -likelihoods.gaussian_log_prob(x_hat, x, 0.0)
    terms = losses.elbo_terms(-distortion, kl)
    return losses.beta_elbo_loss(terms, weight).mean()


def ours_bce(logits, x, kl, weight):
    terms = losses.elbo_terms(likelihoods.bernoulli_log_prob(logits, x), kl)
    return losses.beta_elbo_loss(terms, weight).mean()


# (codebase, reconstruction) -> its loss, and how much smaller than ours its gradient is
CODEBASES = {
    ("ours", "mse"): (ours, 1.0),
    ("ours", "bce"): (ours_bce, 1.0),
    ("pythae", "mse"): (pythae, 1.0),
    ("pythae", "bce"): (pythae_bce, 1.0),
    ("artifex", "mse"): (artifex, 2.0),
    ("artifex", "bce"): (pythae_bce, 1.0),
    ("pytorch_vae", "mse"): (pytorch_vae, 2 / PIXELS),
    ("flax_toy", "mse"): (flax_toy_mse, 2 / PIXELS),
    ("flax_toy", "bce"): (flax_toy, 1 / PIXELS),
}


def gradient(loss, weight):
    """Of a linear VAE with fixed noise, in float64, as one vector."""
    rng = np.random.default_rng(0)
    shapes = (PIXELS, LATENT), (PIXELS, LATENT), (LATENT, PIXELS)
    params = [0.3 * rng.normal(size=shape) for shape in shapes]
    x, noise = rng.random((BATCH, PIXELS)), rng.normal(size=(BATCH, LATENT))

    def of_params(params):
        mean, logvar = x @ params[0], x @ params[1]
        z = mean + jnp.exp(logvar / 2) * noise
        return loss(z @ params[2], x, textbook_kl(mean, logvar), weight)

    with jax.enable_x64(True):
        return np.concatenate(
            [np.ravel(g) for g in jax.jit(jax.grad(of_params))(params)]
        )


def off_line(a, b):
    """How far two vectors are from proportional, and their ratio."""
    ratio = (a @ b) / (b @ b)
    return np.linalg.norm(a - ratio * b) / np.linalg.norm(a), ratio


@pytest.mark.parametrize(("convention", "reconstruction"), CODEBASES)
def test_gradients_are_proportional_at_the_converted_beta(convention, reconstruction):
    loss, size = CODEBASES[convention, reconstruction]
    own = ours if reconstruction == "mse" else ours_bce
    with jax.enable_x64(True):
        beta = float(
            losses.effective_beta(
                0.7, convention, reconstruction=reconstruction, **SIZES
            )
        )
    theirs = gradient(loss, 0.7)
    angle, ratio = off_line(theirs, gradient(own, beta))
    assert angle < 1e-10  # float64 and a few hundred roundings
    assert ratio == pytest.approx(size, rel=1e-10)
    # and at no other beta
    assert off_line(theirs, gradient(own, 1.01 * beta))[0] > 1e-4


def test_beta_is_the_noise_variance_of_a_unit_variance_model():
    """`beta-loss(sigma = 1) = beta * elbo-loss(sigma^2 = beta)`, up to a constant."""
    beta = 0.35

    def with_variance(x_hat, x, kl, logvar):
        log_likelihood = likelihoods.gaussian_log_prob(x_hat, x, logvar)
        return -losses.elbo_terms(log_likelihood, kl).elbo.mean()

    angle, ratio = off_line(gradient(ours, beta), gradient(with_variance, np.log(beta)))
    assert angle < 1e-10
    assert ratio == pytest.approx(beta, rel=1e-10)


@pytest.mark.parametrize(
    ("weight", "convention", "options", "beta"),
    [
        (4.0, "ours", {}, 4.0),
        (4.0, "pythae", {}, 4.0),
        (4.0, "artifex", {}, 2.0),
        (4.0, "artifex", {"reconstruction": "bce"}, 4.0),
        # the shipped configuration of PyTorch-VAE: 64 x 64 x 3, in training, validation
        (0.00025, "pytorch_vae", {"num_pixels": 12288}, 1.536),
        (1.0, "pytorch_vae", {"num_pixels": 12288}, 6144.0),
        # the nnx toy example of flax, 0.1 * 784 / 32; a squared error would halve it
        (0.1, "flax_toy", {"num_pixels": 784, "latent_dim": 32}, 2.45),
        (
            0.1,
            "flax_toy",
            {"num_pixels": 784, "latent_dim": 32, "reconstruction": "mse"},
            1.225,
        ),
    ],
)
def test_numbers_of_public_code_and_back(weight, convention, options, beta):
    found = losses.effective_beta(weight, convention, **options)
    assert float(found) == pytest.approx(beta, rel=1e-6)
    back = losses.codebase_weight(beta, convention, **options)
    assert float(back) == pytest.approx(weight, rel=1e-6)


def test_weights_of_a_sweep_are_data():
    weights = jnp.array([0.0, 0.1, 4.0], jnp.bfloat16)
    convert = jax.jit(
        jax.vmap(lambda weight: losses.effective_beta(weight, "flax_toy", **SIZES))
    )
    found = convert(weights)
    assert found.dtype == jnp.float32
    expected = np.float32(weights) * PIXELS / LATENT
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    slope = jax.grad(lambda weight: losses.effective_beta(weight, "artifex"))(3.0)
    assert float(slope) == 0.5


def test_the_kl_of_the_references_is_ours():
    mean, logvar = np.float32([[0.3, -2.0]]), np.float32([[0.7, -1.0]])
    expected = gaussian.kl_standard(mean, logvar)
    # three roundings
    np.testing.assert_allclose(textbook_kl(mean, logvar), expected, rtol=1e-6)


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(
    ("convention", "options", "said"),
    [
        ("keras", {}, "`convention` must be one of 'ours', 'pythae', .*; got 'keras'"),
        ("pythae", {"reconstruction": "l1"}, "one of 'mse', 'bce'; got 'l1'"),
        ("pytorch_vae", {}, "`num_pixels` must .*'pytorch_vae', .* pixels; got None"),
        ("pytorch_vae", {"num_pixels": 0}, "averages over pixels; got 0"),
        ("flax_toy", {"num_pixels": 9}, "`latent_dim` .* over latent units; got None"),
    ],
)
def test_refuses_what_it_cannot_convert(convention, options, said):
    for function in (losses.effective_beta, losses.codebase_weight):
        with pytest.raises(ValueError, match=said):
            function(1.0, convention, **options)
