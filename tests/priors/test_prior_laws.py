"""What holds for every prior: shapes, samples that follow the density, the KL, messages."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp

from vae_jax import gaussian, priors
from vae_jax.vae import DiagGaussian, Prior

LATENT = 2
NUM = 20_000
WEIGHTS = np.float32([[0.8, -0.5, 0.3], [0.2, 1.0, -0.7]])


def encode(model_params, x):
    """A linear encoder, as a user would write one."""
    mean = jnp.matmul(x, model_params["weights"].T, precision="highest")
    return DiagGaussian(mean, -1 + 0.3 * mean)


def laplace():
    """A user's own."""
    return Prior(
        init=lambda key: {"scale": 1.5 * jnp.ones(())},
        log_prob=lambda params, z: (
            -jnp.sum(
                jnp.abs(z) / params["scale"] + jnp.log(2 * params["scale"]), axis=-1
            )
        ),
        sample=lambda key, params, shape=(): (
            params["scale"] * jax.random.laplace(key, (*shape, LATENT))
        ),
    )


PSEUDO = np.float32([[1.0, 0.0, 0.0], [0.0, 0.5, 1.0], [0.2, 0.9, 0.1]])
PRIORS = {
    "standard": lambda: priors.standard(LATENT),
    "diagonal": lambda: priors.diagonal(LATENT),
    "mixture": lambda: priors.mixture(LATENT, 3, spread=2.0),
    "vampprior": lambda: priors.vampprior(encode, PSEUDO),
    "bounded": lambda: priors.vampprior(encode, PSEUDO, bounded=True),
    "ar1": lambda: priors.autoregressive(LATENT, 2, 0.8),
    "own": laplace,
}
all_priors = pytest.mark.parametrize("name", PRIORS)
of_the_library = pytest.mark.parametrize("name", [n for n in PRIORS if n != "own"])
closed = pytest.mark.parametrize("name", ["standard", "diagonal", "ar1"])


def made(name):
    """A prior and parameters that are not those it begins with."""
    prior = PRIORS[name]()
    params = prior.init(jax.random.key(3))
    leaves, tree = jax.tree.flatten(params)
    rng = np.random.default_rng(4)
    moved = [leaf + np.float32(0.3 * rng.normal(size=leaf.shape)) for leaf in leaves]
    return prior, tree.unflatten(moved) | {"model": {"weights": jnp.asarray(WEIGHTS)}}


@cache
def on_the_plane(name):
    """Codes 0.1 apart within 20 of the origin, and their log-density."""
    prior, params = made(name)
    ticks = np.linspace(-20, 20, 401)
    plane = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    return plane, np.float64(jax.jit(prior.log_prob)(params, np.float32(plane)))


@all_priors
def test_shapes_are_those_of_the_contract(name, key):
    prior = PRIORS[name]()
    params = jax.eval_shape(prior.init, key)
    assert isinstance(params, dict)
    params = params | {"model": {"weights": jnp.asarray(WEIGHTS)}}

    def everything(params, shape=None):
        z = prior.sample(key, params, *([] if shape is None else [shape]))
        kl = prior.kl or (lambda params, mean, logvar: mean)
        return z, prior.log_prob(params, z), kl(params, z, z)

    for shape in (None, (), (3,), (2, 3)):
        found = jax.eval_shape(partial(everything, shape=shape), params)
        batch = shape or ()
        assert [leaf.shape for leaf in found] == [(*batch, 2), batch, (*batch, 2)]
        assert {leaf.dtype for leaf in found} == {np.dtype(np.float32)}


@all_priors
def test_the_density_is_normalised(name):
    """By the trapezoid rule over the plane, which is exact for Gaussians in its midst."""
    _, log_density = on_the_plane(name)
    # a corner of the Laplace density costs the rule step^2 / 12 scale^2; else float32
    tolerance = 2e-3 if name == "own" else 2e-5
    assert logsumexp(log_density) + 2 * np.log(0.1) == pytest.approx(0, abs=tolerance)


@all_priors
def test_samples_follow_the_density(name):
    """Their moments within 5 standard errors of those of the density on a grid."""
    prior, params = made(name)
    drawn = jax.jit(partial(prior.sample, shape=(NUM,)))(jax.random.key(5), params)
    plane, log_density = on_the_plane(name)
    weights = np.exp(log_density - logsumexp(log_density))
    for moment in (
        lambda z: z[..., 0],
        lambda z: z[..., 1],
        lambda z: z[..., 0] ** 2,
        lambda z: z[..., 1] ** 2,
        lambda z: z[..., 0] * z[..., 1],
        lambda z: np.cos(2 * z[..., 0] - z[..., 1]),
    ):
        values = moment(np.float64(drawn))
        error = values.std() / np.sqrt(NUM)
        expected = (weights * moment(plane)).sum()
        # the grid's own error is 2e-3 for the corners of the Laplace density
        assert values.mean() == pytest.approx(expected, abs=5 * error + 2e-3)


@all_priors
def test_one_key_draws_one_batch_and_vmap_one_code_a_key(name, key):
    prior, params = made(name)
    keys = jax.random.split(key, 4)
    rows = jax.jit(jax.vmap(prior.sample, (0, None)))(keys, params)
    assert len(np.unique(rows)) == rows.size
    # compiled together, a few roundings may differ
    one = jax.jit(prior.sample)(keys[2], params)
    np.testing.assert_allclose(rows[2], one, rtol=1e-5)


@closed
def test_the_closed_kl_is_the_mean_of_the_sampled_one(name):
    prior, params = made(name)
    mean, logvar = np.float32([0.7, -0.4]), np.float32([-1.0, 0.3])
    # exact for a quadratic: 5 nodes an axis
    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    noise = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2)
    both = np.outer(weights, weights).ravel() / weights.sum() ** 2
    z = np.float32(mean + np.exp(logvar / 2) * noise)
    spread = (np.broadcast_to(part, z.shape) for part in (mean, logvar))
    sampled = jax.jit(partial(priors.sampled_kl, prior))(params, z, *spread)
    kl = jax.jit(prior.kl)(params, mean, logvar)
    assert (kl >= 0).all()
    assert float(kl.sum()) == pytest.approx(both @ np.float64(sampled), rel=1e-5)


@of_the_library
def test_half_precision_is_widened_first(name):
    """Of the codes and of the parameters."""
    prior, params = made(name)
    model = {"model": params.pop("model")}

    @jax.jit
    def everything(params, z):
        params = params | model
        return [
            prior.log_prob(params, z),
            prior.sample(jax.random.key(0), params),
            prior.kl(params, z, z) if prior.kl else prior.log_prob(params, z),
        ]

    half = params, jnp.array([[0.3, -1.7], [2.4, 0.1]])
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), half)
    wide = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), half)
    for found, expected in zip(everything(*half), everything(*wide), strict=True):
        assert found.dtype == jnp.float32
        np.testing.assert_array_equal(found, expected)


@of_the_library
@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32")])
def test_the_codes_decide_the_precision(name, dtypes):
    """Where that of the parameters is another one, which JAX alone would refuse."""
    prior, params = made(name)
    with jax.enable_x64(True):
        own, codes = (jnp.dtype(dtype) for dtype in dtypes)
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, own), params)
        z = jnp.zeros((3, LATENT), codes)
        assert jax.eval_shape(prior.log_prob, params, z).dtype == codes
        if prior.kl:
            assert jax.eval_shape(prior.kl, params, z, z).dtype == codes


@all_priors
def test_everything_is_finite_at_extremes(name):
    """|z| up to 1e4; log-variances up to 30 either way, of q and of the prior."""
    prior, params = made(name)
    z = jnp.asarray(np.float32([[1e4, -1e4], [0, 1e-30], [-5e3, 3]]))
    logvar = jnp.asarray(np.float32([[30, -30], [-30, 30], [0, 30]]))
    cases = [params]
    for key in ("logvar", "logvars"):
        if key in params:
            extreme = 30 * np.float32([-1, 1])
            cases += [
                params | {key: np.broadcast_to(row, params[key].shape)}
                for row in (extreme, -extreme)
            ]
    charge = jax.jit(
        jax.value_and_grad(
            lambda *args: priors.sampled_kl(prior, *args).sum(), (0, 1, 2, 3)
        )
    )
    for case in cases:
        found = jax.tree.leaves(charge(case, z, z + 1, logvar))
        if prior.kl:
            kl = jax.value_and_grad(lambda *args: prior.kl(*args).sum(), (0, 1, 2))
            found += jax.tree.leaves(jax.jit(kl)(case, z, logvar))
        assert all(np.isfinite(leaf).all() for leaf in found)


@pytest.mark.usefixtures("users_view")
@of_the_library
def test_refuses_codes_of_another_size(name):
    prior, params = made(name)
    said = (
        r"must have the shape \(\*batch, 2\), the units of the prior last; got \(5, 3\)"
    )
    with pytest.raises(ValueError, match="`z` " + said):
        prior.log_prob(params, jnp.zeros((5, 3)))
    with pytest.raises(ValueError, match=r"`z` must .* got \(\)"):
        prior.log_prob(params, jnp.zeros(()))
    if prior.kl:
        with pytest.raises(ValueError, match="`mean` " + said):
            prior.kl(params, jnp.zeros((5, 3)), jnp.zeros((5, 3)))
        said = (
            r"`logvar(_q)?` must have the shape of `mean(_q)?`, \(5, 2\); got \(1, 2\)"
        )
        with pytest.raises(ValueError, match=said):
            prior.kl(params, jnp.zeros((5, 2)), jnp.zeros((1, 2)))


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: priors.standard(0), "`latent_dim` must be at least 1; got 0"),
        (lambda: priors.diagonal(-1), "`latent_dim` must be at least 1; got -1"),
        (lambda: priors.mixture(0, 2), "`latent_dim` must be at least 1; got 0"),
        (lambda: priors.mixture(2, 0), "`num_components` must be at least 1; got 0"),
    ],
)
def test_refuses_sizes_of_nothing(build, said):
    with pytest.raises(ValueError, match=said):
        build()


@pytest.mark.parametrize(("mean", "logvar"), [(0.0, 0.0), (1.5, -0.7)])
def test_a_prior_that_equals_the_posterior_costs_nothing_at_any_sample(mean, logvar):
    """No noise around 0: the densities are one computation on one sample."""
    means, logvars = np.full((500, 2), mean), np.full((500, 2), logvar)
    z = gaussian.reparameterize(jax.random.key(1), means, logvars)
    row = {"mean": means[0], "logvar": logvars[0]}
    one = {"means": means[:1], "logvars": logvars[:1], "logits": np.ones(1)}
    three = {"means": means[:3], "logvars": logvars[:3], "logits": np.arange(3.0)}
    cases = [
        (priors.diagonal(2), row, 0),
        (priors.mixture(2, 1), one, 0),
        # three times the same: the sum of its weights rounds
        (priors.mixture(2, 3), three, 2e-6),
    ]
    if mean == 0:
        cases += [
            (priors.standard(2), {}, 0),
            (priors.autoregressive(2, 2, 0.0), {}, 0),
        ]
    for prior, params, tolerance in cases:
        params = jax.tree.map(jnp.float32, params)
        found = jax.jit(partial(priors.sampled_kl, prior))(params, z, means, logvars)
        np.testing.assert_allclose(found, 0, atol=tolerance)
