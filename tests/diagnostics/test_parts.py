"""Latents of several axes: the whole is that of all units in a row, a part is a slice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import diagnostics, gaussian

N, H, W, C = 40, 3, 2, 2


def spatial():
    """One channel in use, one that is a constant far away."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(N, H, W, C)).astype(np.float32)
    logvars = np.full_like(means, -2.0)
    means[..., 1] = 3.0
    return means, logvars


@pytest.fixture(scope="module")
def whole():
    return jax.jit(diagnostics.collapse_report)(jax.random.key(0), *spatial())


def test_the_kl_of_units_lies_in_their_order(whole):
    means, logvars = spatial()
    kl = (means**2 + np.exp(logvars) - logvars - 1) / 2
    np.testing.assert_allclose(
        whole.kl_per_unit.reshape(H, W, C), kl.mean(axis=0), rtol=1e-6
    )
    assert float(whole.active_units) == H * W


@pytest.mark.slow
def test_the_report_of_a_spatial_latent_is_that_of_its_units_in_a_row(whole):
    means, logvars = spatial()
    flat = jax.jit(diagnostics.collapse_report)(
        jax.random.key(0), means.reshape(N, -1), logvars.reshape(N, -1)
    )
    for got, want in zip(whole[:11], flat[:11], strict=True):
        np.testing.assert_array_equal(got, want)


def test_the_decoder_and_the_prior_see_z_in_its_own_shape(whole):
    means, logvars = spatial()
    seen = []

    def log_prob(z, x):
        seen.append(z.shape)
        return -jnp.sum(jnp.square(x - z), axis=(1, 2, 3)) / 2

    def log_prior(z):
        seen.append(z.shape)
        return jnp.sum(gaussian.log_prob(z, 0 * z, 0 * z), axis=(1, 2, 3))

    kl = gaussian.kl_standard(means, logvars)

    @jax.jit
    def with_all(means, logvars, kl):
        return diagnostics.collapse_report(
            jax.random.key(0),
            means,
            logvars,
            log_prob=log_prob,
            z=means,
            x=means,
            log_prior=log_prior,
            kl=kl,
        )

    report = with_all(means, logvars, kl)
    assert set(seen) == {(N, H, W, C)}
    assert float(report.rate) == pytest.approx(float(whole.rate), rel=1e-6)
    information = float(whole.mutual_information)
    assert float(report.mutual_information) == pytest.approx(information, rel=1e-5)
    # of another example z is off by (z_i - z_j)^2 / 2, 1 a unit that varies
    assert float(report.shuffle_gap) == pytest.approx(H * W, abs=1.5)


@pytest.mark.parametrize(
    ("axes", "count"),
    [
        ((-1,), C),
        pytest.param((1, 2), H * W, marks=pytest.mark.slow),
        pytest.param((2, 1), H * W, marks=pytest.mark.slow),
        pytest.param((1, 2, 3), H * W * C, marks=pytest.mark.slow),
    ],
)
def test_a_part_is_the_report_of_its_slice(axes, count, key):
    means, logvars = spatial()
    parts = jax.jit(diagnostics.part_reports, static_argnums=3)(
        key, means, logvars, axes
    )
    keys = jax.random.split(key, count)
    in_front = np.moveaxis(means, axes, range(len(axes))).reshape(count, N, -1)
    assert parts.rate.shape == (count,)
    for index in (0, count - 1):
        want = jax.jit(diagnostics.collapse_report)(
            keys[index], in_front[index], np.full_like(in_front[index], -2.0)
        )
        for name in ("rate", "mutual_information", "active_units", "collapsed_units"):
            got = getattr(parts, name)[index]
            np.testing.assert_allclose(got, getattr(want, name), rtol=1e-5, atol=1e-6)
    rate = ((means**2 + np.exp(logvars) - logvars - 1) / 2).sum() / N
    np.testing.assert_allclose(parts.rate.sum(), rate, rtol=1e-5)


def test_a_dead_channel_is_found_in_a_healthy_whole(key, whole):
    means, logvars = spatial()
    assert diagnostics.verdict(whole).label == "healthy"
    parts = jax.jit(diagnostics.part_reports)(key, means, logvars)
    parts = jax.tree.map(np.asarray, parts)
    labels = [
        diagnostics.verdict(jax.tree.map(lambda a, i=i: a[i], parts)).label
        for i in range(C)
    ]
    assert labels == ["healthy", "collapsed"]


@pytest.mark.parametrize("axes", [(), (0,), (1, 1), (1, -3), (-4,)])
def test_axes_that_are_not_the_latents(axes, key):
    with pytest.raises(ValueError, match=r"`axes` must name axes of the latent"):
        diagnostics.part_reports(key, *spatial(), axes)


def test_axes_that_are_not_there(key):
    with pytest.raises(ValueError, match=r"`axes` must be from -4 to 3; got 4"):
        diagnostics.part_reports(key, *spatial(), (4,))


@pytest.mark.usefixtures("users_view")
def test_functions_of_rows_say_how_to_flatten(key):
    means, logvars = spatial()
    with pytest.raises(ValueError, match=r"`means.reshape\(len\(means\), -1\)`"):
        diagnostics.mutual_information(key, means, logvars)
    with pytest.raises(ValueError, match=r"must have the shape of `means`"):
        diagnostics.collapse_report(key, means, logvars.reshape(N, -1))
    with pytest.raises(ValueError, match=r"at least 2 examples and 1 unit"):
        diagnostics.collapse_report(key, means[:1], logvars[:1])
