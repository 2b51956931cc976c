"""Evaluation against theory: a linear-Gaussian VAE whose densities are known."""

import jax
import jax.numpy as jnp
import linear_gaussian as linear
import numpy as np
import pytest
from linear_gaussian import statistics

from vae_jax.training import Splits


def mean_and_error(values):
    values = np.asarray(values, np.float64)
    return values.mean(), values.std(ddof=1) / np.sqrt(len(values))


def test_the_exact_posterior_makes_one_sample_enough(evaluate):
    """All weights are p(x): the bound is the log marginal, whatever was drawn."""
    params, x = linear.exact_params(), linear.examples(linear.SIZE)
    exact = linear.negative_log_marginal(params, x)
    one = statistics(params, x, 1)
    # float32 rounding of terms of some ten nats
    np.testing.assert_allclose(one.nll, exact, rtol=0, atol=2e-5)
    assert one.distortion.std() > 0.1  # and yet z was drawn
    np.testing.assert_allclose(evaluate(params, x)["nll"], exact.mean(), atol=2e-5)


def test_distortion_and_rate_have_their_closed_form(evaluate):
    params, x = linear.exact_params(inflation=2.0), linear.examples(2000)
    distortion, _ = linear.distortion_and_rate(params, x)
    found = statistics(params, x, 4)
    excess, error = mean_and_error(found.distortion - distortion)
    assert abs(excess) < 4 * error  # a fixed seed, 4 standard errors
    # z is a sample: the mean of q would miss by far what its spread costs
    narrow = params | {"logvar": jnp.full(linear.LATENT, -60.0)}
    of_mean, _ = linear.distortion_and_rate(narrow, x)
    assert distortion.mean() - of_mean.mean() > 50 * error
    _, rate = linear.distortion_and_rate(params, x[: linear.SIZE])
    named = evaluate(params, x[: linear.SIZE])
    # float32 sums
    np.testing.assert_allclose(named["rate"], rate.mean(), rtol=1e-6)
    # the rate is of all examples; what compares all pairs is of the first ones
    of_some = rate[: linear.DIAGNOSED].mean()
    np.testing.assert_allclose(named["kl_per_unit"].sum(), of_some, rtol=1e-6)
    ceiling = named["mutual_information_ceiling"]
    np.testing.assert_allclose(ceiling, np.log(linear.DIAGNOSED), rtol=1e-6)


def test_the_z_that_diagnostics_see_is_the_draw_that_was_decoded():
    params, x = linear.exact_params(inflation=2.0), linear.examples(2000)
    found, p = statistics(params, x, 1), linear.double(params)
    error = x - p["offset"] - np.asarray(found.z) @ p["decoder"].T
    constant = linear.FEATURES * np.log(2 * np.pi * linear.VARIANCE) / 2
    distortion = (error**2).sum(1) / (2 * linear.VARIANCE) + constant
    np.testing.assert_allclose(found.distortion, distortion, rtol=1e-5)  # float32
    draws = (found.z - found.mean) / np.exp(np.asarray(found.logvar) / 2)
    # 4000 standard normal numbers, whose squares have variance 2: 4 standard errors
    assert abs(np.mean(np.square(draws)) - 1) < 4 * np.sqrt(2 / 4000)


@pytest.mark.slow
def test_many_samples_approach_the_exact_marginal_likelihood():
    """With q twice as wide as the posterior in each of two units.

    One sample falls short by `KL(q || posterior) = 2 (2 - 1 - log 2) / 2` nats; the
    variance of a weight over its mean is `(2 / sqrt(3))^2 - 1`, so that K samples fall
    short by about half of that over K.
    """
    params, x = linear.exact_params(inflation=2.0), linear.examples(2000)
    exact = linear.negative_log_marginal(params, x)
    one, error = mean_and_error(statistics(params, x, 1).nll - exact)
    assert abs(one - (1 - np.log(2))) < 4 * error
    few, _ = mean_and_error(statistics(params, x, 8).nll - exact)
    assert 0 < few < one / 4
    many, error = mean_and_error(statistics(params, x[:200], 2000).nll - exact[:200])
    assert error < 0.002
    assert abs(many - (4 / 3 - 1) / 2 / 2000) < 4 * error


@pytest.mark.slow
def test_the_optimal_variance_is_of_the_training_set(no_report):
    params, train = linear.exact_params(2.0), linear.examples(3000)
    p = linear.double(params)
    centred = train - p["offset"]
    errors = (centred - centred @ p["encoder"].T @ p["decoder"].T) ** 2
    # what the spread of q adds to the squared error of an example, in expectation
    spread = (p["decoder"] ** 2 @ np.exp(p["logvar"])).sum()
    expected, error = mean_and_error((errors.sum(1) + spread) / linear.FEATURES)
    run = jax.jit(linear.make_evaluate(optimal_variance=True, num_samples=16))
    for x in (linear.examples(30, seed=2), 100 * linear.examples(30, seed=3)):
        found = run(
            linear.run_state(params), linear.MEMBER, linear.HYPER, Splits(train, x)
        )
        variance = float(found["optimal_variance"])
        # both sides have the same examples, and the draws of z vary less than these
        assert abs(variance - expected) < 3 * error
        distortion, _ = linear.distortion_and_rate(params, x, variance)
        # 16 draws of z for each of 30 examples; far from the second set it is all x
        np.testing.assert_allclose(found["distortion"], distortion.mean(), rtol=0.02)
