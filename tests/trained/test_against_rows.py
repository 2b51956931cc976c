"""What a member computes is what its sweep has stored, for every family and posterior."""

import jax
import numpy as np
import pytest
from families import ALL, SMALL, trained
from slow_cases import slow_but

from vae_jax import sweeps
from vae_jax.configs import Run
from vae_jax.trained import open_run

QUICK = ["linear"]
PRECISE = 1e-6
"""Of float32 over a few hundred examples: eight roundings of 6e-8, by measurement two."""


def stored_split(member):
    return getattr(member.dataset, member.run.eval_split).images


def close(found, wanted, scale=0.0):
    np.testing.assert_allclose(found, wanted, rtol=PRECISE, atol=PRECISE * scale)


@pytest.mark.parametrize("name", slow_but(QUICK, ALL))
def test_the_row_is_measured_again(name):
    member = trained(name)
    for metric, value in member.evaluate().items():
        # a residual, or a small KL, is a difference of logarithms of about a nat
        close(value, member.row[metric], max(member.row["rate"], 1.0))


@pytest.mark.parametrize("name", slow_but(QUICK, ALL))
def test_encode_and_decode_have_the_numbers_of_the_row(name):
    member = trained(name)
    x = stored_split(member)
    posterior = member.encode(x)
    if member.run.prior.is_standard:
        mean, logvar = (np.asarray(part, np.float64) for part in posterior)
        kl = 0.5 * (mean**2 + np.exp(logvar) - 1 - logvar)
        # of float64, on float32 parameters of the posterior
        np.testing.assert_allclose(
            kl.mean(axis=0), member.row["kl_per_unit"], rtol=1e-5, atol=1e-7
        )
    close(np.mean(member.rate(x)), member.row["rate"])
    assert np.shape(posterior.mean) == (len(x), 2)


@pytest.mark.parametrize("name", slow_but(QUICK, ALL))
def test_the_bound_is_that_of_the_row(name):
    member = trained(name)
    x = stored_split(member)
    bound = np.asarray(member.log_likelihood(x), np.float64)
    close(-bound.mean(), member.row["nll"])
    key = member.evaluation_key()
    close(member.log_likelihood(x, 4, key), bound)
    # images that were prepared by hand are the same
    close(member.log_likelihood(member.prepare(x), 4, prepared=is_image(member)), bound)


def is_image(member):
    return not member.run.data.of_sentences


@pytest.mark.parametrize("name", slow_but(QUICK, ALL))
def test_decode_is_the_mean_of_what_the_density_takes(name):
    member = trained(name)
    x = stored_split(member)[:6]
    z = member.encode(x).mean
    seen = x if member.reads_data else None
    output = member.likelihood_parameters(z, seen)
    density = member.run.likelihood.density(member.facts)
    np.testing.assert_allclose(
        member.decode(z, seen), density.mean(output), rtol=1e-5, atol=1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_what_is_drawn_is_of_the_data(name):
    member = trained(name)
    drawn = np.asarray(member.sample(jax.random.key(1), 5))
    x = stored_split(member)[:4]
    like = np.asarray(member.prepare(x))
    assert drawn.shape == (5, *like.shape[1:])
    assert drawn.dtype == like.dtype
    assert (drawn == member.sample(jax.random.key(1), 5)).all()
    assert (drawn != member.sample(jax.random.key(2), 5)).any()
    if not is_image(member):
        assert drawn.min() >= 0
        assert drawn.max() <= member.facts.max_value
    elif member.run.likelihood.wants == "binary":
        assert set(np.unique(drawn)) <= {0.0, 1.0}
    means = np.asarray(member.reconstruct(x))
    assert means.shape == like.shape
    # the ends of a path are what their own codes stand for
    path = np.asarray(member.interpolate(x[:2], x[2:], 5))
    assert path.shape == (2, 5, *like.shape[1:])
    np.testing.assert_allclose(path[:, 0], means[:2], rtol=1e-5, atol=1e-6)
    # where pixels are drawn, the first of an array have the draws of the first
    ends = member.reconstruct(x[2:])
    np.testing.assert_allclose(path[:, -1], ends, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", slow_but(QUICK, ALL))
def test_the_verdict_is_that_of_the_row(name):
    member = trained(name)
    judged = member.report()
    assert judged.verdict.label == member.row["verdict"]
    assert list(judged.verdict.reasons) == member.row["reasons"]


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["map", "vmap"])
def test_members_that_ran_together_are_used_one_by_one(strategy, tmp_path):
    base = Run.of(**{**SMALL, "model": "autoregressive"})
    runs = [
        base.changed(window=w, beta=b) for w, b in ((0, 0.5), (2, 1.0), (None, 2.0))
    ]
    sweeps.run(runs, tmp_path / "r", sweeps.Options(progress=False, strategy=strategy))
    members = list(open_run(tmp_path / "r"))
    assert len(members) == 3
    for member in members:
        for metric, value in member.evaluate().items():
            close(value, member.row[metric], member.row["distortion"])
