"""Refinement of a posterior: closed forms, a loop in numpy, finite differences."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from vae_jax import gaussian, likelihoods
from vae_jax.refinement import refine_posterior

NOISE = 0.5  # variance of x given z, in p(x|z) = N(W z + b, NOISE), p(z) = N(0, I)
BATCH, LATENT = 4, 2
RNG = np.random.default_rng(0)
# orthogonal columns make the exact posterior diagonal
W = np.linalg.qr(RNG.normal(size=(5, LATENT)))[0] * np.array([1.4, 0.5])
B = RNG.normal(size=5)
X = RNG.normal(size=(BATCH, 5)) * 2
START = RNG.normal(size=(2, BATCH, LATENT))  # means and log-variances of an encoder
PRECISION = 1 + (W**2).sum(axis=0) / NOISE


def elbo(decoder, x, mean, logvar):
    """Per example, in closed form: q's spread costs `|W_j|^2 v_j / 2 NOISE`."""
    weights, offset = decoder
    center = mean @ weights.T + offset[None]
    log_likelihood = likelihoods.gaussian_log_prob(center, x, np.log(NOISE))
    spread = jnp.exp(logvar) @ jnp.square(weights).sum(axis=0) / (2 * NOISE)
    return log_likelihood - spread - gaussian.kl_standard(mean, logvar).sum(axis=-1)


def single(tree):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), tree)


@partial(jax.jit, static_argnames=("num_steps", "unrolled"))
def refine(x, start, learning_rate, num_steps, **options):
    objective = partial(elbo, single((W, B)), x)
    options |= {"num_steps": num_steps, "learning_rate": learning_rate}
    return refine_posterior(objective, *start, **options)


def by_loops(learning_rate, num_steps, momentum=0.0, max_norm=np.inf):
    """Steps with the slopes of the closed form written out, in float64."""
    state = np.concatenate(START, axis=1)
    velocity = np.zeros_like(state)
    for _ in range(num_steps):
        mean, logvar = state[:, :LATENT], state[:, LATENT:]
        in_mean = (X - B - mean @ W.T) @ W / NOISE - mean
        slope = np.concatenate([in_mean, (1 - PRECISION * np.exp(logvar)) / 2], axis=1)
        length = np.linalg.norm(slope, axis=1, keepdims=True)
        slope = slope * np.minimum(1, max_norm / length)
        velocity = momentum * velocity + slope
        state = state + learning_rate * velocity
    return state


@pytest.mark.parametrize(
    "options", [{}, {"momentum": 0.7}, {"max_norm": 1.5, "momentum": 0.3}], ids=str
)
def test_every_step_against_a_loop(options):
    found = refine(*single((X, START)), 0.1, 6, **options)
    # float32, six steps
    expected = by_loops(0.1, 6, **options)
    np.testing.assert_allclose(np.concatenate(found, axis=1), expected, atol=1e-5)


def test_converges_to_the_exact_posterior():
    """Where the ELBO is the evidence."""
    mean, logvar = refine(*single((X, START)), 0.2, 200)
    np.testing.assert_allclose(mean, (X - B) @ W / NOISE / PRECISION, atol=2e-6)
    np.testing.assert_allclose(
        logvar, np.tile(-np.log(PRECISION), (BATCH, 1)), atol=2e-6
    )
    evidence = stats.multivariate_normal(B, W @ W.T + NOISE * np.eye(5)).logpdf(X)
    reached = elbo(single((W, B)), single(X), mean, logvar)
    # a log-density of size 10 to 100 in float32
    np.testing.assert_allclose(reached, evidence, rtol=1e-6)


def test_the_elbo_never_falls():
    """At a rate below 1 / the largest curvature, of every example."""
    x, start = single((X, START))
    # in logvar it is PRECISION exp(logvar) / 2
    assert PRECISION.max() * max(1.0, np.exp(START[1]).max() / 2) < 1 / 0.05

    def step(state, _):
        state = refine(x, state, 0.05, 1)
        return state, elbo(single((W, B)), x, *state)

    steps = jax.jit(lambda state: jax.lax.scan(step, state, length=40))
    last, values = steps(refine(x, start, 0.0, 1))
    values = np.concatenate([elbo(single((W, B)), x, *start)[None], values])
    assert (np.diff(values, axis=0) > -1e-6 * np.abs(values[:-1])).all()
    assert (values[-1] > values[0] + 0.1).all()
    # forty times one step
    for one_by_one, at_once in zip(last, refine(x, start, 0.05, 40), strict=True):
        np.testing.assert_allclose(one_by_one, at_once, atol=1e-5)


def sampled_elbo(decoder, noise, mean, logvar):
    """Of a decoder that is not linear, on noise that every step shares."""
    weights, offset = decoder
    z = mean + jnp.exp(0.5 * logvar) * noise
    center = jnp.tanh(z @ weights.T) + offset[None]
    x = jnp.asarray(X, center.dtype)
    log_likelihood = likelihoods.gaussian_log_prob(center, x, np.log(NOISE))
    return log_likelihood - gaussian.kl_standard(mean, logvar).sum(axis=-1)


def training_loss(trained, unrolled):
    """What training minimises, as a function of everything that is data."""
    objective = partial(sampled_elbo, trained["decoder"], START[1] - START[0])
    refined = refine_posterior(
        objective,
        *trained["start"],
        num_steps=3,
        unrolled=unrolled,
        **trained["options"],
    )
    return -objective(*refined).mean()


def trained_things():
    options = {"learning_rate": 0.2, "momentum": 0.4, "max_norm": 2.0}
    tree = {"decoder": (W, B), "start": tuple(START), "options": options}
    return jax.tree.map(np.float64, tree)


def differences(function, tree, step=1e-6):
    """Central differences in every entry of every leaf."""
    leaves, structure = jax.tree.flatten(tree)
    slopes = []
    for position, leaf in enumerate(leaves):
        slope = np.zeros_like(leaf)
        for index in np.ndindex(leaf.shape):
            ends = []
            for sign in (1, -1):
                moved = [np.array(other) for other in leaves]
                moved[position][index] += sign * step
                ends.append(float(function(jax.tree.unflatten(structure, moved))))
            slope[index] = (ends[0] - ends[1]) / (2 * step)
        slopes.append(slope)
    return jax.tree.unflatten(structure, slopes)


@pytest.mark.slow
def test_gradients_through_the_steps_are_those_of_finite_differences():
    with jax.enable_x64(True):
        tree = trained_things()
        function = jax.jit(training_loss, static_argnums=1)
        slopes = jax.jit(jax.grad(training_loss), static_argnums=1)
        expected = differences(lambda tree: function(tree, True), tree)
        found = slopes(tree, True)
        # the third derivative times step^2, and rounding 1e-16 / step
        jax.tree.map(
            partial(np.testing.assert_allclose, rtol=1e-6, atol=1e-8), found, expected
        )
        # some examples are clipped and some are not, in some step
        assert abs(found["options"]["max_norm"]) > 1e-4
        first_order = slopes(tree, False)
        for part in ("decoder", "start"):
            for one, other in zip(first_order[part], found[part], strict=True):
                assert np.abs(one - other).max() > 1e-3
        assert function(tree, True) == function(tree, False)


@pytest.mark.slow
def test_first_order_is_the_gradient_at_the_refined_posterior():
    with jax.enable_x64(True):
        tree = trained_things()
        objective = partial(sampled_elbo, tree["decoder"], START[1] - START[0])
        refine = partial(refine_posterior, objective, num_steps=3, **tree["options"])
        refined = jax.jit(refine)(*tree["start"])

        def at(decoder, *q):
            return -sampled_elbo(decoder, START[1] - START[0], *q).mean()

        slopes = jax.jit(jax.grad(at, (0, 1, 2)))(tree["decoder"], *refined)
        found = jax.jit(jax.grad(training_loss), static_argnums=1)(tree, False)
        close = partial(np.testing.assert_allclose, rtol=1e-12)
        jax.tree.map(close, (found["decoder"], *found["start"]), slopes)


def test_no_steps_change_nothing():
    x, start = single((X, START))
    for found, given in zip(refine(x, start, 0.1, 0), start, strict=True):
        np.testing.assert_array_equal(found, given)
    slopes = jax.grad(lambda start: refine(x, start, 0.1, 0).mean.sum())(start)
    np.testing.assert_array_equal(slopes[0], 1)
    np.testing.assert_array_equal(slopes[1], 0)


@pytest.mark.parametrize("wrong", [1e3, np.inf, np.nan])
@pytest.mark.parametrize("options", [{}, {"max_norm": 0.7}], ids=str)
def test_examples_do_not_influence_one_another(wrong, options):
    """And what is not finite stays visible in its own row, also where it is clipped."""
    x, start = single((X, START))
    spoiled = x.at[1, 2].set(wrong)
    clean, found = (refine(x, start, 0.1, 5, **options) for x in (x, spoiled))
    others = np.array([0, 2, 3])
    for one, other in zip(clean, found, strict=True):
        np.testing.assert_array_equal(one[others], other[others])
    assert np.isfinite(found.mean[1]).all() == np.isfinite(wrong)


def sloped(slopes, mean, logvar):
    """An objective with the given slopes in the mean and in logvar."""
    return mean[:, 0] * slopes[:, 0] + logvar[:, 0] * slopes[:, 1]


def test_a_step_is_as_long_as_the_norm_allows():
    """Over mean and logvar together, at any size; inside of it and at 0 untouched."""
    slopes = np.float32([[3e30, 4e30], [3e-30, 4e-30], [0, 0], [1.2, 1.6], [6, 8]])
    start, options = np.zeros((2, 5, 1), np.float32), {"learning_rate": 1.0}
    refine = partial(refine_posterior, partial(sloped, slopes), *start, num_steps=1)
    moved = refine(max_norm=5.0, **options)
    expected = [[3, 4], [3e-30, 4e-30], [0, 0], [1.2, 1.6], [3, 4]]
    moved = np.concatenate(moved, axis=1)
    np.testing.assert_allclose(moved, np.float32(expected), rtol=1e-6)
    # of a traced bound the value is not known before
    bounded = jax.jit(lambda max_norm: refine(max_norm=max_norm, **options))
    assert np.isnan(bounded(np.nan)).all()


@pytest.mark.parametrize("max_norm", [np.inf, 1.0, 0.0])
def test_derivatives_are_finite_at_rest(max_norm):
    """The posterior is exact, every slope is 0 and so has no direction."""

    def total(start, max_norm):
        def objective(mean, logvar):
            return -jnp.sum(jnp.square(mean) + jnp.square(logvar), axis=-1)

        refined = refine_posterior(
            objective, *start, num_steps=2, learning_rate=0.1, max_norm=max_norm
        )
        return refined.mean.sum() + refined.logvar.sum()

    zeros = jnp.zeros((2, 3, 2))
    in_start, in_norm = jax.grad(total, (0, 1))(zeros, np.float32(max_norm))
    # each step multiplies by 1 - 2 * 0.1
    np.testing.assert_allclose(in_start, np.full((2, 3, 2), 0.64), rtol=1e-6)
    assert in_norm == 0


def test_settings_of_a_sweep_are_one_program():
    """And a norm without end is none, in value and gradient."""
    x, start = single((X, START))

    def value_and_slopes(start, rate, **options):
        def total(start):
            refined = refine(x, start, rate, 3, **options)
            return refined.mean.sum() + refined.logvar.sum(), refined

        return jax.grad(total, has_aux=True)(start)

    swept = jax.jit(jax.vmap(lambda *v: value_and_slopes(start, v[0], max_norm=v[1])))
    rows = swept(np.float32([0.1, 0.2]), np.float32([np.inf, 0.7]))
    plain = jax.jit(value_and_slopes)(start, 0.1)
    close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
    jax.tree.map(lambda rows, one: close(rows[0], one), rows, plain)
    clipped = np.concatenate([part[1] for part in rows[1]], axis=1)
    close(clipped, by_loops(0.2, 3, max_norm=0.7))


def test_half_precision_is_refined_in_float32():
    start = jnp.asarray(START, jnp.bfloat16)
    found = refine(single(X), start, 0.1, 3)
    expected = refine(single(X), single(start), 0.1, 3)
    assert found.mean.dtype == found.logvar.dtype == jnp.float32
    np.testing.assert_array_equal(np.stack(found), np.stack(expected))


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_steps": -1}, "`num_steps` must be at least 0; got -1"),
        ({"max_norm": -1}, "`max_norm` must be above 0; got -1"),
        ({"max_norm": np.nan}, "`max_norm` must be above 0; got nan"),
        ({"max_norm": np.ones(2)}, r"`max_norm` must be one number; .* \(2,\)"),
        ({"learning_rate": -0.1}, "`learning_rate` must be at least 0 and finite; got"),
        (
            {"learning_rate": np.inf},
            "`learning_rate` must be at least 0 and finite; got",
        ),
        ({"momentum": 1.0}, "`momentum` must be at least 0 and below 1; got 1"),
        ({"momentum": np.float32(-0.5)}, "`momentum` must be at least 0 and below 1"),
        ({"mean": np.zeros(4)}, r"`mean` .* shape \(batch, latent\); got \(4,\)"),
        ({"logvar": np.zeros((4, 3))}, r"`logvar` .* \(4, 2\); got \(4, 3\)"),
        (
            {"objective": lambda mean, logvar: mean.sum()},
            r"one value an example, \(4,\); got \(\). Sum over latent units, not over",
        ),
    ],
)
def test_refuses_what_has_no_meaning(changes, said):
    arguments = {
        "objective": partial(sloped, np.zeros((4, 2), np.float32)),
        "mean": np.zeros((4, 2)),
        "logvar": np.zeros((4, 2)),
        "num_steps": 0,
        "learning_rate": 0.1,
    }
    with pytest.raises(ValueError, match=said):
        refine_posterior(**(arguments | changes))


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize("num_steps", [2.5, 2.0, True, None])
def test_steps_are_whole_numbers(num_steps):
    with pytest.raises(TypeError, match="`num_steps` must be a whole number; got"):
        refine_posterior(
            partial(sloped, np.zeros((4, 2), np.float32)),
            *np.zeros((2, 4, 2), np.float32),
            num_steps=num_steps,
            learning_rate=0.1,
        )
