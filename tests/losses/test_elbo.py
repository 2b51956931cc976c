"""The ELBO in its parts: a model whose evidence is known, hand-computed losses."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from vae_jax import gaussian, likelihoods, losses, schedules

X = np.array([[0.7], [-2.0], [0.0]])
NOISE = 0.3  # variance of x given z; the evidence is N(0, 1 + NOISE)


@jax.jit
def elbo_of(mean, logvar):
    """Of z ~ N(0, 1), x ~ N(z, NOISE), with E_q by Gauss-Hermite: exact for a square."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    z = mean + jnp.exp(logvar / 2) * nodes[None]
    x = jnp.broadcast_to(X, z.shape)
    log_p = likelihoods.gaussian_log_prob(z, x, np.log(NOISE), batch_ndim=2)
    log_likelihood = log_p @ (weights / weights.sum())
    return losses.elbo_terms(log_likelihood, gaussian.kl_standard(mean, logvar)).elbo


def test_elbo_of_the_true_posterior_is_the_evidence():
    with jax.enable_x64(True):
        mean = X / (1 + NOISE)
        logvar = np.full_like(mean, np.log(NOISE / (1 + NOISE)))
        evidence = stats.norm.logpdf(X[:, 0], 0, np.sqrt(1 + NOISE))
        np.testing.assert_allclose(elbo_of(mean, logvar), evidence, rtol=1e-12)
        # any other posterior loses its KL to the true one
        other = mean + 0.4, logvar - 1.1
        gap = jax.jit(gaussian.kl_between)(*other, mean, logvar)[:, 0]
        np.testing.assert_allclose(elbo_of(*other), evidence - gap, rtol=1e-12)
        # and no direction improves on the true one
        slopes = jax.jit(jax.grad(lambda *q: elbo_of(*q).sum(), (0, 1)))
        np.testing.assert_allclose(slopes(mean, logvar), 0, atol=1e-12)


def test_terms_are_raw_and_keep_their_batch_axes():
    log_likelihood = jnp.array([[-1.0, -2.0, -4.0]])
    kl = jnp.array([[[0.5, 0.0], [1.0, 2.0], [0.0, 0.0]]])
    terms = losses.elbo_terms(log_likelihood, kl)
    assert terms.distortion.tolist() == [[1.0, 2.0, 4.0]]
    assert terms.rate.tolist() == [[0.5, 3.0, 0.0]]
    assert terms.elbo.tolist() == [[-1.5, -5.0, -4.0]]
    np.testing.assert_array_equal(terms.kl, kl)
    assert losses.beta_elbo_loss(terms, 4.0).tolist() == [[3.0, 14.0, 4.0]]
    np.testing.assert_array_equal(losses.beta_elbo_loss(terms, 1.0), -terms.elbo)


def test_losses_of_a_sweep_over_beta_and_their_slopes():
    distortion, rate = np.float32([3.0, 5.0]), np.float32([1.0, 0.25])
    betas = np.float32([0.0, 1.0, 8.0])
    sweep = jax.jit(jax.vmap(losses.total_loss, in_axes=(None, None, 0)))
    swept = sweep(distortion, rate, betas)
    assert swept.tolist() == [[3.0, 5.0], [4.0, 5.25], [11.0, 7.0]]
    slopes = jax.jit(jax.grad(lambda *a: losses.total_loss(*a).sum(), (0, 1, 2)))(
        distortion, rate, betas[2]
    )
    assert [leaf.tolist() for leaf in slopes] == [[1.0, 1.0], [8.0, 8.0], 1.25]


def test_a_small_rate_is_not_lost_in_half_precision():
    """A KL of 1e-3 beside a distortion of 500 nats vanishes in bfloat16."""
    log_likelihood = jnp.array([-512.0], jnp.bfloat16)
    kl = jnp.full((1, 64), 2.0**-10, jnp.bfloat16)
    loss = jax.jit(lambda *parts: -losses.elbo_terms(*parts).elbo)(log_likelihood, kl)
    assert loss.tolist() == [512.0625]


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize("shape", [(), (4,), (3, 2), (4, 2, 1), (1, 2)])
def test_refuses_a_kl_that_does_not_fit(shape):
    said = r"`kl` must have the shape of `log_likelihood` .*, \(4, latent\); got "
    with pytest.raises(ValueError, match=said + re.escape(f"{shape}.")):
        losses.elbo_terms(jnp.zeros(4), jnp.zeros(shape))


@pytest.mark.usefixtures("users_view")
def test_refuses_to_add_unlike_shapes():
    with pytest.raises(
        ValueError,
        match=r"`penalised_rate` must have the shape of `distortion`, \(4,\); got \(1,",
    ):
        losses.total_loss(jnp.zeros(4), jnp.zeros(1), 1.0)


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize("shape", [(4,), (2,), (4, 1), (1,)])
def test_refuses_several_betas(shape):
    """Of a batch, of each unit, in a column: none of them broadcasts."""
    terms = losses.elbo_terms(jnp.zeros(4), jnp.ones((4, 2)))
    with pytest.raises(ValueError, match=r"`beta` must be one number; got an array of"):
        losses.beta_elbo_loss(terms, jnp.ones(shape))


@pytest.mark.usefixtures("users_view")
def test_a_schedule_that_was_not_called_is_named():
    terms = losses.elbo_terms(jnp.zeros(4), jnp.ones((4, 2)))
    with pytest.raises(
        TypeError, match="`beta` must be a real number; .*Call it first"
    ):
        losses.beta_elbo_loss(terms, schedules.linear(0.0, 1.0, 10))


@pytest.mark.usefixtures("users_view")
def test_one_example_inside_vmap_needs_no_batch_axis_and_is_told_so():
    logits, x, kl = np.ones((3, 5), "f"), np.ones((3, 5), "f"), np.ones((3, 2), "f")

    def loss(logits, x, kl, **event):
        log_likelihood = likelihoods.bernoulli_log_prob(logits, x, **event)
        return losses.beta_elbo_loss(losses.elbo_terms(log_likelihood, kl), 1.0)

    with pytest.raises(ValueError, match=r"`kl` must .* needs batch_ndim=0"):
        jax.vmap(loss)(logits, x, kl)
    found = jax.vmap(lambda *one: loss(*one, batch_ndim=0))(logits, x, kl)
    np.testing.assert_array_equal(found, loss(logits, x, kl))
    with pytest.raises(ValueError, match=r"`penalised_rate` .* needs batch_ndim=0"):
        jax.vmap(lambda d, r: losses.total_loss(d, r, 1.0))(logits, kl[:, 0])


def test_half_precision_terms_are_summed_in_float32():
    terms = losses.ElboTerms(
        jnp.zeros(1, jnp.bfloat16), jnp.ones((1, 301), jnp.bfloat16)
    )
    assert terms.rate.tolist() == [301.0]


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(
    ("shape", "latent_ndim", "words"),
    [
        ((4,), 1, "Do not sum or average the KL over units"),
        ((), 1, "Do not sum or average the KL over units"),
        ((4,), 3, "Do not sum or average the KL over units"),
        ((), 2, "Do not sum or average the KL over units"),
        ((4, 5, 2), 1, "is said by latent_ndim=2"),
        ((3, 5, 2), 2, r"\(4, latent_0, latent_1\); got \(3, 5, 2\).$"),
        ((4, 5, 2, 2), 2, r"got \(4, 5, 2, 2\). .*latent_ndim=3"),
    ],
)
def test_what_is_wrong_with_the_shape_of_a_kl(shape, latent_ndim, words):
    with pytest.raises(ValueError, match=words):
        losses.elbo_terms(jnp.zeros(4), jnp.zeros(shape), latent_ndim=latent_ndim)
