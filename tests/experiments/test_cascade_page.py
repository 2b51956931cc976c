"""The cascade of collapse: its data, what is observed, and claims that can fail."""

import itertools

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from experiments import collapse_cascade as page
from experiments._claims import collapse_cascade as claims
from vae_jax import analytic, assembly, figures, training
from vae_jax.vae import VAE, DiagGaussian, Knobs

SPECTRUM = np.array([1.0, 0.9, 0.8, 0.7, 0.6])
VARIANCES = np.round(np.arange(0.65, 1.06, 0.04), 2)


def test_the_mixture_has_the_covariance_of_the_recipe():
    """Within the standard errors of a sample's eigenvalues, l sqrt(2 / n)."""
    train, validation, test = page.mixture(20_000)
    assert train.dtype == np.float32
    assert len(validation) == len(test) == 1024
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-6)
    found = np.linalg.eigvalsh(np.cov(train.T))[::-1]
    right = np.exp(-0.1 * np.arange(8))
    np.testing.assert_array_less(np.abs(found / right - 1), 5 * np.sqrt(2 / 20_000))


def test_the_mixture_has_two_modes_along_its_direction():
    """Its kurtosis is -2 a^4, that of two Gaussians at +-a with a variance of 1.

    Eigenvectors have no sign, so that all signs are tried; the standard error is 0.011.
    """
    train, *_ = page.mixture(200_000)
    values, vectors = np.linalg.eigh(np.cov(train.T))
    white = train @ vectors / np.sqrt(values)
    signs = np.array(list(itertools.product((-1, 1), repeat=7)))
    ones = np.hstack([np.ones((128, 1)), signs]) / np.sqrt(8)
    excess = [np.mean((white @ one) ** 4) - 3 for one in ones]
    assert min(excess) == pytest.approx(-2 * 0.5**4, abs=0.04)


def test_the_staircase_is_that_of_the_specification():
    plan = page.plan_of(smoke=False, paper=False)
    assert len(plan.variances) == 21
    assert (plan.variances[0], plan.variances[-1]) == (0.65, 1.05)
    assert len(plan.row) == plan.ends[-1] == 36_000
    # before and after the first riser
    np.testing.assert_allclose(plan.row[5999:6001], [0.65, 0.67])
    paper = page.plan_of(smoke=False, paper=True)
    assert len(paper.variances) == 401
    assert paper.ends[:2] == [60_000, 75_000]


def test_a_run_has_the_variances_as_betas():
    plan = page.plan_of(smoke=True, paper=False)
    config = page.configs_of(plan)[0].changed(hidden=(8, 8))
    job = page.make_job(plan)(config)
    np.testing.assert_allclose(job.hyper.beta, plan.row)
    assert float(assembly.kit(config).knobs.variance) == 1.0
    assert isinstance(job.program, training.Program)


def exact_model(spectrum, units, variance):
    """The linear VAE at its optimum, as functions: directions are the axes."""
    best = analytic.linear_vae_optimum(spectrum, units, 1.0, variance)
    weights = np.diag(np.asarray(best.weights)) @ np.eye(units, len(spectrum))
    encoder = np.diag(np.asarray(best.encoder)) @ np.eye(units, len(spectrum))
    spread = jnp.log(best.posterior_variance)

    def encode(params, x, *, key=None, knobs=None):
        return DiagGaussian(
            x @ encoder.T.astype(np.float32), jnp.broadcast_to(spread, (len(x), units))
        )

    def decode(params, z, x=None, *, key=None, knobs=None):
        return z @ weights.astype(np.float32), jnp.zeros(())

    return VAE(lambda key: {}, encode, decode), best


@pytest.mark.parametrize(
    ("variance", "residual"),
    [
        (0.65, 0.65**2 / 0.7),
        (0.75, 0.75**2 / 0.8),
        (0.88, 0.8800**2 / 0.9),
        (0.99, 0.9801),
    ],
)
def test_the_exact_linear_vae_is_observed_as_theory_says(variance, residual):
    # a set whose covariance is the spectrum exactly
    rng = np.random.default_rng(0)
    white = rng.normal(size=(4000, 5))
    white = np.linalg.qr(white - white.mean(axis=0))[0] * np.sqrt(4000)
    x = (white * np.sqrt(SPECTRUM)).astype(np.float32)
    vae, best = exact_model(SPECTRUM, 4, variance)

    class Data:
        train = x

    found = page.observer(vae, Knobs())({}, None, None, Data)
    np.testing.assert_allclose(found["kl"], best.kl, atol=1e-4)
    np.testing.assert_allclose(
        found["posterior_variance"], best.posterior_variance, atol=1e-5
    )
    assert float(found["residual"]) == pytest.approx(residual, abs=1e-4)
    assert page.residual_theory(SPECTRUM, variance) == pytest.approx(residual)


def exact_stages(lag=0.0):
    """Rows of the linear theory itself, with two seeds."""
    rows = []
    for seed in (0, 1):
        for variance in VARIANCES:
            best = analytic.linear_vae_optimum(SPECTRUM, 4, 1.0, float(variance))
            residual = page.residual_theory(SPECTRUM, variance)
            for unit in range(4):
                rows.append(
                    {"seed": seed, "variance": variance, "unit": unit}
                    | {"kl": float(best.kl[unit]), "kl_theory": float(best.kl[unit])}
                    | {"posterior_variance": 0.5, "posterior_theory": 0.5}
                    | {"active": int((SPECTRUM[:4] > variance - lag).sum())}
                    | {"active_theory": int(best.active.sum())}
                    | {"residual": residual, "residual_theory": residual}
                )
    return pd.DataFrame(rows)


def fails(stages):
    verdicts = claims.verdicts(stages, SPECTRUM[:4])
    return [one.claim for one in verdicts if not one.holds]


def test_the_truth_holds():
    assert fails(exact_stages()) == []


@pytest.mark.parametrize(("share", "holds"), [(0.9995, False), (1.0005, True)])
def test_a_unit_may_be_called_collapsed_where_theory_leaves_it_nothing(share, holds):
    """From `l exp(-0.002)` on it has the 0.001 nats of a collapsed one, and not before."""
    place = SPECTRUM[2] * np.exp(-2e-3) * share
    falls = [0.1, SPECTRUM[3] + 0.01, place, SPECTRUM[1] + 0.01, SPECTRUM[0] + 0.01]
    stages = pd.DataFrame(
        {"seed": 0, "variance": falls, "unit": 0, "active": [4, 3, 2, 1, 0]}
    )
    found = [one.holds for one in claims.places(stages, SPECTRUM[:4])]
    assert found == [True, holds, True, True]


def test_a_late_collapse_is_found():
    found = fails(exact_stages(lag=0.09))
    assert sum("collapses where the variance passes" in claim for claim in found) == 4


@pytest.mark.parametrize(
    ("column", "variance", "value", "words"),
    [
        ("active", 0.89, 4, "none comes back"),
        ("active", 1.05, 1, "all units are collapsed"),
        ("kl", 0.73, 0.5, "is that of the linear theory, at every"),
        ("residual", 0.85, 0.95, "no eigenvalue of the residual is above"),
        ("residual", 0.85, 0.7, "largest eigenvalue is that"),
    ],
)
def test_every_claim_can_fail(column, variance, value, words):
    stages = exact_stages()
    at = (stages["variance"] == variance) & (stages["seed"] == 1)
    assert at.any()
    stages.loc[at, column] = value
    assert any(words in claim for claim in fails(stages))


def test_units_are_in_the_order_of_their_kl():
    runs = pd.DataFrame(
        {
            "seed": [0],
            "snapshots/kl": [[np.array([0.0, 0.2, 0.1, 0.0]), np.zeros(4)]],
            "snapshots/posterior_variance": [
                [np.array([1.0, 0.7, 0.8, 0.9]), np.ones(4)]
            ],
            "snapshots/residual": [[0.6, 1.0]],
        }
    )
    plan = page.Plan(10, np.array([0.65, 1.05]), 1, 1)
    stages = page.stages_of(runs, plan, SPECTRUM)
    assert stages["kl"].tolist()[:4] == [0.2, 0.1, 0.0, 0.0]
    assert stages["posterior_variance"].tolist()[:2] == [0.7, 0.8]
    assert stages["active"].tolist() == [2] * 4 + [0] * 4
    assert stages["residual"].tolist() == [0.6] * 4 + [1.0] * 4


def test_the_figure_and_the_animation_show_the_rows(tmp_path):
    stages = exact_stages()
    figure = figures.cascade_figure(stages, SPECTRUM)
    steps, kl, _, stability = figure.axes
    np.testing.assert_allclose(
        steps.lines[1].get_ydata(),
        stages[(stages["seed"] == 0) & (stages["unit"] == 0)]["active"],
    )
    np.testing.assert_allclose(
        kl.lines[0].get_ydata(),
        stages[(stages["seed"] == 0) & (stages["unit"] == 0)]["kl_theory"],
    )
    np.testing.assert_allclose(*stability.lines[0].get_xydata().T)
    frame = figures.cascade_frame(stages, SPECTRUM, VARIANCES[3])
    bars, units = frame.axes
    assert [bar.get_height() for bar in bars.patches[:5]] == SPECTRUM.tolist()
    assert "0.77: 3 units active" in bars.get_title("left")
    assert len(units.lines) == 8
    stages.to_csv(tmp_path / "stages.csv", index=False)
    pd.DataFrame({"eigenvalue": SPECTRUM}).to_csv(tmp_path / "spectrum.csv")
    page.draw_page(tmp_path, tmp_path / "cascade.png")
    with Image.open(tmp_path / "cascade.gif") as moving:
        assert moving.n_frames == len(VARIANCES)
    assert {"cascade.png", "cascade.svg", "cascade.pdf"} <= {
        path.name for path in tmp_path.iterdir()
    }
