"""All log-densities and KLs: values and gradients against independent references.

The truth is computed with 50 decimal digits, from the plainest formula there is; its
gradient is a central difference of that. What these references mean is checked against
scipy and numpyro in float64 at ordinary inputs. Extreme are |logit| of 1e4, |logvar| of 30,
and inputs in bfloat16.
"""

import itertools
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import integrate, special, stats

from vae_jax import gaussian, likelihoods

PI = Decimal("3.14159265358979323846264338327950288419716939937510582")
STEP = Decimal("1e-16")  # squared, times a third derivative of at most 1e20: 1e-12


def log1p_exp(x):
    return (1 + x.exp()).ln()


def bernoulli(logit, x):
    return x * logit - log1p_exp(logit)


def continuous_bernoulli(logit, x):
    scale = logit / (logit.exp() - 1) if logit else Decimal(1)
    return x * logit + scale.ln()


def normal(mean, x, logvar):
    return -((2 * PI).ln() + logvar + (x - mean) ** 2 / logvar.exp()) / 2


def log_prob(z, mean, logvar):
    return normal(mean, z, logvar)


def entropy(logvar):
    return (1 + (2 * PI).ln() + logvar) / 2


def laplace(mean, x, log_scale):
    return -(Decimal(2).ln() + log_scale + abs(x - mean) / log_scale.exp())


def categorical(*logits_and_token):
    *logits, token = logits_and_token
    return logits[int(token)] - sum(logit.exp() for logit in logits).ln()


def logistic_mass(level, mean, log_scale, levels):
    """The mass of a level, from the tail that keeps its digits."""
    scale, step = log_scale.exp(), Decimal(2) / (levels - 1)
    centre = step * level - 1
    low, high = ((centre + side * step / 2 - mean) / scale for side in (-1, 1))
    if low + high > 0:  # the mirror image
        low, high, level = -high, -low, levels - 1 - level
    below = 0 if level == 0 else 1 / (1 + (-low).exp())
    up_to = 1 if level == levels - 1 else 1 / (1 + (-high).exp())
    return up_to - below


def grey_mixture(*values, levels=256):
    """Two components: logits, means, log-scales, and the number of the level."""
    logits, means, log_scales = values[:2], values[2:4], values[4:6]
    total = sum(logit.exp() for logit in logits)
    mass = sum(
        logit.exp() * logistic_mass(int(values[6]), mean, log_scale, levels)
        for logit, mean, log_scale in zip(logits, means, log_scales, strict=True)
    )
    return (mass / total).ln()


def coupled_mixture(*values, levels=9):
    """One component of three channels: means, log-scales, coefficients, levels."""
    means, log_scales, raw = values[:3], values[3:6], values[6:9]
    level = [int(value) for value in values[9:]]
    x = [Decimal(2) / (levels - 1) * k - 1 for k in level]
    pull = [1 - 2 / ((2 * value).exp() + 1) for value in raw]  # tanh
    centres = (
        means[0],
        means[1] + pull[0] * x[0],
        means[2] + pull[1] * x[0] + pull[2] * x[1],
    )
    rows = zip(level, centres, log_scales, strict=True)
    return sum(logistic_mass(*row, levels).ln() for row in rows)


def kl_between(mean_q, logvar_q, mean_p, logvar_p):
    ratio = logvar_q - logvar_p
    shift = (mean_q - mean_p) ** 2 / logvar_p.exp()
    return (shift + ratio.exp() - 1 - ratio) / 2


def kl_standard(mean, logvar):
    return kl_between(mean, logvar, Decimal(0), Decimal(0))


def jax_categorical(*columns):
    *logits, token = columns
    tokens = token.astype(jnp.int32)
    return likelihoods.categorical_log_prob(jnp.stack(logits, axis=-1), tokens)


def jax_grey_mixture(*columns, levels=256):
    pairs = [jnp.stack(columns[i : i + 2], axis=-1) for i in (0, 2, 4)]
    logits, means, log_scales = pairs[0], *(pair[:, None] for pair in pairs[1:])
    params = likelihoods.MixtureParams(logits, means, log_scales, means[:, :0])
    x = on_grid(columns[6:], levels)
    return likelihoods.discretized_logistic_mixture_log_prob(params, x, levels)


def jax_coupled_mixture(*columns, levels=9):
    triples = [jnp.stack(columns[i : i + 3], axis=-1)[..., None] for i in (0, 3, 6)]
    params = likelihoods.MixtureParams(jnp.zeros_like(triples[0][:, 0]), *triples)
    x = on_grid(columns[9:], levels)
    return likelihoods.discretized_logistic_mixture_log_prob(params, x, levels)


def on_grid(numbers, levels):
    level = jnp.stack(numbers, axis=-1)
    return (2 * level.astype(jnp.float32) / (levels - 1) - 1).astype(level.dtype)


class Case(NamedTuple):
    """A function of columns, its reference on one row, rows, and columns that are data."""

    function: object
    truth: object
    ordinary: list
    extreme: list
    fixed: int = 0  # the last columns: tokens and levels have no gradient


def grid(*axes):
    return list(itertools.product(*axes))


LOGITS = [0.0, 1e-6, -1e-3, 0.3, -0.499, 0.501, -2.0, 9.0]
FAR = [1e4, -1e4, 100.0, -87.0, 30.0, -17.0]
UNIT = [0.0, 0.25, 0.9, 1.0]
LOGVARS = [0.0, 1e-3, -0.5, 2.0]
WIDE = [30.0, -30.0, 10.0, -10.0]
CASES = {
    "bernoulli": Case(
        likelihoods.bernoulli_log_prob,
        bernoulli,
        grid(LOGITS, UNIT),
        grid(FAR, UNIT),
    ),
    "continuous_bernoulli": Case(
        likelihoods.continuous_bernoulli_log_prob,
        continuous_bernoulli,
        grid(LOGITS, UNIT),
        grid(FAR, [*UNIT, 1e-4, 0.999]),
    ),
    "gaussian": Case(
        likelihoods.gaussian_log_prob,
        normal,
        grid([0.0, -1.5], [0.3, 2.0], LOGVARS),
        grid([0.0, 1e4], [1e-4, -3.0], WIDE),
    ),
    "laplace": Case(
        likelihoods.laplace_log_prob,
        laplace,
        grid([0.0, -1.5], [0.3, 2.0], LOGVARS),
        grid([0.0, 1e4], [1e-4, -3.0], WIDE),
    ),
    "categorical": Case(
        jax_categorical,
        categorical,
        grid([0.0, 1.5], [-2.0, 0.3], [0.1], [0, 1, 2]),
        grid([1e4, 0.0], [-1e4, 1e4], [1e4, 50.0], [0, 1, 2]),
        fixed=1,
    ),
    "logistic_mixture": Case(
        jax_grey_mixture,
        grey_mixture,
        grid([0.3], [-1.0], [-0.2], [0.6], [-1.0], [-4.0], [0, 1, 100, 254, 255]),
        [
            *grid([0.0], [1e4], [0.1], [0.2], WIDE, [-7.0], [0, 255, 140]),
            *grid([-1e4], [0.0], [50.0], [0.2], [-7.0], [15.0, -15.0], [0, 255, 153]),
            *grid([0.0], [1.0], [0.201], [-3.0], [-7.0], [-30.0], [153, 152, 254]),
        ],
        fixed=1,
    ),
    "coupled_mixture": Case(
        jax_coupled_mixture,
        coupled_mixture,
        [
            (0.1, -0.2, 0.5, -1.0, -2.0, 0.3, 0.5, -1.0, 0.2, *levels)
            for levels in ((0, 4, 8), (3, 0, 5), (8, 8, 1), (7, 1, 0))
        ],
        [
            (-0.9, 3.0, 0.5, *log_scales, 1e4, -30.0, 1e-6, *levels)
            for log_scales in ((15.0, -15.0, 0.0), (-30.0, 30.0, -15.0))
            for levels in ((0, 4, 8), (3, 0, 5), (8, 8, 1))
        ],
        fixed=3,
    ),
    "kl_standard": Case(
        gaussian.kl_standard,
        kl_standard,
        grid([0.0, 0.3, -2.0], LOGVARS),
        grid([1e-4, 1e4], [*WIDE, 1e-5]),
    ),
    "kl_between": Case(
        gaussian.kl_between,
        kl_between,
        grid([0.0, -2.0], LOGVARS, [0.5], [0.3, -1.0]),
        grid([1e-4, 1e4], WIDE, [0.5], WIDE),
    ),
    "log_prob": Case(
        gaussian.log_prob,
        log_prob,
        grid([0.3, 2.0], [0.0, -1.5], LOGVARS),
        grid([1e-4, -3.0], [0.0, 1e4], WIDE),
    ),
    "entropy": Case(gaussian.entropy, entropy, grid(LOGVARS), grid(WIDE)),
}


def exact(case, rows):
    """Values and slopes with 50 digits, rounded to float64 at the end."""
    table = []
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 50, MAX_EMAX, MIN_EMIN
        for row in rows:
            values = [Decimal(float(value)) for value in row]
            own = [case.truth(*values)]
            for i in range(len(values) - case.fixed):
                up, down = (
                    case.truth(*values[:i], values[i] + side * STEP, *values[i + 1 :])
                    for side in (1, -1)
                )
                own.append((up - down) / (2 * STEP))
            table.append([float(value) for value in own])
    return np.array(table).T


@partial(jax.jit, static_argnums=(0, 1))
def with_slopes(function, num_fixed, *columns):
    free = len(columns) - num_fixed
    value, pull = jax.vjp(
        lambda *moving: function(*moving, *columns[free:]), *columns[:free]
    )
    return value, *pull(jnp.ones_like(value))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name, dtype):
    case = CASES[name]
    rows = np.array([*case.ordinary, *case.extreme])
    columns = [jnp.asarray(column, dtype) for column in rows.T]
    expected = exact(case, np.array([np.float64(column) for column in columns]).T)
    found = with_slopes(case.function, case.fixed, *columns)
    assert found[0].dtype == jnp.float32
    # the promise for float32: 1e-5 of the truth plus 1e-6
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5, atol=1e-6)
    # gradients come back in the dtype of the input: half a step of bfloat16 is 2^-9
    rtol = 1e-5 if dtype == "float32" else 2**-8
    for slope, truth in zip(found[1:], expected[1:], strict=True):
        assert slope.dtype == dtype
        np.testing.assert_allclose(np.float64(slope), truth, rtol=rtol, atol=1e-6)
        assert np.isfinite(np.float64(slope)).all()


SMALL = [sign * 10.0**power for power in range(-8, -1) for sign in (1, -1)]


@pytest.mark.parametrize("name", ["kl_standard", "kl_between"])
def test_kls_near_collapse(name):
    """Relative to 1e-5 with no allowance, down to a KL of 1e-17."""
    case = CASES[name]
    rest = [] if name == "kl_standard" else [[0.0], [0.0]]
    rows = np.float32(grid(SMALL, SMALL, *rest))
    found, truth = with_slopes(case.function, 0, *rows.T), exact(case, rows)
    for leaf, expected in zip(found[:4], truth[:4], strict=True):
        np.testing.assert_allclose(leaf, expected, rtol=1e-5)
    # the slope in logvar_p, -(shift^2 + expm1(d)) / 2, passes through 0 among these
    for leaf, expected in zip(found[4:], truth[4:], strict=True):
        terms = (rows[:, 0] ** 2 + np.abs(rows[:, 1])) / 2
        assert np.all(np.abs(leaf - expected) < 4 * 2.0**-23 * terms)


def normalised_by_quadrature(logit, x):
    total, _ = integrate.quad(lambda t: np.exp(t * logit), 0, 1, epsrel=1e-13)
    return x * logit - np.log(total)


def logistic_pmf(level, mean, log_scale, levels):
    edges = (2 * np.arange(levels - 1) + 1) / (levels - 1) - 1
    cdf = stats.logistic.cdf([-np.inf, *edges, np.inf], mean, np.exp(log_scale))
    return np.diff(cdf)[int(level)]


def grey_by_scipy(a, b, *rest):
    masses = [logistic_pmf(rest[4], rest[i], rest[2 + i], 256) for i in (0, 1)]
    return np.log(special.softmax([a, b]) @ masses)


def coupled_by_scipy(*values):
    x = 2 * np.array(values[9:]) / 8 - 1
    pull = np.tanh(values[6:9])
    shifts = [0.0, pull[0] * x[0], pull[1] * x[0] + pull[2] * x[1]]
    return sum(
        np.log(logistic_pmf(values[9 + c], values[c] + shifts[c], values[3 + c], 9))
        for c in range(3)
    )


def numpyro_kl(mean_q, logvar_q, mean_p=0.0, logvar_p=0.0):
    q, p = (
        dist.Normal(jnp.float64(mean), jnp.exp(jnp.float64(logvar) / 2))
        for mean, logvar in ((mean_q, logvar_q), (mean_p, logvar_p))
    )
    return float(dist.kl_divergence(q, p))


FLOAT64 = {
    "bernoulli": lambda logit, x: (
        x * special.log_expit(logit) + (1 - x) * special.log_expit(-logit)
    ),
    "continuous_bernoulli": normalised_by_quadrature,
    "gaussian": lambda mean, x, logvar: stats.norm.logpdf(x, mean, np.exp(logvar / 2)),
    "laplace": lambda mean, x, scale: stats.laplace.logpdf(x, mean, np.exp(scale)),
    "categorical": lambda *row: special.log_softmax(row[:-1])[int(row[-1])],
    "logistic_mixture": grey_by_scipy,
    "coupled_mixture": coupled_by_scipy,
    "kl_standard": numpyro_kl,
    "kl_between": numpyro_kl,
    "log_prob": lambda z, mean, logvar: stats.norm.logpdf(z, mean, np.exp(logvar / 2)),
    "entropy": lambda logvar: stats.norm.entropy(scale=np.exp(logvar / 2)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_references_are_what_they_claim(name):
    case = CASES[name]
    with jax.enable_x64(True):
        expected = [FLOAT64[name](*row) for row in case.ordinary]
    values = exact(case, case.ordinary)[0]
    # float64, with the cancellations of a cdf and of a KL near 0
    np.testing.assert_allclose(values, expected, rtol=1e-10, atol=1e-12)
