"""The thresholds of Wang & Ziyin: their model, their theory, and the page's verdicts."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

from experiments import collapse_thresholds as page
from experiments._claims.collapse_thresholds import verdicts_of
from experiments._parts import threshold_images as pictured
from experiments._parts import wang_ziyin as paper
from vae_jax import assembly, figures, gaussian, userdata
from vae_jax.configs import from_mapping

# the closed form at the paper's beta, from an independent implementation: total,
# reconstruction, beta KL
KNOWN = {
    1.0: (7.287, 2.500, 4.787),
    2.0: (11.302, 4.500, 6.802),
    4.0: (16.560, 8.500, 8.060),
    8.0: (22.301, 14.500, 7.801),
    16.0: (26.570, 23.000, 3.570),
}


def test_theory_is_that_of_the_paper():
    for beta, known in KNOWN.items():
        found = page.theory_of(paper.THRESHOLDS, 5, [beta])
        names = "total", "reconstruction", "weighted_rate"
        np.testing.assert_allclose([found[n][0] for n in names], known, atol=6e-4)


def test_theory_is_a_minimum_unit_by_unit():
    """By a search over the weights and the variance of one unit on its own eigenvalue."""

    def loss(free, eigenvalue, beta):
        w, v, d = free[0], free[1], np.exp(free[2])
        error = (1 - w * v) ** 2 * eigenvalue + w**2 * d
        return error / 2 + beta * (d - free[2] - 1 + v**2 * eigenvalue) / 2

    for beta in (2.0, 10.0):
        total = 0.0
        for own in paper.THRESHOLDS:
            best = optimize.minimize(loss, [1.0, 0.3, -1.0], (own, beta), tol=1e-12)
            total += best.fun
        found = page.theory_of(paper.THRESHOLDS, 5, [beta])["total"][0]
        assert found == pytest.approx(total, abs=1e-6)


def test_with_three_units_the_smallest_eigenvalues_are_lost():
    whole, three = (page.theory_of(paper.THRESHOLDS, n, [6.0]) for n in (5, 3))
    # 4 and 1 are below 6: units on them would be collapsed anyway
    assert three["total"][0] == pytest.approx(whole["total"][0])
    assert three["std"].shape == (1, 3)
    lost = page.theory_of(paper.THRESHOLDS, 3, [0.0])["reconstruction"][0]
    assert lost == pytest.approx((4 + 1) / 2, abs=1e-6)


def test_the_sample_is_as_said():
    rows = paper.sample().train.images
    assert rows.shape == (4096, 5)
    assert rows.dtype == np.float32
    # five standard errors of a variance
    spread = 5 * np.sqrt(2 / 4096)
    np.testing.assert_allclose(rows.var(axis=0), paper.THRESHOLDS, rtol=spread)
    assert (paper.sample().train.images == rows).all()


def test_the_linear_model_is_what_it_says():
    held = userdata.hold(paper.sample())
    config = from_mapping(
        {**page.BASE, **page.ARMS["linear"], "dataset": held.dataset, "beta": 2.0}
    )
    vae = assembly.kit(config).vae
    params = vae.init(jax.random.key(0))
    x = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)
    own = params["encoder"]
    own = own | {"bias": jnp.arange(5.0)}
    posterior = vae.encode({**params, "encoder": own}, x)
    np.testing.assert_allclose(posterior.mean, x @ own["mean"], rtol=1e-5)
    expected = x @ np.asarray(own["logvar"]) + np.arange(5.0)
    np.testing.assert_allclose(posterior.logvar, expected, rtol=1e-5, atol=1e-6)
    z = np.ones((2, 5), np.float32)
    decoded = vae.decode(params, z)
    weights = np.asarray(params["decoder"]["weights"])
    np.testing.assert_allclose(decoded.mean, z @ weights, rtol=1e-6)
    assert float(decoded.logvar) == 0.0
    bounds = [np.abs(own["mean"]).max(), np.abs(weights).max()]
    assert 0.5 / 5**0.5 < min(bounds) <= max(bounds) <= 1 / 5**0.5


def optimal_params(beta):
    """The optimum in the model's own parameters."""
    eigen = paper.THRESHOLDS
    kept = np.sqrt(np.maximum(eigen - beta, 0))
    variance = np.minimum(1, beta / eigen)
    return {
        "encoder": {
            "mean": jnp.asarray(np.diag(kept / eigen), jnp.float32),
            "logvar": jnp.zeros((5, 5)),
            "bias": jnp.asarray(np.log(variance), jnp.float32),
        },
        "decoder": {"weights": jnp.asarray(np.diag(kept), jnp.float32)},
    }


def test_the_model_reaches_the_theory_at_the_known_optimum():
    """On data whose covariance is exactly diagonal: the loss by hand, within its errors."""
    rows = paper.sample().train.images.astype(np.float64)
    rows -= rows.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(rows.T, ddof=0))
    white = rows @ vectors / np.sqrt(values)
    x = jnp.asarray(white * paper.SINGULAR_VALUES, jnp.float32)
    vae = paper.linear(Latent(), (5,))
    for beta in (1.0, 6.0, 26.0):
        params = optimal_params(beta)
        mean, logvar = vae.encode(params, x)
        keys = jax.random.split(jax.random.key(1), len(x))
        z = jax.vmap(gaussian.reparameterize)(keys, mean, logvar)
        error = jnp.sum(jnp.square(x - vae.decode(params, z).mean), axis=1) / 2
        loss = np.asarray(error + beta * gaussian.kl_standard(mean, logvar).sum(axis=1))
        expected = page.theory_of(paper.THRESHOLDS, 5, [beta])["total"][0]
        # the noise alone: of the examples themselves the moments are exact
        assert loss.mean() == pytest.approx(expected, abs=5 * float(loss.std()) / 64)


class Latent:
    latent_dim = 5


@pytest.fixture
def rows():
    """Rows of runs that are the theory itself."""
    runs = []
    for arm, fields in page.ARMS.items():
        units = fields["latent_dim"]
        for beta in page.BETAS:
            best = page.theory_of(paper.THRESHOLDS, units, [beta])
            run = {"arm": arm, "beta": beta, "seed": 0, "std spread": 0.0}
            run |= {n: best[n][0] for n in ("total", "reconstruction", "weighted_rate")}
            run |= {f"{n} theory": run[n] for n in list(run)[4:]}
            run |= {"total exact": run["total"], "rate": run["weighted_rate"]}
            for i in range(5):
                value = best["std"][0][i] if i < units else np.nan
                run |= {f"std {i + 1}": value, f"std {i + 1} theory": value}
            runs.append(run)
    return page.pd.DataFrame(runs)


def test_every_claim_holds_of_the_theory(rows):
    assert all(one.holds for one in verdicts_of(rows, paper.authors()))


@pytest.mark.parametrize(
    ("column", "factor", "claim"),
    [
        ("total", 1.031, "lies on the theory line"),
        ("total", 1.011, "off by rounding"),
        ("std 1", 1.1, "standard deviation is min"),
        ("std 3", 0.9, "number of collapsed units"),
        ("rate", 1e4, "beyond the largest eigenvalue"),
        ("std spread", None, "same for every x"),
    ],
)
def test_every_claim_can_fail(rows, column, factor, claim):
    if factor is None:
        rows.loc[rows["beta"] == 7, column] = 0.03
    elif column == "rate":
        rows.loc[rows["beta"] == 28, column] = 0.011
    else:
        rows[column] *= factor
    failed = [one.claim for one in verdicts_of(rows, paper.authors()) if not one.holds]
    assert any(claim in one for one in failed)


def test_the_authors_rows_are_judged(rows):
    published = paper.authors()
    assert len(published) == 31
    # rec + beta KL is the total, in their file too
    parts = published["reconstruction"] + published["weighted_rate"]
    np.testing.assert_allclose(parts, published["total"], atol=2e-4)
    published.loc[10, "total"] *= 1.05
    failed = [one for one in verdicts_of(rows, published) if not one.holds]
    assert [one.claim[:11] for one in failed] == ["the authors"]


def test_modes_are_counted_against_the_eigenvalues(rows):
    runs = page.pd.DataFrame(
        {"beta": [1.0, 3.0, 30.0], "seed": 0, "active_units": [5, 4, 0], "rate": 1.0}
    )
    spectrum = np.array([20.0, 12.0, 4.1, 3.4, 2.6, 2.4, 0.1])
    modes = pictured.modes_of(runs, spectrum)
    assert modes["predicted"].tolist() == [5, 4, 0]
    authors = paper.authors()
    assert verdicts_of(rows, authors, modes)[-1].holds
    assert not verdicts_of(rows, authors, modes.assign(active_units=5))[-1].holds


def test_the_figure_shows_theory_runs_and_images(rows):
    images = {"3": np.zeros((4, 6, 6), np.uint8), "25": np.zeros((4, 6, 6), np.uint8)}
    modes = page.pd.DataFrame({"beta": [3.0, 3.0, 25.0], "active_units": [4, 5, 0]})
    figure = figures.thresholds_figure(
        rows, paper.authors(), paper.THRESHOLDS, images, modes
    )
    panels = figure.subfigs[0].axes
    assert [axes.get_title("left") for axes in panels[:3]] == list(page.ARMS)
    # the line of the total, then its mean over seeds
    own = rows[rows["arm"] == "linear"]
    np.testing.assert_allclose(panels[0].lines[0].get_ydata(), own["total theory"])
    titles = [axes.get_title() for axes in figure.subfigs[1].axes]
    assert titles == [r"$\beta$ = 3: 4/5 units", r"$\beta$ = 25: 0 units"]
    figure.savefig(io.BytesIO(), dpi=30)


def test_missing_images_are_named(monkeypatch, capsys, tmp_path):
    def absent(name, folder=None):
        raise FileNotFoundError(f"{name} is nowhere")

    monkeypatch.setattr(pictured.data, "load_dataset", absent)
    assert pictured.of_images(False, None, (0,)) == []
    assert "Left out: the images of fashion_mnist" in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match="mnist is nowhere"):
        pictured.of_images(True, None, (0,))
    with pytest.raises(FileNotFoundError, match="fashion_mnist is nowhere"):
        pictured.of_images(False, tmp_path, (0,))
