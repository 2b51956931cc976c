"""Averages in a scan against loops in numpy; stretches of a low rate; bad batches."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import diagnostics

STEPS, EXAMPLES, LATENT = 30, 6, 3


def history(seed=0, shrink=0.8):
    """Batches whose means die out."""
    rng = np.random.default_rng(seed)
    size = (STEPS, EXAMPLES, LATENT)
    fade = shrink ** np.arange(STEPS)[:, None, None]
    means = np.float32(rng.normal(size=size) * fade)
    return means, np.float32(rng.uniform(-1, 0, size) * fade)


@jax.jit
def scan(means, logvars, decay=0.9, rate_threshold=0.1, active_threshold=0.01):
    """The infos of every update, stacked, and the last state."""

    def step(state, batch):
        return diagnostics.online_update(
            state,
            *batch,
            decay=decay,
            rate_threshold=rate_threshold,
            active_threshold=active_threshold,
        )

    state = diagnostics.online_init(means.shape[-1])
    return jax.lax.scan(step, state, (means, logvars))


def by_loops(means, logvars, decay):
    """Rate, KL and variance after every update, in float64; a bad batch left out."""
    kls, variances, rows = [], [], []
    for mean, logvar in zip(means.astype(float), logvars.astype(float), strict=True):
        kl = (mean**2 + np.exp(logvar) - logvar - 1).mean(axis=0) / 2
        if np.isfinite(kl).all():
            kls = [kl, *kls]
            variances = [mean.var(axis=0, ddof=1), *variances]
        weights = np.array([float(decay) ** age for age in range(len(kls))])
        rows.append(
            [np.average(values, axis=0, weights=weights) for values in (kls, variances)]
            if kls
            else [np.full(LATENT, np.nan)] * 2
        )
    return [np.stack(part) for part in zip(*rows, strict=True)]


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99, 1.0])
def test_averages(decay):
    means, logvars = history()
    state, info = scan(means, logvars, decay)
    kl, variance = by_loops(means, logvars, decay)
    # 30 roundings in float32
    np.testing.assert_allclose(info.kl_per_unit, kl, rtol=2e-5)
    np.testing.assert_allclose(info.mean_variance, variance, rtol=2e-5)
    np.testing.assert_allclose(info.rate, kl.sum(axis=1), rtol=2e-5)
    active = (variance >= 0.01).sum(axis=1)
    np.testing.assert_array_equal(info.active_units, active)
    assert (int(state.step), int(state.skipped)) == (STEPS, 0)


def test_the_first_batch_is_not_drawn_to_zero():
    """And agrees with the diagnostics of a whole set."""
    means, logvars = history()
    _, info = scan(means, logvars)
    first = jax.tree.map(lambda leaf: leaf[0], info)
    np.testing.assert_allclose(
        first.kl_per_unit, diagnostics.kl_per_unit(means[0], logvars[0]), rtol=1e-5
    )
    np.testing.assert_allclose(
        first.mean_variance, diagnostics.posterior_mean_variance(means[0]), rtol=1e-5
    )


def test_collapsed_since_is_the_start_of_the_stretch_that_lasts():
    """Low, high, low again: at each step the start of the present stretch, or -1."""
    heights = np.array([0, 0, 1, 1, 0, 0, 0, 1, 0, 0])
    signs = np.array([1.0, -1.0])[None, :, None]
    means = np.float32(heights[:, None, None] * signs)
    _, info = scan(means, np.zeros_like(means), decay=0.0)
    assert info.collapsed_since.tolist() == [0, 0, -1, -1, 4, 4, 4, -1, 8, 8]


def test_the_smoothed_rate_decides_and_not_the_batch():
    """Rates 4, 0, 0, ... at decay 1/2: 4/(1 + 2), 4/(1 + 2 + 4), ... below 0.1 at 5."""
    means = np.zeros((8, 2, 1), np.float32)
    means[0] = np.sqrt(8)
    _, info = scan(means, np.zeros_like(means), decay=0.5)
    np.testing.assert_allclose(info.rate, 4 / (2.0 ** np.arange(1, 9) - 1), rtol=1e-6)
    assert info.collapsed_since.tolist() == [-1] * 5 + [5] * 3


def test_a_rate_at_its_threshold_is_not_below_it():
    means = np.ones((1, 2, 1), np.float32)
    for threshold, since in ((0.5, -1), (0.5001, 0)):
        _, info = scan(means, np.zeros_like(means), rate_threshold=threshold)
        assert info.collapsed_since.tolist() == [since]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e38, 1.8e19])
def test_a_bad_batch_is_skipped_and_breaks_the_stretch(bad):
    """Also where only the KL overflows, or at +-1.8e19 only the variance."""
    means, logvars = history(shrink=0.1)
    means[20, 3, 1], means[20, 4, 1] = bad, -bad
    state, info = scan(means, logvars, decay=0.5)
    kl, variance = by_loops(np.where(np.abs(means) > 1e15, np.nan, means), logvars, 0.5)
    np.testing.assert_allclose(info.kl_per_unit, kl, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(info.mean_variance, variance, rtol=1e-4, atol=1e-9)
    assert int(state.skipped) == 1
    assert np.diff(info.skipped).tolist() == [0] * 19 + [1] + [0] * 9
    since = info.collapsed_since.tolist()
    assert 0 < since[19] < 19
    assert since[20:] == [-1] + [21] * 9


def test_nothing_is_known_before_the_first_finite_batch():
    """A run that is NaN from the start is no collapsed run."""
    means, logvars = history()
    means[:2] = np.nan
    state, info = scan(means, logvars)
    assert np.isnan(info.rate[:2]).all()
    assert np.isnan(info.kl_per_unit[:2]).all()
    assert np.isfinite(info.rate[2:]).all()
    assert np.isnan(info.active_units[:2]).all()
    assert info.collapsed_since[:2].tolist() == [-1, -1]
    expected = diagnostics.kl_per_unit(means[2], logvars[2])
    np.testing.assert_allclose(info.kl_per_unit[2], expected, rtol=1e-5)


def test_a_constant_far_from_zero_does_not_vary():
    """300 times -3.3e7 has a mean in float32 that is not -3.3e7."""
    means = np.full((3, 300, LATENT), -3.3e7, np.float32)
    _, info = scan(means, np.zeros_like(means))
    np.testing.assert_array_equal(info.mean_variance, 0)


def test_members_of_a_sweep_with_their_own_settings():
    runs = [history(seed) for seed in range(3)]
    stacked = [np.stack(parts) for parts in zip(*runs, strict=True)]
    decay, rate, active = np.float32([[0.5, 0.9, 1.0], [0.1, 1, 5], [0.01, 0.1, 1]])
    batched = jax.vmap(scan)(*stacked, decay, rate, active)
    for i, run in enumerate(runs):
        one = scan(*run, decay[i], rate[i], active[i])
        for leaf, expected in zip(
            jax.tree.leaves(batched), jax.tree.leaves(one), strict=True
        ):
            np.testing.assert_allclose(leaf[i], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("offset", [0.0, 4096.0])
def test_the_batch_of_all_devices(offset):
    """Two devices of 3 examples are one of 6."""
    means, logvars = history()
    means = np.round(means[0] * 256) / 256 + np.float32(offset)
    state = diagnostics.online_init(LATENT)
    split = partial(diagnostics.online_update, state, axis_name="devices")
    found = jax.jit(jax.vmap(split, axis_name="devices"))(
        means.reshape(2, 3, LATENT), logvars[0].reshape(2, 3, LATENT)
    )
    expected = jax.jit(diagnostics.online_update)(state, means, logvars[0])
    for leaf, other in zip(
        jax.tree.leaves(found), jax.tree.leaves(expected), strict=True
    ):
        for device in range(2):
            np.testing.assert_allclose(leaf[device], other, rtol=1e-5)


def test_state_keeps_its_types_in_any_precision():
    """A scan's carry; batches may be bfloat16."""
    state = diagnostics.online_init(LATENT)
    half = jax.ShapeDtypeStruct((EXAMPLES, LATENT), jnp.bfloat16)
    after, _ = jax.eval_shape(diagnostics.online_update, state, half, half)
    for leaf, before in zip(after, state, strict=True):
        assert (leaf.shape, leaf.dtype) == (before.shape, before.dtype)


@pytest.mark.usefixtures("users_view")
def test_refuses_other_shapes():
    state = diagnostics.online_init(3)
    five = jnp.zeros((4, 5))
    with pytest.raises(
        ValueError, match=r"the 3 units of the state; got shape \(4, 5\)"
    ):
        diagnostics.online_update(state, five, five)
    with pytest.raises(ValueError, match="at least 2 examples"):
        diagnostics.online_update(state, five[:1, :3], five[:1, :3])
