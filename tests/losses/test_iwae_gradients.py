"""Gradients of the importance-weighted bound: quadrature, formulas, variances, laws."""

from functools import cache, partial

import importance_truth as truth
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from vae_jax import gaussian, losses

GRADIENTS = ("plain", "sticking_the_landing", "doubly_reparameterised")
MANY = 5_000


def single(tree):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), tree)


def split(num, seed=0):
    return jax.random.split(jax.random.key(seed), num)


@partial(jax.jit, static_argnames=("num_samples", "gradient"))
def bound_and_slopes(keys, decoder, mean, logvar, num_samples, gradient):
    """The bound of copies of X, its slope in each copy's mean and logvar, log weights."""
    x = jnp.broadcast_to(jnp.asarray(truth.X, jnp.float32), (len(keys), 3))

    def total(mean, logvar):
        joint = partial(truth.log_joint, decoder, x)
        log_w = losses.log_importance_weights(
            keys, mean, logvar, joint, num_samples, gradient=gradient
        )
        bound = losses.iwae_bound(log_w)
        return bound.sum(), (bound, log_w)

    value_and_grad = jax.value_and_grad(total, (0, 1), has_aux=True)
    (_, (bound, log_w)), slopes = value_and_grad(mean, logvar)
    return bound, jnp.concatenate(slopes, axis=-1), log_w


@cache
def many(mean, logvar, num_samples, gradient):
    """Bounds and slopes (in mean, in logvar) of many copies, in float64."""
    column = partial(jnp.full, (MANY, 1), dtype=jnp.float32)
    arguments = single(truth.ONE), column(mean), column(logvar), num_samples, gradient
    bound, slopes, _ = bound_and_slopes(split(MANY), *arguments)
    return np.float64(bound), np.float64(slopes)


def test_the_quadrature_itself_at_one_sample():
    """There the bound is the ELBO, `log p(x) - KL(q || posterior)`."""
    mean, logvar = truth.off(0.8, 0.7)
    bound, slopes = truth.quadrature(mean, logvar, 1)
    (center,), ((variance,),) = truth.exact_posterior(truth.ONE)
    error, ratio = mean - center, np.exp(logvar) / variance
    kl = 0.5 * (error**2 / variance + ratio - np.log(ratio) - 1)
    assert bound == pytest.approx(truth.log_evidence(truth.ONE) - kl, abs=1e-10)
    np.testing.assert_allclose(slopes, [-error / variance, (1 - ratio) / 2], atol=1e-10)


@pytest.mark.parametrize("num_samples", [1, 8, 64])
@pytest.mark.parametrize("gradient", ["plain", "doubly_reparameterised"])
def test_unbiased_for_every_number_of_samples(gradient, num_samples):
    mean, logvar = truth.off(0.8, 0.7)
    bound, slopes = truth.quadrature(mean, logvar, num_samples)
    bounds, drawn = many(mean, logvar, num_samples, gradient)
    assert abs(bounds.mean() - bound) < 5 * truth.standard_errors(bounds)
    assert (abs(drawn.mean(axis=0) - slopes) < 5 * truth.standard_errors(drawn)).all()


def test_sticking_the_landing_is_unbiased_at_one_sample_and_biased_at_eight():
    mean, logvar = truth.off(0.8, 0.7)
    for num_samples in (1, 8):
        _, slopes = truth.quadrature(mean, logvar, num_samples)
        _, drawn = many(mean, logvar, num_samples, "sticking_the_landing")
        missed = abs(drawn.mean(axis=0) - slopes) / truth.standard_errors(drawn)
        assert (missed < 5).all() if num_samples == 1 else (missed > 5).all()


@pytest.mark.parametrize("num_samples", [1, 8])
def test_near_the_posterior_the_path_is_quiet(num_samples):
    """The path's derivative is as small as the error of q; the score's is of size 1."""
    # eight times the error squared, a hundred times the rounding squared
    for shift, fewer in ((0.05, 0.02), (0.0, 1e-12)):
        slopes = {
            g: many(*truth.off(shift, shift), num_samples, g)[1] for g in GRADIENTS
        }
        for gradient in GRADIENTS[1:]:
            assert (slopes[gradient].var(0) < fewer * slopes["plain"].var(0)).all()


def test_with_more_samples_only_the_plain_signal_sinks():
    """Rainforth et al. (2018): by the root of K; Tucker et al.: the other way."""

    def signal_to_noise(gradient, num_samples):
        _, drawn = many(*truth.off(0.8, 0.7), num_samples, gradient)
        return abs(drawn.mean(axis=0)) / drawn.std(axis=0)

    few, more = (signal_to_noise("plain", k) for k in (1, 64))
    assert (more < 0.5 * few).all()
    few, more = (signal_to_noise("doubly_reparameterised", k) for k in (1, 64))
    assert (more > few).all()


def batch_of(size):
    rng = np.random.default_rng(1)
    x = np.float32(rng.normal(size=(size, 3)))
    encoder = single({"V": rng.normal(size=(3, 2)) / 2, "c": rng.normal(size=2) / 2})
    return x, {"encoder": encoder, "decoder": single(truth.TWO)}


def posterior(encoder, x):
    return x @ encoder["V"], jnp.broadcast_to(encoder["c"], (len(x), 2))


def loss(params, keys, x, num_samples, gradient):
    """What somebody with an encoder and a decoder of their own writes."""
    mean, logvar = posterior(params["encoder"], x)
    joint = partial(truth.log_joint, params["decoder"], x)
    bound = losses.importance_bound(
        keys, mean, logvar, joint, num_samples, gradient=gradient
    )
    return -bound.mean()


value_and_grad = jax.jit(jax.value_and_grad(loss), static_argnums=(3, 4))


@partial(jax.jit, static_argnums=3)
def drawn_by_hand(keys, mean, logvar, num_samples):
    """One key an example and sample, as the docstring says."""

    def draw(key, *q):
        own = [jax.random.fold_in(key, k) for k in range(num_samples)]
        return jnp.stack([gaussian.reparameterize(key, *q) for key in own])

    return jax.vmap(draw, out_axes=1)(keys, mean, logvar)


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_one_scalar_gives_encoder_and_decoder_their_gradients(gradient):
    """On the same samples; the decoder's do not depend on the choice."""
    (x, params), keys = batch_of(6), split(6)
    value, slopes = value_and_grad(params, keys, x, 5, gradient)
    mean, logvar = posterior(params["encoder"], x)
    z = drawn_by_hand(keys, mean, logvar, 5)
    double = jax.tree.map(np.float64, (truth.TWO, x, z, mean, logvar))
    bound, in_mean, in_logvar, in_w, in_b = truth.by_formula(gradient, *double)
    assert float(value) == pytest.approx(-bound.mean(), rel=1e-5)
    expected = {
        "encoder": {"V": -x.T @ in_mean / 6, "c": -in_logvar.mean(0)},
        "decoder": {"W": -in_w.mean(0), "b": -in_b.mean(0)},
    }
    # float32 through exp and differences of densities of size 10
    jax.tree.map(partial(np.testing.assert_allclose, atol=2e-5), slopes, expected)
    plain_value, plain = value_and_grad(params, keys, x, 5, "plain")
    assert plain_value == value
    close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
    jax.tree.map(close, slopes["decoder"], plain["decoder"])


@cache
def wide():
    """64 samples of a q(z) in two dimensions."""
    q = jnp.full((MANY, 2), 0.6), jnp.zeros((MANY, 2))
    return bound_and_slopes(split(MANY), single(truth.TWO), *q, 64, "plain")


def test_more_samples_are_never_worse_and_stay_below_the_evidence():
    """More samples begin with the same ones, so that differences are of pairs."""
    (full, _, log_w), evidence = wide(), truth.log_evidence(truth.TWO)
    sizes = (1, 2, 4, 8, 16, 32, 64)
    prefixes = jax.jit(lambda log_w: [losses.iwae_bound(log_w[:k]) for k in sizes])
    bounds = [np.float64(bound) for bound in prefixes(log_w)]
    np.testing.assert_allclose(bounds[-1], full, rtol=1e-5)
    for fewer, more in zip(bounds, bounds[1:], strict=False):
        assert (more - fewer).mean() > -3 * truth.standard_errors(more - fewer)
    for bound in bounds:
        assert bound.mean() < evidence + 3 * truth.standard_errors(bound)
    # the gap closes as the variance of the mean weight: 1/K
    assert 0 < evidence - bounds[-1].mean() < (evidence - bounds[0].mean()) / 16


def test_one_sample_is_the_elbo_of_that_sample():
    """To the last bit, whatever the gradient."""
    (x, params), keys = batch_of(6), split(6)
    q = posterior(params["encoder"], x)

    @jax.jit
    def both(decoder, keys, mean, logvar):
        joint = partial(truth.log_joint, decoder, x)
        z = drawn_by_hand(keys, mean, logvar, 1)[0]
        weigh = partial(losses.log_importance_weights, keys, mean, logvar, joint, 1)
        log_w = [weigh(gradient=gradient) for gradient in GRADIENTS]
        bounds = [losses.iwae_bound(w) for w in log_w]
        elbo = joint(z) - gaussian.log_prob(z, mean, logvar).sum(-1)
        return elbo, bounds, [losses.iwae_loss(w) for w in log_w]

    elbo, bounds, charges = both(params["decoder"], keys, *q)
    np.testing.assert_array_equal(bounds, [elbo] * 3)
    np.testing.assert_array_equal(charges, [-elbo] * 3)


def test_the_best_sample_has_the_largest_weight():
    log_w = np.asarray(wide()[2])
    weights = losses.normalised_weights(log_w)
    np.testing.assert_array_equal(weights.argmax(axis=0), log_w.argmax(axis=0))
    np.testing.assert_allclose(weights, special.softmax(log_w, axis=0), rtol=1e-5)


def test_effective_sample_size():
    log_w = np.float32([[0, 0, 0, 0], [5e3, 0, 0, -1e4], [-9e3, -9e3, -np.inf, -2e4]])
    size = jax.jit(partial(losses.effective_sample_size, axis=-1))
    np.testing.assert_allclose(size(log_w), [4, 1, 2], rtol=1e-6)
    log_w = np.random.default_rng(0).normal(size=(7, 3)) * 3
    weights = np.exp(log_w)
    expected = weights.sum(0) ** 2 / (weights**2).sum(0)
    found = losses.effective_sample_size(np.float32(log_w))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_half_precision_is_weighed_in_float32():
    # bfloat16 has no 301
    size = losses.effective_sample_size(jnp.zeros(301, jnp.bfloat16))
    assert float(size) == pytest.approx(301, rel=1e-5)
    joint = partial(jnp.sum, axis=-1, dtype=jnp.bfloat16)
    q = jnp.zeros((3, 2)), jnp.zeros((3, 2))
    weigh = partial(losses.log_importance_weights, log_joint=joint, num_samples=2)
    assert jax.eval_shape(weigh, split(3), *q).dtype == jnp.float32


def test_rows_of_a_sweep_inside_a_scan():
    """Three updates of two members at once, and one after the other without scan."""
    gradient = GRADIENTS[2]
    (x, params), keys = batch_of(6), jax.random.split(jax.random.key(3), (3, 6))
    members = jax.tree.map(lambda leaf: jnp.stack([leaf, 0.5 * leaf]), params)

    def update(params, keys):
        slopes = jax.grad(loss)(params, keys, x, 5, gradient)
        return jax.tree.map(lambda p, s: p - 0.05 * s, params, slopes), None

    swept = jax.jit(jax.vmap(lambda params: jax.lax.scan(update, params, keys)[0]))
    found = swept(members)
    close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
    for row in range(2):
        params = jax.tree.map(lambda leaf, row=row: leaf[row], members)
        for own in keys:
            _, slopes = value_and_grad(params, own, x, 5, gradient)
            params = jax.tree.map(lambda p, s: p - 0.05 * s, params, slopes)
        jax.tree.map(lambda rows, own, row=row: close(rows[row], own), found, params)


def test_an_example_and_a_sample_do_not_depend_on_their_company():
    q = jnp.full((3, 2), 0.6), jnp.zeros((3, 2))
    _, _, some = bound_and_slopes(split(MANY)[:3], single(truth.TWO), *q, 8, "plain")
    np.testing.assert_allclose(some, wide()[2][:8, :3], rtol=1e-5)


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_finite_at_extremes_and_float32_from_half_precision(gradient):
    mean = jnp.array([[1e4, 0.0], [-3.0, 2.0], [0.0, 1.0]], jnp.bfloat16)
    logvar = jnp.array([[30.0, 0.0], [-30.0, 30.0], [-1.0, 0.0]], jnp.bfloat16)
    others = split(3), single(truth.TWO)
    bound, slopes, _ = bound_and_slopes(*others, mean, logvar, 8, gradient)
    assert np.isfinite(bound).all()
    assert np.isfinite(np.float32(slopes)).all()
    q = [jnp.asarray(a, jnp.float32) for a in (mean, logvar)]
    expected, _, _ = bound_and_slopes(*others, *q, 8, "plain")
    assert bound.dtype == jnp.float32
    np.testing.assert_array_equal(bound, expected)


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gradient": "stl"}, "must be one of 'plain', 'sticking_the_.*; got 'stl'"),
        ({"num_samples": 0}, "`num_samples` must be at least 1; got 0"),
        ({"mean": np.zeros(4)}, r"`mean` .* shape \(batch, latent\); got \(4,\)"),
        ({"logvar": np.zeros((4, 3))}, r"`logvar` .* \(4, 2\); got \(4, 3\)"),
        ({"keys": jax.random.key(0)}, r"one key an example, \(4,\); got \(\)"),
        ({"log_joint": lambda z: z}, r"`log_joint\(z\)` .*, \(4,\); got \(4, 2\)"),
    ],
)
def test_refuses_what_has_no_meaning(changes, said):
    arguments = {
        "keys": split(4),
        "mean": np.zeros((4, 2)),
        "logvar": np.zeros((4, 2)),
        "log_joint": lambda z: z.sum(axis=-1),
        "num_samples": 2,
    }
    with pytest.raises(ValueError, match=said):
        jax.eval_shape(lambda: losses.importance_bound(**(arguments | changes)))
