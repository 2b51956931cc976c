"""Covariates as conditions: how they are read, told, compared and trained with."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from vae_jax import Conditioned, analytic, assembly, data, diagnostics, userdata
from vae_jax.configs import Run
from vae_jax.training import member_key

RNG = np.random.default_rng(11)
SIZE = 80
X = RNG.normal(size=(SIZE, 3)).astype(np.float32)
AGE = RNG.uniform(20, 80, SIZE)
DRUG = np.array(["none", "low", "high"])[np.arange(SIZE) % 3]
TINY = {"num_steps": 4, "log_every": 2, "batch_size": 16, "eval_samples": 2}
GAUSSIAN = {"likelihood": "gaussian", "model": "linear", "latent_dim": 2, **TINY}
TOLD = {"condition": "covariates", "condition_prior": True}


def of_arrays(**given):
    conditions = [{"age": AGE, "drug": DRUG}]
    return userdata.from_arrays(X, conditions=conditions, values="real", **given)


def check(made, columns=(AGE, DRUG)):
    """Every vector is that of its own example, wherever the example went."""
    told = made.covariates
    train = told.values[0]
    np.testing.assert_allclose(train[:, 0].mean(), 0, atol=1e-6)
    np.testing.assert_allclose(train[:, 0].std(), 1, rtol=1e-5)
    for split, vectors in zip(made[1:4], told.values, strict=True):
        places = [np.abs(X - x).sum(axis=1).argmin() for x in split.images]
        back = told.returned(vectors)
        np.testing.assert_allclose(back["age"], columns[0][places], rtol=1e-5)
        np.testing.assert_array_equal(back["drug"], columns[1][places])
        np.testing.assert_array_equal(told.taken(back, len(vectors)), vectors)


def test_columns_go_with_their_examples():
    made = of_arrays()
    assert made.covariates.names == ("age", "drug")
    assert made.covariates.levels == ((), ("high", "low", "none"))
    assert made.covariates.size == 4
    check(made)
    # other conditions of the same examples are other data
    others = [{"age": AGE + np.arange(SIZE), "drug": DRUG}]
    other = userdata.from_arrays(X, conditions=others, values="real")
    assert userdata.hold(made) != userdata.hold(other)


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "npz"])
def test_files_have_them_as_columns(ending, tmp_path):
    path = tmp_path / f"table.{ending}"
    if ending == "npz":
        np.savez(path, cells=X, age=AGE, drug=DRUG)
    else:
        table = pd.DataFrame(X, columns=["a", "b", "c"]).assign(age=AGE, drug=DRUG)
        if ending == "parquet":
            table.to_parquet(path)
        else:
            table.to_csv(path, index=False, sep="\t" if ending == "tsv" else ",")
    run = Run.of(dataset=str(path), condition_columns=("age", "drug"), **GAUSSIAN)
    made = run.data.load()
    assert made.train.images.shape[1:] == (3,)
    check(made)


def test_cells_have_them_in_obs(tmp_path):
    anndata = pytest.importorskip("anndata")
    obs = pd.DataFrame({"age": AGE, "drug": pd.Categorical(DRUG)})
    obs.index = obs.index.astype(str)
    cells = anndata.AnnData(X, obs=obs)
    cells.write_h5ad(tmp_path / "cells.h5ad")
    path = str(tmp_path / "cells.h5ad")
    run = Run.of(dataset=path, condition_columns=("age", "drug"), **GAUSSIAN)
    check(run.data.load())
    run = Run.of(dataset=path, condition_columns=("sex",), **GAUSSIAN)
    with pytest.raises(ValueError, match="must be columns of `obs`.*got 'sex'"):
        run.data.load()


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ([np.ones(SIZE)], "must vary in training; got 'covariate_0'"),
        ([np.zeros((SIZE, 2, 2))], r"shape \(n,\) or \(n, covariates\)"),
        ([AGE[:9]], r"one 'covariate_0' an example, \(80,\)"),
        ([np.where(AGE > 70, np.nan, AGE)], "'covariate_0' of a condition must be fin"),
        ([AGE, AGE], "one for each of all; got 2"),
    ],
)
def test_what_can_be_no_condition_is_refused(conditions, message):
    with pytest.raises(ValueError, match=message):
        userdata.from_arrays(X, conditions=conditions, values="real")


def test_runs_that_do_not_fit_are_refused():
    plain = userdata.hold(userdata.from_arrays(X, values="real")).dataset
    with pytest.raises(ValueError, match="needs data with covariates.*has none"):
        assembly.job(Run.of(dataset=plain, **TOLD, **GAUSSIAN))
    with pytest.raises(ValueError, match="`condition_bins` must be a power of 2"):
        Run.of(**TOLD, condition_bins=6)
    with pytest.raises(ValueError, match="`condition_columns` is for"):
        Run.of(dataset="x.npy", condition_columns=("age",), likelihood="gaussian")


def test_a_run_is_told_the_vectors():
    made = of_arrays()
    run = Run.of(dataset=userdata.hold(made).dataset, **TOLD, **GAUSSIAN)
    job = assembly.job(run)
    assert isinstance(job.splits.train, Conditioned)
    train = job.splits.train.condition
    np.testing.assert_array_equal(train, made.covariates.values[0])
    vae = assembly.model(run, assembly.facts_of(made))
    params = vae.init(jax.random.key(0))
    assert params["condition"]["decoder"]["code"].shape == (4, 4)
    assert params["condition"]["prior"]["mean"].shape == (4, 2)


MODELS = [
    {"model": "mlp", "hidden": (8,)},
    {"model": "lipschitz", "hidden": (8,)},
    {"model": "autoregressive", "hidden": (8,)},
    {"model": "convolutional", "hidden": (4, 4)},
    {"model": "pixelcnn", "hidden": (4, 4)},
]


def quick_or_slow(model):
    slow = model["model"] in ("autoregressive", "convolutional", "pixelcnn")
    marks = [pytest.mark.slow] if slow else []
    return pytest.param(model, marks=marks, id=model["model"])


@pytest.mark.parametrize("model", [quick_or_slow(model) for model in MODELS])
def test_every_ready_model_is_told_them(model):
    """As shapes, nothing is compiled."""
    images = RNG.integers(0, 2, (SIZE, 8, 8))
    made = userdata.from_arrays(images, conditions=[np.stack([AGE, AGE**2], axis=1)])
    run = Run.of(dataset=userdata.hold(made).dataset, **TOLD, **TINY, **model)
    job, key = assembly.job(run), member_key(0)
    program, given = job.program, (key, job.hyper, job.splits)
    state = jax.eval_shape(program.init, *given)
    after, _ = jax.eval_shape(program.step, state, jnp.asarray(0, jnp.int32), *given)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert "shuffle_within_gap" in jax.eval_shape(program.evaluate, state, *given)


def test_cells_are_those_of_words_and_narrow_bins_of_numbers():
    words = np.eye(4, dtype=np.float32)[np.arange(60) % 4]
    cells = np.asarray(diagnostics.condition_cells(words, 8))
    # more cells than values: those of equal vectors, and of no others
    assert len(np.unique(cells)) == 4
    assert len(np.unique(np.stack([cells, np.arange(60) % 4]), axis=1)[0]) == 4
    numbers = RNG.normal(size=(2000, 1)).astype(np.float32)
    for count in (8, 32):
        cells = np.asarray(diagnostics.condition_cells(numbers, count))
        assert len(np.unique(cells)) == count
        order = np.argsort(numbers[:, 0])
        assert (np.diff(cells[order]) >= 0).all()  # bins of the line
    within = [numbers[cells == one].var() for one in np.unique(cells)]
    assert np.mean(within) < 0.02 * numbers.var()
    # 30 examples a cell by default
    assert len(np.unique(diagnostics.condition_cells(numbers[:250]))) == 8
    with pytest.raises(ValueError, match="`num_cells` must be a power of 2; got 6"):
        diagnostics.condition_cells(numbers, 6)


SPREAD = np.sqrt([4.0, 2.0, 0.5, 0.3])
EXPLAINED = (0.0, 0.8, 0.98)
ACTIVE = (2, 1, 0)
"""Eigenvalues of 4 and 2, less the share explained, above the noise variance of 1."""
STEPS, COUNT = 4000, 400


def linear_set(correlation):
    rng = np.random.default_rng(0)
    told = rng.normal(size=(COUNT, 4))
    told = np.linalg.qr(told - told.mean(axis=0))[0] * np.sqrt(COUNT)
    noise = rng.normal(size=(COUNT, 4))
    x = correlation * told + np.sqrt(1 - correlation**2) * noise
    return (x * SPREAD).astype(np.float32), told * [3.0, 0.1, 10.0, 1.0] + 5


@pytest.mark.slow
@pytest.mark.parametrize("prior", [False, True])
def test_a_trained_linear_cvae_is_at_its_optimum_with_covariates(prior):
    jobs, sets = [], [linear_set(correlation) for correlation in EXPLAINED]
    some = slice(0, 30)  # of no matter: judged by training, as the theory is
    for x, told in sets:
        made = userdata.from_arrays(
            *(x, x[some] + 9, x[some] - 9),
            values="real",
            conditions=[told, told[some], told[some]],
        )
        run = Run.of(
            dataset=userdata.hold(made).dataset,
            **dict(model="linear", latent_dim=2, likelihood="gaussian", variance=1.0),
            **dict(batch_size=COUNT, num_steps=STEPS, learning_rate=0.01),
            **dict(learning_rate_schedule="cosine", precision="highest"),
            **dict(eval_split="train", condition="covariates", condition_prior=prior),
        )
        jobs.append(assembly.job(run))
    program, hyper, key = jobs[0].program, jobs[0].hyper, member_key(0)

    def one(splits):
        def step(state, t):
            return program.step(state, t, key, hyper, splits)[0], None

        state = program.init(key, hyper, splits)
        state, _ = jax.lax.scan(step, state, jnp.arange(STEPS, dtype=jnp.int32))
        return program.evaluate(state, key, hyper, splits)

    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(j.splits for j in jobs))
    found = jax.jit(jax.vmap(one))(stacked)
    for index, (x, told) in enumerate(sets):
        moments = analytic.joint_moments(x, (told - told.mean(0)) / told.std(0))
        best = analytic.linear_cvae_optimum(moments, 2, 1.0, 1.0)
        own = {name: np.asarray(value[index]) for name, value in found.items()}
        elbo = float(best.elbo)
        # at the optimum a step is 0: what is left is the noise of one z an example
        assert own["distortion"] + own["rate"] == pytest.approx(-elbo, rel=0.005)
        assert own["rate"] == pytest.approx(float(best.rate), abs=0.005 * -elbo)
        assert int(np.sum(best.active)) == ACTIVE[index]
        assert int(own["conditional_active_units"]) == ACTIVE[index]
        # at the optimum q(z|c) is the prior, so that all of the rate is information
        error = 3 * float(own["conditional_information_error"])
        says = float(own["conditional_information"])
        assert says == pytest.approx(float(best.rate), abs=error + 0.02)


def test_names_of_splits_and_parts_are_told_apart():
    parts = [{"age": AGE[:60]}, {"age": AGE[60:]}]
    made = userdata.from_arrays(X[:60], X[60:], conditions=parts, values="real")
    assert [len(part) for part in made.covariates.values] == [
        len(split.images) for split in made[1:4]
    ]
    assert isinstance(made, data.Dataset)
