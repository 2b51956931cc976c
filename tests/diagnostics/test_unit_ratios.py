"""Densities of single units read between nodes, against sums over all pairs in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from vae_jax.diagnostics import _unit_ratios
from vae_jax.diagnostics._unit_ratios import Unit, of_nodes

NUM = 1500


def units():
    """Means and log-variances of one unit each, and whether most of it can be read."""
    rng = np.random.default_rng(0)
    normal = rng.normal(size=NUM)
    clusters = np.repeat([-4.0, 0.0, 4.0], NUM // 3) + 0.1 * normal
    widths = rng.uniform(-6, 1, NUM)
    return {
        "smooth": (normal, np.full(NUM, -2.0), True),
        "collapsed": (0 * normal, np.zeros(NUM), True),
        "many widths": (normal, widths, True),
        "clusters with gaps": (clusters, np.full(NUM, -4.0), True),
        "narrower than nodes": (normal, np.full(NUM, -16.0), False),
        "narrower than the rounding of its mean": (
            1000 + normal,
            np.full(NUM, -40.0),
            False,
        ),
        "one far away": (
            np.where(np.arange(NUM) == 7, 1e4, normal),
            widths,
            False,
        ),
    }


def all_pairs(noise, mean, logvar):
    """`log q(z|x) - log q(z)` in float64, of a z that is never rounded to its mean."""
    apart = mean[:, None] - mean[None]
    error = (apart + (np.exp(logvar / 2) * noise)[:, None]) / np.exp(logvar / 2)
    other = -(error**2 + logvar) / 2
    own = -(noise**2 + logvar) / 2
    return own - special.logsumexp(other, axis=1) + np.log(len(mean))


@pytest.mark.parametrize("name", units())
def test_ratios_are_those_of_all_pairs(name, key):
    """To 1e-4, which is what nodes are allowed to disagree by, and float32."""
    mean, logvar, smooth = units()[name]
    mean, logvar = np.float32(mean), np.float32(logvar)
    noise = np.asarray(jax.random.normal(key, (NUM,)))
    unit = Unit(*map(jnp.asarray, (noise, mean, logvar)), jnp.float32(0))
    found = np.asarray(jax.jit(of_nodes, static_argnums=1)(unit, 64))
    expected = all_pairs(*(part.astype(float) for part in (noise, mean, logvar)))
    error = np.abs(found - expected)
    print(f"{name}: off by {error.max():.1e}, on average {error.mean():.1e}")
    # squares of the noise in float32, up to a few dozen
    assert error.max() < 1e-4
    assert bool(doubtful_share(unit) < 0.01) == smooth


def doubtful_share(unit):
    """Of the samples that are not read between nodes."""
    z = unit.mean + unit.offset
    low, step = _unit_ratios.grid(z)
    table = _unit_ratios.tabulated(unit, low, step, 64)
    start = np.floor((z - low) / step) - 2
    error = np.asarray(_unit_ratios.disagreement(table))[start.astype(int)]
    return np.mean(~(error <= _unit_ratios.AGREEMENT))


def test_a_table_that_is_no_curve_is_seen():
    """A node that is off by more than allowed is in doubt wherever it would be read."""
    nodes = jnp.sin(jnp.linspace(0, 6, _unit_ratios.NODES))
    fine = _unit_ratios.disagreement(nodes)
    assert float(fine.max()) < 1e-5
    for wrong in (5, 2000, 2001, _unit_ratios.NODES - 7):
        found = _unit_ratios.disagreement(nodes.at[wrong].add(1e-2))
        starts = np.arange(max(wrong - 5, 0), min(wrong + 1, len(found)))
        assert (np.asarray(found)[starts] > _unit_ratios.AGREEMENT).all(), wrong


def test_a_polynomial_of_the_fifth_degree_is_read_exactly():
    at = jnp.linspace(3, 4000, 500)
    nodes = jnp.arange(_unit_ratios.NODES, dtype=jnp.float32) / 1000
    start = jnp.floor(at).astype(jnp.int32) - 2
    found = _unit_ratios.read((nodes - 2) ** 5, start, at)
    # float32 of up to 32
    np.testing.assert_allclose(found, (at / 1000 - 2) ** 5, atol=2e-5)


def test_a_large_set_takes_the_nodes(monkeypatch, key):
    """The same numbers whether all pairs meet or nodes are read."""
    mean = jax.random.normal(key, (400, 3))
    logvar, noise = -jnp.abs(mean), jnp.flip(mean, 0)
    pairs = _unit_ratios.unit_log_ratios(noise, mean, logvar, 64)
    monkeypatch.setattr(_unit_ratios, "PAIRS_UP_TO", 399)
    nodes = _unit_ratios.unit_log_ratios(noise, mean, logvar, 64)
    assert not np.array_equal(pairs, nodes)
    np.testing.assert_allclose(nodes, pairs, atol=2e-5)
