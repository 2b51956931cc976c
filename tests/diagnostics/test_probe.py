"""The probe against scikit-learn, a closed form, and cases with nothing to be read."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from vae_jax import diagnostics

DIGITS = load_digits()
X = np.float32(DIGITS.data[:, ::4] / 16)
Y = DIGITS.target
TRAIN, TEST = slice(0, 1200), slice(1200, 1797)

probe = jax.jit(diagnostics.linear_probe, static_argnums=4)


def run(x, y, num_classes=10, l2=1e-3):
    return probe(x[TRAIN], y[TRAIN], x[TEST], y[TEST], num_classes, l2)


def reference(x, y, l2):
    """scikit-learn's, on centred means in float64, close to its optimum."""
    x = x.astype(float) - x[TRAIN].mean(axis=0, dtype=float)
    size = TRAIN.stop
    model = LogisticRegression(C=1 / (size * l2), tol=1e-10, max_iter=20_000)
    model.fit(x[TRAIN], y[TRAIN])
    log_share = model.predict_log_proba(x[TEST])
    columns = np.searchsorted(model.classes_, y[TEST])
    accuracy = model.score(x[TEST], y[TEST])
    return accuracy, -log_share[np.arange(len(columns)), columns].mean()


@pytest.mark.parametrize("l2", [1e-1, 1e-3, 1e-5])
def test_agrees_with_scikit_learn(l2):
    found = run(X, Y, l2=l2)
    accuracy, cross_entropy = reference(X, Y, l2)
    print(
        f"{float(found.cross_entropy):.6f} {cross_entropy:.6f} {float(found.excess):.1e}"
    )
    # one example of 597 on the boundary may fall to either side
    assert float(found.accuracy) == pytest.approx(accuracy, abs=1.1 / 597)
    # a training loss within 1e-6 of its minimum; the test loss is not at one
    assert float(found.cross_entropy) == pytest.approx(cross_entropy, abs=1e-4)
    assert 0 <= float(found.excess) <= 1e-6


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 2.0**17), (300.0, 0.0)])
def test_means_far_away_or_large(scale, offset):
    """The offset is taken off; a scale is one with the square of it in the l2."""
    x = np.round(X * 16) / 16 * np.float32(scale) + np.float32(offset)
    found = run(x, Y, l2=1e-3 * scale**2)
    accuracy, cross_entropy = reference(X, Y, 1e-3)
    assert float(found.cross_entropy) == pytest.approx(cross_entropy, abs=1e-3)
    assert float(found.accuracy) == pytest.approx(accuracy, abs=1.1 / 597)
    assert float(found.excess) <= 1e-6


def test_reports_of_the_labels():
    found = run(X, Y)
    frequency = np.bincount(Y[TEST]) / 597
    assert float(found.label_entropy) == pytest.approx(
        stats.entropy(frequency), rel=1e-5
    )
    majority = np.bincount(Y[TRAIN]).argmax()
    assert float(found.baseline) == pytest.approx(
        (Y[TEST] == majority).mean(), rel=1e-6
    )
    information = float(found.label_entropy) - float(found.cross_entropy)
    assert float(found.information) == pytest.approx(information, abs=1e-5)
    assert float(found.information) > 0.9


def test_two_gaussians_have_a_known_information():
    """Classes at -1 and 1: the best classifier is linear, and I(x; y) an integral."""
    truth = np.log(2) - 0.5 * stats.norm(1).expect(
        lambda x: 2 * np.logaddexp(0, -2 * x)
    )
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 8000)
    x = np.float32(rng.normal(size=(8000, 1)) + 2 * y[:, None] - 1)
    found = probe(x[:4000], y[:4000], x[4000:], y[4000:], 2, 1e-6)
    score = (float(found.information) - truth) / float(found.information_error)
    print(f"{float(found.information):.4f}, truth {truth:.4f}, {score:+.2f} errors")
    # the fit costs about (2 parameters) / (2 * 4000) nats, far within an error
    assert abs(score) < 4
    assert 0.005 < float(found.information_error) < 0.02
    assert float(found.accuracy) == pytest.approx(stats.norm.cdf(1), abs=4 * 0.0058)


@pytest.mark.parametrize("value", [0.0, 7.0, -3.3e7])
def test_exact_collapse_is_the_baseline(value):
    found = run(np.full((1797, 16), value, np.float32), Y)
    assert float(found.accuracy) == float(found.baseline)
    assert float(found.baseline) > 0.09
    # minus the divergence between the frequencies of two halves, so not above 0
    assert -0.02 < float(found.information) <= 1e-6
    assert all(bool(np.isfinite(number)) for number in found)


def test_means_that_barely_vary_are_as_good_as_constant():
    """A collapsed encoder's last digits may hold the label; nothing can be read of them."""
    found = run(7 + X * np.float32(1e-4), Y)
    assert float(found.accuracy) < float(found.baseline) + 0.1
    assert float(found.information) < 0.01


def test_noise_has_no_information():
    noise = np.float32(np.random.default_rng(0).normal(size=(1797, 8)))
    found = run(noise, Y)
    assert float(found.information) < 3 * float(found.information_error)
    assert abs(float(found.accuracy) - 0.1) < 0.05


def test_a_class_that_training_never_shows():
    """Finite, and costly; a class that neither shows changes nothing."""
    y = np.where(Y == 3, 0, Y)
    more = np.where(np.arange(1797) == 1500, 3, y)
    found, shown, fewer = run(X, y), run(X, more), run(X, y - (y > 3), 9)
    assert np.isfinite(shown.cross_entropy)
    assert float(shown.cross_entropy) > float(found.cross_entropy) + 5 / 597
    assert float(found.cross_entropy) == pytest.approx(
        float(fewer.cross_entropy), abs=1e-3
    )
    assert float(found.excess) <= 1e-6


def test_separable_labels_without_a_penalty_stay_finite():
    x = np.float32(np.linspace(-1, 1, 100))[:, None]
    y = (x[:, 0] > 0).astype(int)
    found = probe(x, y, x, y, 2, 0.0)
    assert float(found.accuracy) == 1
    assert 0 <= float(found.cross_entropy) < 1e-3
    assert all(bool(np.isfinite(number)) for number in found)


def test_a_rare_class_with_an_outlier():
    """Whole Newton steps run away from here: the loss is flat at 1 of 30."""
    rng = np.random.default_rng(10)
    y = np.zeros(60, int)
    y[:2] = 1
    x = rng.normal(size=(60, 1))
    x[y == 1] += rng.choice([3, 8, 20], (2, 1)) * rng.choice([-1, 1], (2, 1))
    sign, centred = 2 * y - 1, x[:, 0] - x[:, 0].mean()

    def loss(weights):
        """Of the difference of the two logits, which the penalty splits in halves."""
        slope, bias = weights
        margin = sign * (centred * slope + bias)
        return np.logaddexp(0, -margin).mean() + 1e-3 / 2 * slope**2 / 2

    best = optimize.minimize(loss, np.zeros(2), tol=1e-10)
    found = probe(np.float32(x), y, np.float32(x), y, 2, 1e-3)
    expected = best.fun - 1e-3 / 4 * best.x[0] ** 2
    assert float(found.cross_entropy) == pytest.approx(expected, abs=1e-4)
    assert float(found.excess) <= 1e-6


@pytest.mark.parametrize("label", [-1, 10])
def test_labels_and_means_that_are_none_are_shown(label):
    y = Y.copy()
    y[5] = label
    assert np.isnan(run(X, y).accuracy)
    y = Y.copy()
    y[1300] = label
    found = run(X, y)
    assert np.isnan([found.accuracy, found.baseline, found.cross_entropy]).all()
    x = X.copy()
    x[5, 3] = np.nan
    assert np.isnan(run(x, Y).accuracy)


@pytest.mark.slow
def test_a_sweep_is_one_program():
    """Over models and penalties; each stops when it is solved."""
    stacked, penalties = np.stack([X, 2 * X, 0 * X]), np.float32([1e-3, 1e-2, 1.0])
    many = jax.vmap(
        lambda x, l2: run(x, Y, l2=l2),
    )(stacked, penalties)
    for i in range(3):
        one = run(stacked[i], Y, l2=penalties[i])
        # both within 1e-6 nats of the minimum of the training loss
        np.testing.assert_allclose(many.cross_entropy[i], one.cross_entropy, atol=2e-3)
        np.testing.assert_allclose(many.accuracy[i], one.accuracy, atol=0.005)


def test_half_precision_is_promoted():
    half = jax.ShapeDtypeStruct((20, 2), jnp.bfloat16)
    labels = jax.ShapeDtypeStruct((20,), jnp.int32)
    found = jax.eval_shape(
        partial(diagnostics.linear_probe, num_classes=3), half, labels, half, labels
    )
    assert {number.dtype for number in found} == {jnp.dtype("float32")}


@pytest.mark.usefixtures("users_view")
def test_refuses_other_shapes():
    x, y = X[:20], Y[:20]

    def check(*arguments):  # shapes are refused before anything is computed
        jax.eval_shape(lambda: diagnostics.linear_probe(*arguments))

    with pytest.raises(ValueError, match=r"the 16 units of `means_train`; .*\(20, 3\)"):
        check(x, y, x[:, :3], y, 10)
    with pytest.raises(ValueError, match=r"`labels_train` .*\(20,\); got \(19,\)"):
        check(x, y[:19], x, y, 10)
    with pytest.raises(ValueError, match=r"`labels_test` .*\(20,\); got \(20, 1\)"):
        check(x, y, x, y[:, None], 10)
    with pytest.raises(ValueError, match="at least 2; got 1"):
        check(x, y, x, y, 1)
    with pytest.raises(ValueError, match="`means_test` must have shape"):
        check(x, y, x[:1], y[:1], 10)


@pytest.mark.slow
@pytest.mark.usefixtures("users_view")
def test_labels_that_32_bits_do_not_hold_are_no_class():
    """2**32 is not class 0."""
    means, labels = np.float32([[-2.0], [-1.0], [1.0], [2.0]]), np.array([0, 0, 1, 1])
    wide = labels.astype(np.int64) + np.array([2**32, 0, 0, 0])
    assert np.isnan(diagnostics.linear_probe(means, labels, means, wide, 2).accuracy)
    with pytest.raises(TypeError, match="`labels_test` must be whole numbers; got flo"):
        diagnostics.linear_probe(means, labels, means, labels + 0.5, 2)
