"""The linear VAE of two levels: its closed form against search, its limits and its laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

from vae_jax import analytic

# compiled: by itself, every call would compile some fifty small programs
optimum = jax.jit(analytic.two_level_optimum, static_argnums=1)
objective = jax.jit(analytic.two_level_objective)

SPECTRUM = np.array([3.0, 2.0, 1.0, 0.4])
SETTINGS = [
    # beta_one, beta_two, encoder, prior and decoder variance
    (1.0, 1.0, 0.5, 1.0, 0.5),
    (0.5, 0.5, 0.25, 0.25, 0.25),
    (0.1, 1.0, 0.25, 0.25, 0.25),
    (0.5, 2.2, 0.25, 0.25, 0.25),
    (0.5, 1.3, 0.25, 0.25, 0.25),
    (2.0, 1.0, 0.25, 0.25, 0.25),
    (2.0, 0.7, 0.6, 2.0, 0.4),
    (1.0, 4.0, 0.3, 1.5, 0.3),
    (3.0, 7.0, 0.8, 0.5, 0.9),
    (9.0, 8.0, 0.5, 1.0, 0.5),
    (8.0, 9.0, 0.5, 1.0, 0.5),
]
"""All three states of a pair of units, each level alive alone, and complete collapse of one
and of both; no unit within 5 % of a threshold, where a search ends far from the optimum."""


def split(flat, features, latent, second):
    """W1, W2, log d, U2, U1 of one vector."""
    shapes = [
        (latent, features),
        (second, latent),
        (second,),
        (latent, second),
        (features, latent),
    ]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    parts = jnp.split(flat, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def terms_by_noise(parts, root, settings):
    """The three terms as squared norms of linear maps of independent unit noise.

    x is `root` times noise, and z1, z2 and all errors are rows of such maps: it shares no
    formula with the package, and no covariance of z1.
    """
    w, w2, logs, u2, u = parts
    _, _, own, prior, noise = settings
    features, latent, second = len(root), len(w), len(w2)
    total = features + latent + second
    x = jnp.eye(features, total)
    x = root @ x
    own_noise = jnp.eye(latent, total, k=features) * jnp.sqrt(own)
    z1 = w @ x + own_noise
    last = jnp.eye(second, total, k=features + latent)
    z2_mean = w2 @ z1
    z2 = z2_mean + jnp.exp(logs / 2)[:, None] * last
    distortion = jnp.sum((x - u @ z1) ** 2) / (2 * noise)
    distortion += features / 2 * jnp.log(2 * jnp.pi * noise)
    log_q = -latent / 2 * (jnp.log(2 * jnp.pi * own) + 1)
    log_p = -latent / 2 * jnp.log(2 * jnp.pi * noise)
    log_p -= jnp.sum((z1 - u2 @ z2) ** 2) / (2 * noise)
    spread = jnp.sum(z2_mean**2) + jnp.sum(jnp.exp(logs))
    rate_two = (spread / prior - second - jnp.sum(logs) + second * jnp.log(prior)) / 2
    return distortion, log_q - log_p, rate_two


def kl_one_by_noise(parts, root, settings):
    """KL(q(z1|x) || p(z1|z2)) with z2 of another draw of z1, whose noise is its own."""
    w, w2, logs, u2, _ = parts
    _, _, own, _, noise = settings
    signal = (w - u2 @ w2 @ w) @ root
    error = jnp.sum(signal**2) + own * jnp.sum((u2 @ w2) ** 2)
    error += jnp.sum((u2 * jnp.exp(logs / 2)[None]) ** 2)
    ratio = own / noise
    return error / (2 * noise) + len(w) / 2 * (ratio - 1 - jnp.log(ratio))


@jax.jit
def _total(flat_parts, root, settings):
    distortion, one, two = terms_by_noise(flat_parts, root, settings)
    return distortion + settings[0] * one + settings[1] * two


def search(settings, dims, rng, starts=3):
    """The lowest objective that BFGS finds from anywhere, and where."""
    features, (latent, second) = len(SPECTRUM), dims
    size = 2 * features * latent + 2 * latent * second + second
    root = np.diag(np.sqrt(SPECTRUM))
    values = jnp.asarray(settings)
    loss = jax.jit(
        jax.value_and_grad(
            lambda flat: _total(split(flat, features, latent, second), root, values)
        )
    )

    def once():
        return optimize.minimize(
            lambda flat: [np.asarray(part) for part in loss(flat)],
            rng.normal(size=size) / 2,
            jac=True,
            method="BFGS",
            options={"gtol": 1e-9, "maxiter": 5000},
        )

    best = min((once() for _ in range(starts)), key=lambda found: found.fun)
    return best.fun, split(jnp.asarray(best.x), features, latent, second), root


def singular(matrix, size):
    found = np.linalg.svd(np.asarray(matrix), compute_uv=False)
    return np.pad(found, (0, size - len(found)))


def check_search(settings, dims, seed):
    with jax.enable_x64(True):
        best = optimum(SPECTRUM, dims, *settings)
        found, parts, root = search(settings, dims, np.random.default_rng(seed))
        values = jnp.asarray(settings)
        distortion, one, two = terms_by_noise(parts, root, values)
        kl_one = kl_one_by_noise(parts, root, values)
        assert found == pytest.approx(float(best.objective), abs=1e-9)
        assert float(distortion) == pytest.approx(float(best.distortion), abs=1e-6)
        assert float(one) == pytest.approx(float(best.rate_one), abs=1e-6)
        assert float(two) == pytest.approx(float(best.rate_two), abs=1e-6)
        assert float(kl_one) == pytest.approx(float(best.kl_one.sum()), abs=1e-6)
    w, _, _, u2, u = map(np.asarray, parts)
    for matrix, stated in (
        (w @ root, best.encoder),
        (u2, best.decoder_two),
        (u, best.decoder),
    ):
        # a dead unit lies at the bottom of a flat valley: 1e-9 in slope is more in place
        size = len(stated)
        ours, theirs = singular(matrix, size)[:size], np.sort(stated)[::-1]
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("settings", SETTINGS)
def test_search_from_anywhere_ends_at_the_formula(settings):
    """BFGS over all five matrices, in eleven settings: every term within 1e-6."""
    check_search(settings, (3, 3), SETTINGS.index(settings))


@pytest.mark.parametrize("dims", [(2, 3), (3, 2), (5, 5), (1, 1)])
def test_other_numbers_of_units(dims):
    """Fewer and more units of z2 than of z1, and more of both than x has features."""
    check_search((0.5, 0.4, 0.3, 0.7, 0.4), dims, 0)


def matrices(best, spectrum):
    """One of the optima, along the axes."""
    k, m, n = best.encoder.size, best.decoder_two.size, len(spectrum)
    used = np.pad(np.sqrt(spectrum), (0, max(0, k - n)))[:k]
    slope = np.where(used > 0, best.encoder / np.where(used > 0, used, 1), 0)
    common = min(k, m)
    mean = np.asarray(best.decoder_two[:common])
    # z2 given z1 has the slope of the linear VAE, posterior variance over noise times U2
    back = np.asarray(best.posterior_variance[:common]) * mean
    return slope, mean, back, common, (n, k, m)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("dims", [(3, 3), (4, 2), (2, 4)])
def test_optimum_has_the_terms_it_states(settings, dims):
    """The package's own objective at the matrices that the optimum stands for."""
    one, two, _, _, noise = settings
    with jax.enable_x64(True):
        best = optimum(SPECTRUM, dims, *settings)
        slope, mean, back, common, (n, k, m) = matrices(best, SPECTRUM)
        w, u = np.zeros((k, n)), np.zeros((n, k))
        w2, u2 = np.zeros((m, k)), np.zeros((k, m))
        for i in range(min(k, n)):
            w[i, i], u[i, i] = slope[i], best.decoder[i]
        for i in range(common):
            w2[i, i] = back[i] * one / (two * noise)
            u2[i, i] = mean[i]
        given = (w, w2, np.asarray(best.posterior_variance), u2, u)
        found = objective(*given, np.diag(SPECTRUM), *settings)
        for name in ("distortion", "rate_one", "rate_two", "objective"):
            stated = float(getattr(best, name))
            assert float(getattr(found, name)) == pytest.approx(stated, abs=1e-12)
        assert float(found.kl_one) == pytest.approx(float(best.kl_one.sum()), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_objective_of_any_matrices(seed):
    """Squared norms of linear maps of noise, of matrices that are no optimum."""
    rng, dims = np.random.default_rng(seed), (3, 2)
    size = 2 * 4 * 3 + 2 * 3 * 2 + 2
    with jax.enable_x64(True):
        parts = split(jnp.asarray(rng.normal(size=size)), 4, *dims)
        root = jnp.asarray(np.linalg.cholesky(np.cov(rng.normal(size=(4, 30)))))
        settings = jnp.asarray(rng.uniform(0.2, 2.0, size=5))
        w, w2, logs, u2, u = parts
        found = objective(w, w2, jnp.exp(logs), u2, u, root @ root.T, *settings)
        expected = terms_by_noise(parts, root, settings)
        np.testing.assert_allclose(found[:3], expected, rtol=1e-12)
        kl_one = kl_one_by_noise(parts, root, settings)
    assert float(found.kl_one) == pytest.approx(float(kl_one), rel=1e-12)
    assert float(found.kl_one) > 0
    assert float(found.rate_two) > 0


def test_the_collapsed_level_is_named():
    """By hand, at s1 = eta_enc = eta_dec = 1: the three states, and both dead."""
    spectrum = np.array([4.0, 0.25])
    named = {
        # beta_two <= beta_one: a unit of level 1 is alive above beta_two, level 2 always
        (2.0, 1.0): ([True, False], [True, True]),
        (9.0, 5.0): ([False, False], [True, True]),
        # else level 1 is alive above beta_one, level 2 above beta_two^2 / beta_one
        (1.0, 1.5): ([True, False], [True, False]),
        (1.0, 3.0): ([True, False], [False, False]),
        (5.0, 6.0): ([False, False], [False, False]),
    }
    for (one, two), (first, second) in named.items():
        best = optimum(spectrum, (2, 2), one, two, 1.0, 1.0, 1.0)
        assert (best.active_one.tolist(), best.active_two.tolist()) == (first, second)
        assert (best.kl_two > 0).tolist() == second
        assert (best.encoder > 0).tolist() == first


def test_one_setting_by_hand():
    """l = 4, s = v = p = 1, beta_one = 2, beta_two = 1: mu = 4, L = 1/2."""
    best = optimum(np.array([4.0]), (1, 1), 2.0, 1.0, 1.0, 1.0, 1.0)
    assert float(best.encoder[0]) == pytest.approx(np.sqrt(3))
    assert float(best.decoder_two[0]) == pytest.approx(np.sqrt(3.5))
    assert float(best.kl_two[0]) == pytest.approx(np.log(8) / 2)
    assert float(best.rate_one) == pytest.approx(-0.25)
    assert float(best.kl_one[0]) == pytest.approx(-0.25 + 7 / 8)
    squared = 4 * 1 / 4
    expected = squared / 2 + np.log(2 * np.pi) / 2
    assert float(best.distortion) == pytest.approx(expected)


def test_a_larger_beta_one_or_a_smaller_beta_two_revives_level_two():
    """Over three decades of both weights, without one exception."""
    betas = np.geomspace(0.05, 20, 41)
    best = optimum(SPECTRUM, (4, 4), betas[:, None], betas[None], 0.25, 0.25, 0.25)
    assert (np.diff(best.rate_two, axis=0) >= -1e-5).all()
    assert (np.diff(best.rate_two, axis=1) <= 1e-5).all()
    count = np.asarray(best.active_two.sum(axis=-1))
    assert (np.diff(count, axis=0) >= 0).all()
    assert (np.diff(count, axis=1) <= 0).all()
    assert (count.min(), count.max()) == (0, 4)


def test_a_free_second_level_is_another_prior():
    """At beta_two = beta_one = 1 with no unit of z2 in use, z1 has the prior N(0, v)."""
    own, noise = 0.04, 1.0
    spectrum = np.array([1.5, 0.5])
    best = optimum(spectrum, (2, 2), 1.0, 1.0, own, 1.0, noise)
    assert not best.active_two.any()
    # the KL of N(m, own) to N(0, noise), with m of the variance lambda^2
    each = (np.asarray(best.encoder) ** 2 + own) / noise - 1 - np.log(own / noise)
    assert float(best.rate_one) == pytest.approx(each.sum() / 2, rel=1e-6)
    assert float(best.kl_one.sum()) == pytest.approx(each.sum() / 2, rel=1e-6)


def test_settings_lead_and_slopes_are_finite():
    """A column of weights beside a row of variances, at dead and at live units."""
    betas, noises = np.array([[0.1], [1.0], [50.0]]), np.array([0.1, 0.5])
    best = optimum(SPECTRUM, (3, 2), betas, 1.0, 0.5, 1.0, noises)
    assert best.encoder.shape == (3, 2, 3)
    assert best.decoder_two.shape == (3, 2, 2)
    assert best.objective.shape == (3, 2)
    alone = optimum(SPECTRUM, (3, 2), 50.0, 1.0, 0.5, 1.0, 0.1)
    for joint, single in zip(best, alone, strict=True):
        np.testing.assert_allclose(joint[2, 0], single, rtol=1e-6)

    def whole(spectrum, one, noise):
        found = analytic.two_level_optimum(spectrum, (5, 4), one, 2.0, 0.5, 1.0, noise)
        return found.objective + found.decoder_two.sum() + found.encoder.sum()

    for spectrum in (SPECTRUM, np.array([1.0, 0.0])):
        for one in (0.1, 30.0):
            slopes = jax.grad(whole, argnums=(0, 1, 2))(jnp.asarray(spectrum), one, 0.5)
            assert all(bool(jnp.isfinite(slope).all()) for slope in slopes)


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"latent_dims": 3}, "`latent_dims` must be two whole numbers"),
        ({"latent_dims": (3, 0)}, "`latent_dims` must be"),
        ({"beta_one": 0.0}, "`beta_one` must be"),
        ({"encoder_variance": -1.0}, "`encoder_variance` must be"),
        ({"prior_variance": np.inf}, "`prior_variance` must be"),
    ],
)
def test_what_is_refused(changed, said):
    given = {
        "latent_dims": (2, 2),
        "beta_one": 1.0,
        "beta_two": 1.0,
        "encoder_variance": 1.0,
        "prior_variance": 1.0,
        "variance": 1.0,
    }
    with pytest.raises(ValueError, match=said):
        analytic.two_level_optimum(SPECTRUM, **{**given, **changed})


@pytest.mark.usefixtures("users_view")
def test_matrices_that_do_not_fit_are_refused():
    given = [np.ones(s) for s in ((2, 4), (3, 2), (3,), (2, 3), (4, 2), (4, 4))]
    names = "encoder_two", "posterior_variance", "decoder_two", "decoder", "covariance"
    for place, name in enumerate(names, start=1):
        wrong = [*given]
        wrong[place] = np.ones(given[place].shape[0] + 1)
        with pytest.raises(ValueError, match=f"`{name}` must have the shape"):
            analytic.two_level_objective(*wrong, 1.0, 1.0, 1.0, 1.0, 1.0)
