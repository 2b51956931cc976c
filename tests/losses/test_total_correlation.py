"""Total correlation: every batch enumerated, laws, gradients against differences."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import stats

from vae_jax import losses

WEIGHTINGS = ["weighted", "stratified", "balanced"]
each_weighting = pytest.mark.parametrize("weighting", WEIGHTINGS)

# a data set of six: posteriors that overlap a little, and a sample of each
rng = np.random.default_rng(1)
MEAN = rng.normal(0, 1.3, (6, 1)) + rng.normal(0, 0.3, (6, 2))
LOGVAR = rng.normal(-0.5, 0.5, (6, 2))
Z = MEAN + np.exp(LOGVAR / 2) * rng.normal(size=(6, 2))
FLOAT32 = tuple(np.float32(array) for array in (Z, MEAN, LOGVAR))

# q(z_i | x_j) of every unit, by scipy
PER_UNIT = stats.norm.pdf(Z[:, None], MEAN[None], np.exp(LOGVAR / 2)[None])
JOINT = PER_UNIT.prod(axis=-1)

density = jax.jit(
    losses.aggregate_log_density, static_argnames=("weighting", "axis_name")
)
decompose = jax.jit(losses.tc_decomposition, static_argnames=("weighting", "axis_name"))


def estimates_of_every_batch(arrays, weighting):
    """Of all 120 ordered batches of three from six, row by row: (120, 3), nats."""
    batches = np.array(list(itertools.permutations(range(6), 3)))
    estimate = partial(losses.aggregate_log_density, weighting=weighting)
    with jax.enable_x64(True):
        found = jax.jit(jax.vmap(estimate, in_axes=(0, 0, 0, None)))(
            *(array[batches] for array in arrays), 6
        )
    return batches, *(np.asarray(part) for part in found)


@each_weighting
def test_the_mean_over_every_batch_is_the_aggregate_posterior(weighting):
    """Given the own example, the others drawn without replacement: exactly unbiased."""
    batches, log_qz, _ = estimates_of_every_batch((Z, MEAN, LOGVAR), weighting)
    for row, example in itertools.product(range(3), range(6)):
        with_own = log_qz[batches[:, row] == example, row]
        assert len(with_own) == 20
        own, others = JOINT[example, example], np.delete(JOINT[example], example)
        truth = JOINT[example].mean()
        if weighting == "weighted":
            # what it estimates instead
            truth = (own + 2 * others.mean()) / (6 * 3)
        assert np.exp(with_own).mean() == pytest.approx(truth, rel=1e-12)


@each_weighting
def test_marginals_are_those_of_each_unit_alone(weighting):
    """So each marginal is unbiased where the joint density is."""
    _, _, log_prod = estimates_of_every_batch((Z, MEAN, LOGVAR), weighting)
    alone = 0
    for unit in ([0], [1]):
        arrays = (array[:, unit] for array in (Z, MEAN, LOGVAR))
        _, log_qz, own_prod = estimates_of_every_batch(arrays, weighting)
        np.testing.assert_array_equal(log_qz, own_prod)
        alone = alone + log_qz
    np.testing.assert_allclose(log_prod, alone, rtol=1e-12)


def test_balanced_is_the_mean_of_stratified_over_who_makes_room():
    batches, stratified, _ = estimates_of_every_batch((Z, MEAN, LOGVAR), "stratified")
    _, balanced, _ = estimates_of_every_batch((Z, MEAN, LOGVAR), "balanced")
    spreads = []
    for members in itertools.combinations(range(6), 3):
        same = [set(batch) == set(members) for batch in batches.tolist()]
        for example in members:
            at = batches[same] == example
            once = np.exp(balanced[same][at])
            np.testing.assert_allclose(once, once[0], rtol=1e-12)  # whatever the order
            assert np.exp(stratified[same][at]).mean() == pytest.approx(once[0])
            spreads.append(np.exp(stratified[same][at]).std() / once[0])
    assert np.mean(spreads) > 0.03  # and it does make a difference


def test_the_weights_of_the_paper_by_hand():
    """N = 10, B = 3: own 1/10, next 1/2 - 1/10, the other 1/2; in a ring."""
    shares = np.array([[0.1, 0.4, 0.5], [0.5, 0.1, 0.4], [0.4, 0.5, 0.1]])
    # (N - M) / (N M) with M = 2, as the paper writes it
    assert shares[0, 1] == pytest.approx((10 - 2) / (10 * 2))
    first = [array[:3] for array in FLOAT32]
    found = density(*first, 10, weighting="stratified")
    expected = np.log((shares * JOINT[:3, :3]).sum(axis=1))
    np.testing.assert_allclose(found.log_qz, expected, rtol=1e-5)
    expected = np.log((shares[..., None] * PER_UNIT[:3, :3]).sum(axis=1)).sum(axis=-1)
    np.testing.assert_allclose(found.log_prod_qz, expected, rtol=1e-5)


def test_balanced_is_exact_when_the_batch_is_the_data_set():
    found = density(*FLOAT32, 6, weighting="balanced")
    np.testing.assert_allclose(found.log_qz, np.log(JOINT.mean(axis=1)), rtol=1e-5)
    expected = np.log(PER_UNIT.mean(axis=1)).sum(axis=-1)
    np.testing.assert_allclose(found.log_prod_qz, expected, rtol=1e-5)


@each_weighting
@pytest.mark.parametrize("size", [6, 60_000])
def test_the_parts_sum_to_the_sampled_rate(weighting, size):
    parts = decompose(*FLOAT32, size, weighting=weighting)
    log_prior = stats.norm.logpdf(Z).sum(axis=1)
    rate = np.log(np.diag(JOINT)) - log_prior
    # three differences of float32 numbers up to 30
    np.testing.assert_allclose(sum(parts), rate, atol=2e-5)
    found = density(*FLOAT32, size, weighting=weighting)
    expected = (
        np.log(np.diag(JOINT)) - found.log_qz,
        found.log_qz - found.log_prod_qz,
        found.log_prod_qz - log_prior,
    )
    for part, truth in zip(parts, expected, strict=True):
        np.testing.assert_allclose(part, truth, atol=2e-5)
    ceiling = np.log(size) + (np.log(6) if weighting == "weighted" else 0)
    assert (parts.mutual_information <= ceiling + 1e-5).all()


@each_weighting
def test_an_example_whose_code_is_its_own_has_all_the_information_there_is(weighting):
    apart = np.float32(100 * np.arange(5))[:, None] * np.ones(2, np.float32)[None]
    parts = decompose(apart, apart, 0 * apart, 1000, weighting=weighting)
    ceiling = np.log(1000) + (np.log(5) if weighting == "weighted" else 0)
    np.testing.assert_allclose(parts.mutual_information, ceiling, rtol=1e-5)


@each_weighting
def test_at_collapse_there_is_neither_information_nor_correlation(weighting):
    same = np.full((5, 3), 0.7, np.float32)
    z = np.float32(rng.normal(size=(5, 3)))
    parts = decompose(z, same, -same, 1000, weighting=weighting)
    # what the weights of `weighted` sum to is 1 / N
    offset = np.log(1000) if weighting == "weighted" else 0.0
    np.testing.assert_allclose(parts.mutual_information, offset, atol=1e-5)
    np.testing.assert_allclose(parts.total_correlation, 2 * offset, atol=2e-5)


@pytest.mark.parametrize(
    ("weighting", "weights"),
    [("weighted", [1.0, 1, 1, 1, 0, 0]), ("stratified", [1.0, 1, 1, 1, 0, 0])]
    + [("balanced", None)],
)
def test_samples_meet_the_posteriors_of_all_devices(weighting, weights):
    """Three devices, the last one full of padding: values and gradients."""
    shares = np.ones(6, np.float32) if weights is None else np.float32(weights)
    factors = np.float32(rng.normal(size=(3, 6)))

    def loss(arrays, shares, factors, axis_name=None):
        parts = losses.tc_decomposition(
            *arrays, 50, weighting=weighting, weights=shares, axis_name=axis_name
        )
        # only real examples count, as in a weighted loss
        charged = [f * part for f, part in zip(factors, parts, strict=True)]
        return jnp.mean(shares * sum(charged)), parts

    def step(arrays, shares, factors):
        """As in training: a gradient on each device, whose mean is taken."""
        whole = jax.grad(partial(loss, axis_name="devices"), has_aux=True)
        slopes, parts = whole(arrays, shares, factors)
        return [slope / 3 for slope in slopes], parts

    split = jax.tree.map(lambda a: a.reshape(3, 2, *a.shape[1:]), (FLOAT32, shares))
    across = jax.vmap(step, in_axes=(0, 0, 1), axis_name="devices")
    slopes, parts = jax.jit(across)(*split, factors.reshape(3, 3, 2))
    expected_slopes, expected = jax.jit(jax.grad(loss, has_aux=True))(
        FLOAT32, shares, factors
    )
    for own, whole in zip(parts, expected, strict=True):
        np.testing.assert_allclose(own.ravel(), whole, rtol=1e-5, atol=1e-5)
    for own, whole in zip(slopes, expected_slopes, strict=True):
        np.testing.assert_allclose(
            own.reshape(whole.shape), whole, rtol=1e-4, atol=1e-5
        )


@each_weighting
@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [0, 4, 1, 2, 5, 3]])
def test_padded_examples_do_not_count(weighting, order):
    """Wherever they are in the batch: the ring closes over them."""
    order = np.array(order)
    weights = np.float32(order < 4)
    found = density(
        *(array[order] for array in FLOAT32),
        50,
        weighting=weighting,
        weights=weights,
    )
    expected = density(*(array[:4] for array in FLOAT32), 50, weighting=weighting)
    for own, whole in zip(found, expected, strict=True):
        np.testing.assert_allclose(own[order < 4], whole, rtol=1e-5)
        assert np.isfinite(own).all()


@each_weighting
def test_slopes_against_differences(weighting):
    with jax.enable_x64(True):

        def loss(z, mean, logvar, *factors):
            parts = losses.tc_decomposition(z, mean, logvar, 50, weighting=weighting)
            return losses.beta_tc_loss(jnp.zeros(6), parts, *factors)

        factors = np.float64(0.7), np.float64(6.0), np.float64(1.3)
        args = Z, MEAN, LOGVAR, *factors
        check_grads(jax.jit(loss), args, order=1, modes=["rev"], rtol=1e-5)


def test_the_loss_by_hand_and_as_an_elbo():
    one, two = np.float32([1.0, 10.0]), np.float32([2.0, 20.0])
    parts = losses.RateParts(one, two, 4 * one)
    assert losses.beta_tc_loss(two, parts, 3.0, 6.0, 0.5).tolist() == [19.0, 190.0]
    parts = decompose(*FLOAT32, 6, weighting="balanced")
    distortion = np.float32(rng.gamma(2.0, 1.0, 6))
    found = losses.beta_tc_loss(distortion, parts, 1.0, 1.0, 1.0)
    rate = np.log(np.diag(JOINT)) - stats.norm.logpdf(Z).sum(axis=1)
    np.testing.assert_allclose(found, distortion + rate, atol=2e-5)


def test_factors_and_sizes_of_a_sweep_are_one_program():
    factors, sizes = np.float32([0.0, 1.0, 6.0]), np.float32([6.0, 50.0, 1e6])

    def loss(factor, size):
        parts = losses.tc_decomposition(*FLOAT32, size, weighting="balanced")
        return losses.beta_tc_loss(jnp.zeros(6), parts, 1.0, factor, 1.0)

    swept = jax.jit(jax.vmap(loss))(factors, sizes)
    alone = jax.jit(loss)
    for row, factor, size in zip(swept, factors, sizes, strict=True):
        np.testing.assert_allclose(row, alone(factor, size), rtol=1e-5, atol=1e-5)


@each_weighting
def test_extreme_posteriors_have_finite_values_and_slopes(weighting):
    @jax.jit
    @partial(jax.value_and_grad, argnums=(0, 1, 2))
    def with_slopes(z, mean, logvar):
        parts = losses.tc_decomposition(z, mean, logvar, 50, weighting=weighting)
        return sum(part.mean() for part in parts)

    for logvar, scale in itertools.product((-30.0, 30.0), (1.0, 1e3)):
        mean = np.float32(scale * MEAN)
        found = with_slopes(mean, mean, np.full((6, 2), logvar, np.float32))
        for number in jax.tree.leaves(found):
            assert np.isfinite(number).all()


def test_half_precision_is_computed_in_float32():
    halves = [jnp.asarray(array, jnp.bfloat16) for array in FLOAT32]
    found = decompose(*halves, 50, weighting="balanced")
    wide = decompose(*(np.float32(half) for half in halves), 50, weighting="balanced")
    for part, expected in zip(found, wide, strict=True):
        assert part.dtype == jnp.float32
        np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"weighting": "mss"},
            "one of 'weighted', 'stratified', 'balanced'; got 'mss'",
        ),
        ({"mean": FLOAT32[1][:3]}, r"`mean` must have the shape of `z`, \(6, 2\)"),
        ({"logvar": FLOAT32[1][:3]}, r"`logvar` must have the shape of `z`, \(6, 2\)"),
        (
            {"z": FLOAT32[0][0]},
            r"`z` must have the shape \(batch, latent\); got \(2,\)",
        ),
        ({"weights": np.ones(4, np.float32)}, r"of the batch, \(6,\); got \(4,\)"),
        ({"dataset_size": 5}, "at least the size of the batch, 6; got 5"),
    ],
)
def test_refuses_what_has_no_meaning(changes, said):
    names = ("z", "mean", "logvar")
    options = dict(zip(names, FLOAT32, strict=True))
    options |= {"dataset_size": 50, "weighting": "balanced"} | changes
    for function in (losses.aggregate_log_density, losses.tc_decomposition):
        with pytest.raises(ValueError, match=said):
            function(**options)


@pytest.mark.usefixtures("users_view")
def test_refuses_a_single_example_and_parts_of_another_batch():
    with pytest.raises(ValueError, match="at least 2 examples to compare; got 1"):
        losses.aggregate_log_density(
            *(array[:1] for array in FLOAT32), 50, weighting="balanced"
        )
    # padding makes a batch larger than its examples
    weights = np.float32([1, 1, 1, 0, 0, 0])
    found = losses.aggregate_log_density(
        *FLOAT32, 3, weighting="balanced", weights=weights
    )
    assert np.isfinite(found.log_qz).all()
    one, two = np.ones(1, np.float32), np.ones(2, np.float32)
    with pytest.raises(ValueError, match="`total_correlation` must have the shape of"):
        losses.beta_tc_loss(two, losses.RateParts(two, one, two), 1.0, 1.0, 1.0)


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize("kind", [int, np.int64, np.int32, np.float32, np.asarray])
def test_a_batch_larger_than_the_data_is_refused_whatever_the_number_s_type(kind):
    z = np.zeros((4, 2), np.float32)
    for call in (losses.tc_decomposition, losses.aggregate_log_density):
        with pytest.raises(ValueError, match=r"`dataset_size` .*batch, 4; got 3"):
            call(z, z, z, kind(3), weighting="balanced")
        # a padded example is none of the data
        weights = np.float32([1, 1, 1, 0])
        call(z, z, z, kind(3), weighting="balanced", weights=weights)
        with pytest.raises(ValueError, match=r"`dataset_size` .*batch, 3; got 2"):
            call(z, z, z, kind(2), weighting="balanced", weights=weights)
