"""The linear CVAE: its closed form against search, its limits and its laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, stats

from vae_jax import analytic

# compiled: by itself, every call would compile some fifty small programs
optimum = jax.jit(analytic.linear_cvae_optimum, static_argnums=1)
objective = jax.jit(analytic.linear_cvae_objective)
conditional_covariance = jax.jit(analytic.conditional_covariance)

SPECTRUM = np.diag([3.0, 2.0, 1.0, 0.5])
CORRELATIONS = [0.0, 0.5, 0.8, 0.95]
UNITS = 3


def correlated(rho, covariance=SPECTRUM):
    """Feature i of c has the scale of feature i of x, and this correlation with it."""
    zero = np.zeros(len(covariance))
    return analytic.JointMoments(zero, zero, covariance, rho * covariance, covariance)


def population(seed=0, examples=60, features=4, conditions=3):
    """A data set in which c says some of x, neither of them centred nor of one scale."""
    rng = np.random.default_rng(seed)
    c = rng.normal(size=(examples, conditions)) * [1.0, 3.0, 0.2][:conditions] + 1.5
    x = c @ rng.normal(size=(conditions, features)) * 0.7
    x = x + rng.normal(size=x.shape) @ rng.normal(size=(features, features)) - 2
    return x, c


def negative_elbo(flat, x, c, latent, beta, variance, prior=None):
    """Mean over the examples of the expected loss, with every bias free.

    It shares no formula with the package: residuals of examples, and no covariance.
    """
    f, m, k = x.shape[1], c.shape[1], latent
    shapes = [(f, k), (f, m), (f,), (k, f), (k, m), (k,), (k,)]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    parts = [
        p.reshape(s) for p, s in zip(jnp.split(flat, ends[:-1]), shapes, strict=True)
    ]
    w, u, b, v, a, e, logvar = parts
    mean = x @ v.T + c @ a.T + e[None]
    shift = 0 if prior is None else (c - c.mean(axis=0, keepdims=True)) @ prior.T
    error = x - mean @ w.T - c @ u.T - b[None]
    spread = jnp.sum(jnp.square(w) * jnp.exp(logvar)[None])
    squared = jnp.mean(jnp.sum(jnp.square(error), axis=1)) + spread
    distortion = squared / (2 * variance) + f / 2 * np.log(2 * np.pi * variance)
    square = jnp.square(mean - shift) + (jnp.exp(logvar) - logvar - 1)[None]
    return distortion + beta * jnp.mean(jnp.sum(square, axis=1)) / 2


def flatten(best):
    names = (
        "decoder",
        "condition_decoder",
        "decoder_bias",
        "encoder",
        "condition_encoder",
        "encoder_bias",
    )
    flat = [np.ravel(getattr(best, name)) for name in names]
    return np.concatenate([*flat, np.log(best.posterior_variance)])


def search(x, c, latent, beta, variance, rng, prior=None):
    """The lowest loss that BFGS finds, from anywhere."""
    size = latent * (2 * x.shape[1] + c.shape[1] + 2) + x.shape[1] * (c.shape[1] + 1)
    loss = jax.jit(
        jax.value_and_grad(
            lambda flat: negative_elbo(flat, x, c, latent, beta, variance, prior)
        )
    )
    found = optimize.minimize(
        lambda flat: [np.asarray(part) for part in loss(flat)],
        rng.normal(size=size) / 2,
        jac=True,
        method="BFGS",
        options={"gtol": 1e-8, "maxiter": 3000},
    )
    return found.fun


def whitened(rho, rng, examples=40):
    """Data whose sample moments are those of `correlated`, exactly."""
    raw = rng.normal(size=(examples, 8))
    raw -= raw.mean(axis=0)
    raw = raw @ np.linalg.inv(np.linalg.cholesky(raw.T @ raw / examples)).T
    root = np.sqrt(SPECTRUM)
    c, noise = raw[:, :4], raw[:, 4:]
    return (rho * c + np.sqrt(1 - rho**2) * noise) @ root, c @ root


@pytest.mark.parametrize(
    ("rho", "rate"), [(0.0, 1.9356), (0.5, 1.5041), (0.8, 0.5674), (0.95, 0.0)]
)
def test_rate_at_four_correlations(rho, rate):
    """Half the sum of log+ (1 - rho^2) l_i / s, at s = 0.5."""
    best = optimum(correlated(rho), 4, 1.0, 0.5)
    assert float(best.rate) == pytest.approx(rate, abs=5e-5)
    level = (1 - rho**2) * np.diag(SPECTRUM) / 0.5
    assert best.active.tolist() == (level > 1).tolist()


@pytest.mark.parametrize("rho", CORRELATIONS)
def test_search_from_anywhere_ends_at_the_formula(rho):
    """BFGS over all weights, biases and variances of the loss of 40 examples."""
    rng = np.random.default_rng(int(100 * rho))
    x, c = whitened(rho, rng)
    beta, variance = 1.5, 0.3
    with jax.enable_x64(True):
        moments = analytic.joint_moments(x, c)
        np.testing.assert_allclose(moments.covariance, SPECTRUM, atol=1e-12)
        best = optimum(moments, UNITS, beta, variance)
        stated = float(best.distortion + beta * best.rate)
        found = min(search(x, c, UNITS, beta, variance, rng) for _ in range(2))
        own = negative_elbo(flatten(best), x, c, UNITS, beta, variance)
    # the objective is flat to second order: 1e-8 in slope is 1e-10 in value
    assert found == pytest.approx(stated, rel=1e-8)
    assert float(own) == pytest.approx(stated, rel=1e-12)


@pytest.mark.parametrize("with_prior", [False, True])
def test_optimum_has_the_loss_it_states_and_no_slope(with_prior):
    """On data with means and scales of their own, in a CVAE with all its biases."""
    x, c = population()
    prior = np.random.default_rng(1).normal(size=(2, 3)) if with_prior else None
    with jax.enable_x64(True):
        best = optimum(analytic.joint_moments(x, c), 2, 0.7, 0.4, prior_weights=prior)
        value, slope = jax.jit(
            jax.value_and_grad(lambda f: negative_elbo(f, x, c, 2, 0.7, 0.4, prior))
        )(flatten(best))
    stated = float(best.distortion) + 0.7 * float(best.rate)
    assert float(value) == pytest.approx(stated, rel=1e-12)
    np.testing.assert_allclose(slope, 0, atol=1e-10)
    assert best.active.all()


def test_objective_agrees_with_quadrature():
    """Gauss-Hermite over z for every example, with scipy's densities."""
    rng = np.random.default_rng(2)
    x, c = population(3, 30, 3, 2)
    x, c = x - x.mean(axis=0), c - c.mean(axis=0)
    w, u, v, a = (rng.normal(size=s) for s in ((3, 1), (3, 2), (1, 3), (1, 2)))
    prior = rng.normal(size=(1, 2))
    d, beta, variance = 0.4, 1.7, 0.3
    nodes, node_weights = np.polynomial.hermite_e.hermegauss(30)
    node_weights = node_weights / node_weights.sum()
    mean = x @ v.T + c @ a.T
    z = mean + np.sqrt(d) * nodes  # (examples, nodes)
    guess = z[..., None] * w[:, 0] + (c @ u.T)[:, None]
    log_p = stats.norm.logpdf(x[:, None], guess, np.sqrt(variance))
    log_q = stats.norm.logpdf(z, mean, np.sqrt(d))
    distortion = -(log_p.sum(-1) @ node_weights).mean()
    rate = ((log_q - stats.norm.logpdf(z, c @ prior.T)) @ node_weights).mean()
    with jax.enable_x64(True):
        terms = objective(
            w,
            u,
            v,
            a,
            np.array([d]),
            analytic.joint_moments(x, c),
            beta,
            variance,
            prior_weights=prior,
        )
    # quadrature of a quadratic is exact
    expected = (distortion, rate, distortion + beta * rate)
    np.testing.assert_allclose(terms, expected, rtol=1e-10)


def test_objective_at_the_optimum():
    x, c = population()
    moments = analytic.joint_moments(x, c)
    with jax.enable_x64(True):
        best = optimum(moments, 3, 1.3, 0.5)
        terms = objective(
            best.decoder,
            best.condition_decoder,
            best.encoder,
            best.condition_encoder,
            best.posterior_variance,
            moments,
            1.3,
            0.5,
        )
    np.testing.assert_allclose(terms.rate, best.rate, rtol=1e-12)
    np.testing.assert_allclose(terms.distortion, best.distortion, rtol=1e-12)


def test_a_condition_that_says_nothing_leaves_the_linear_vae():
    best = optimum(correlated(0.0), 3, 1.0, 0.3)
    plain = analytic.linear_vae_optimum(np.diag(SPECTRUM), 3, 1.0, 0.3)
    for name in ("kl", "rate", "distortion", "elbo", "active", "posterior_variance"):
        np.testing.assert_allclose(
            getattr(best, name), getattr(plain, name), rtol=1e-6, err_msg=name
        )
    np.testing.assert_allclose(
        np.linalg.norm(best.decoder, axis=0), plain.weights, rtol=1e-6
    )
    np.testing.assert_array_equal(best.condition_decoder, 0)
    np.testing.assert_array_equal(best.condition_encoder, 0)


def test_a_condition_that_says_all_collapses_every_unit():
    """x linear in c, whatever the level: the reconstruction is perfect, and z unused."""
    _, c = population()
    x = c @ np.random.default_rng(4).normal(size=(3, 4)) + 2
    with jax.enable_x64(True):
        best = optimum(analytic.joint_moments(x, c), 4, 0.1, 1e-6)
    assert not best.active.any()
    assert float(best.rate) == 0
    guess = c @ np.asarray(best.condition_decoder).T + np.asarray(best.decoder_bias)
    np.testing.assert_allclose(guess, x, atol=1e-10)
    # nothing but the constant is left of the distortion
    assert float(best.distortion) == pytest.approx(2 * np.log(2 * np.pi * 1e-6))
    np.testing.assert_allclose(analytic.conditional_eigenvalues(x, c), 0, atol=1e-20)


def test_more_correlation_is_less_rate_and_a_better_elbo():
    rhos = np.linspace(0, 0.999, 25)
    found = [optimum(correlated(r), 4, 1.0, 0.5) for r in rhos]
    rates = np.array([float(best.rate) for best in found])
    elbos = np.array([float(best.elbo) for best in found])
    active = [int(best.active.sum()) for best in found]
    # falls until it is 0, and stays
    assert (np.diff(rates)[rates[1:] > 0] < 0).all()
    assert rates[-1] == 0
    assert (np.diff(elbos) > 0).all()
    assert (np.diff(active) <= 0).all()
    assert (active[0], active[-1]) == (3, 0)


def test_code_has_no_correlation_with_the_condition_beside_a_standard_prior():
    """Where the prior is N(B c, I), the code repeats c, and nothing else changes."""
    x, c = population()
    x, c = x - x.mean(axis=0), c - c.mean(axis=0)
    moments = analytic.joint_moments(x, c)
    prior = np.random.default_rng(5).normal(size=(2, 3))
    with jax.enable_x64(True):
        best = optimum(moments, 2, 1.0, 0.5)
        moved = optimum(moments, 2, 1.0, 0.5, prior_weights=prior)
    mean = x @ np.asarray(best.encoder).T + c @ np.asarray(best.condition_encoder).T
    np.testing.assert_allclose(mean.T @ c / len(c), 0, atol=1e-12)
    other = x @ np.asarray(moved.encoder).T + c @ np.asarray(moved.condition_encoder).T
    np.testing.assert_allclose(other, mean + c @ prior.T, atol=1e-12)
    for name in ("decoder", "encoder", "kl", "elbo", "posterior_variance"):
        np.testing.assert_array_equal(getattr(moved, name), getattr(best, name))
    # what the decoder makes of the code is the same
    np.testing.assert_allclose(
        np.asarray(moved.condition_decoder) + np.asarray(moved.decoder) @ prior,
        best.condition_decoder,
        atol=1e-12,
    )


@pytest.mark.parametrize("order", [[2, 0, 3, 1], [3, 2, 1, 0]])
def test_features_and_conditions_in_another_order_or_scale(order):
    """Permuted features permute the rows; what is linear in c is the same condition."""
    x, c = population()
    mix = np.random.default_rng(6).normal(size=(3, 3))
    with jax.enable_x64(True):
        best = optimum(analytic.joint_moments(x, c), 3, 1.0, 0.5)
        moments = analytic.joint_moments(x[:, order], c @ mix - 7)
        found = optimum(moments, 3, 1.0, 0.5)
    np.testing.assert_allclose(found.kl, best.kl, rtol=1e-9)
    np.testing.assert_allclose(found.elbo, best.elbo, rtol=1e-10)
    # up to the sign of the unit
    np.testing.assert_allclose(
        np.abs(found.decoder), np.abs(best.decoder)[order], atol=1e-9
    )


def test_units_beyond_the_features_are_collapsed():
    wide = optimum(correlated(0.5), 6, 1.0, 0.3)
    fewer = optimum(correlated(0.5), 4, 1.0, 0.3)
    assert wide.decoder.shape == (4, 6)
    np.testing.assert_array_equal(wide.kl[4:], 0)
    np.testing.assert_array_equal(wide.decoder[:, 4:], 0)
    assert float(wide.elbo) == float(fewer.elbo)


def test_labels_are_one_hot_conditions():
    """What is left is the mean covariance within the classes, numpy's own."""
    rng = np.random.default_rng(7)
    labels = rng.choice(4, size=200, p=[0.5, 0.3, 0.15, 0.05])
    x = rng.normal(size=(200, 3)) * [2.0, 1.0, 0.5] + rng.normal(size=(4, 3))[labels]
    onehot = np.eye(4)[labels]
    groups = [x[labels == k] for k in range(4)]
    within = sum(len(g) * np.cov(g.T, ddof=0) for g in groups) / 200
    left = conditional_covariance(analytic.joint_moments(x, onehot))
    # the covariance of one-hot labels is singular
    np.testing.assert_allclose(left, within, atol=1e-5)
    spectrum = analytic.conditional_eigenvalues(x, onehot)
    np.testing.assert_allclose(spectrum, np.linalg.eigvalsh(within)[::-1], rtol=1e-10)
    best = optimum(analytic.joint_moments(x, onehot), 2, 1.0, np.array([0.5, 2.0]))
    plain = analytic.linear_vae_optimum(spectrum, 2, 1.0, np.array([0.5, 2.0]))
    np.testing.assert_allclose(best.kl, plain.kl, rtol=1e-4, atol=1e-5)
    # mean of every class plus nothing: the decoder's guess at the prior's mean
    guess = onehot @ np.asarray(best.condition_decoder)[0].T
    guess = guess + np.asarray(best.decoder_bias)[0]
    means = np.stack([g.mean(axis=0) for g in groups])
    np.testing.assert_allclose(guess, means[labels], atol=1e-4)


def test_settings_are_leading_axes():
    betas, variances = np.array([[0.5], [1.0], [3.0]]), np.array([0.1, 0.4])
    moments = analytic.joint_moments(*population())
    best = optimum(moments, 2, betas, variances)
    assert best.decoder.shape == (3, 2, 4, 2)
    assert best.encoder_bias.shape == (3, 2, 2)
    for i, j in [(0, 0), (2, 0), (1, 1)]:
        one = optimum(moments, 2, float(betas[i, 0]), float(variances[j]))
        for leaf, alone in zip(best, one, strict=True):
            # the same formula in float32
            np.testing.assert_allclose(leaf[i, j], alone, rtol=1e-5, atol=1e-5)
    terms = objective(
        one.decoder,
        one.condition_decoder,
        one.encoder,
        one.condition_encoder,
        one.posterior_variance,
        moments,
        betas,
        variances,
    )
    assert terms.objective.shape == (3, 2)


def test_a_sweep_over_correlations_is_one_program():
    rhos = jnp.array(CORRELATIONS)

    def rate(rho):
        moments = correlated(0.0)._replace(cross_covariance=rho * jnp.asarray(SPECTRUM))
        return optimum(moments, 4, 1.0, 0.5).rate

    swept = jax.jit(jax.vmap(rate))(rhos.astype(jnp.float32))
    np.testing.assert_allclose(swept, [1.9356, 1.5041, 0.5674, 0.0], atol=1e-4)


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cross_covariance": 1.1 * SPECTRUM}, "one joint distribution"),
        ({"cross_covariance": np.ones((3, 4))}, r"shape \(4, 4\)"),
        ({"covariance": SPECTRUM * np.nan}, "must be finite"),
        ({"mean": np.full(4, np.inf)}, "must be finite"),
        ({"covariance": -SPECTRUM}, "eigenvalue"),
        ({"covariance": SPECTRUM + np.eye(4, k=1) / 2}, "symmetric"),
    ],
)
def test_refuses_moments_that_no_data_have(changes, words):
    with pytest.raises(ValueError, match=words):
        analytic.linear_cvae_optimum(correlated(0.5)._replace(**changes), 2, 1.0, 1.0)


@pytest.mark.usefixtures("users_view")
def test_refuses_settings_and_data_by_name():
    moments = correlated(0.5)
    with pytest.raises(ValueError, match="`latent_dim` must be at least 1; got 0"):
        analytic.linear_cvae_optimum(moments, 0, 1.0, 1.0)
    with pytest.raises(ValueError, match="`beta` must be above 0"):
        analytic.linear_cvae_optimum(moments, 2, 0.0, 1.0)
    with pytest.raises(ValueError, match="`variance` must be above 0"):
        analytic.linear_cvae_optimum(moments, 2, 1.0, -1.0)
    with pytest.raises(
        ValueError, match=r"`prior_weights` must have the shape \(2, 4\)"
    ):
        analytic.linear_cvae_optimum(
            moments, 2, 1.0, 1.0, prior_weights=np.zeros((4, 2))
        )
    with pytest.raises(
        ValueError, match=r"`conditions` must have shape \(3, conditions"
    ):
        analytic.joint_moments(np.ones((3, 2)), np.ones(3))
    with pytest.raises(ValueError, match="`conditions` must be finite"):
        analytic.conditional_eigenvalues(np.ones((3, 2)), np.full((3, 1), np.nan))
    w, u = np.zeros((4, 2)), np.zeros((4, 4))
    with pytest.raises(ValueError, match=r"`encoder` must have the shape \(2, 4\)"):
        analytic.linear_cvae_objective(w, u, w, w.T, np.ones(2), moments, 1.0, 1.0)
