"""Members that are told a label: their row again, what they take, and what they refuse."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from families import SMALL, TEXT, stored_run
from slow_cases import slow_but

import vae_jax
from vae_jax import Conditioned, assembly, models, sweeps, userdata
from vae_jax.cli._main import main
from vae_jax.configs import Run
from vae_jax.trained import _draw

PRECISE = 1e-6
NAMES = ("alpha", "bravo", "delta")
SMALLER = {"batch_size": 10, "eval_samples": 4}
GAUSSIAN = {"likelihood": "gaussian", "latent_dim": 2, **SMALLER}
TOLD = {"condition": "label", "condition_prior": True, "condition_width": 3}
ALL = {
    "linear": {"model": "linear", **GAUSSIAN},
    "mixture prior": {"hidden": (8,), "prior": "mixture", **GAUSSIAN},
    "batch norm": {"hidden": (8,), "posterior": "batch_norm", **GAUSSIAN},
    "reads": {"model": "autoregressive", "hidden": (8,), **GAUSSIAN},
    "blind encoder": {"model": "linear", "condition_encoder": False, **GAUSSIAN},
}


def held(event=(6,)):
    rng = np.random.default_rng(3)
    labels = np.arange(90) % len(NAMES)
    x = rng.normal(size=(90, *event)) + labels.reshape(-1, *[1] * len(event))
    made = userdata.from_arrays(x, labels=[np.array(NAMES)[labels]], values="real")
    return userdata.hold(made).dataset


@pytest.fixture(scope="module")
def member(tmp_path_factory):
    run = Run.of(dataset=held(), model="linear", **GAUSSIAN, **TOLD)
    return vae_jax.open_run(stored_run(tmp_path_factory.mktemp("c") / "run", [run]))[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_the_row_and_its_verdict_are_measured_again(name, tmp_path):
    run = Run.of(**{**SMALL, "hidden": None, "dataset": held(), **TOLD, **ALL[name]})
    sweeps.run([run], tmp_path / "run", sweeps.Options(progress=False))
    member = vae_jax.open_run(tmp_path / "run")[0]
    row = member.row
    found = member.evaluate()
    assert "conditional_information" in found
    for metric, value in found.items():
        scale = max(row["rate"], 1.0)
        np.testing.assert_allclose(
            value, row[metric], rtol=PRECISE, atol=PRECISE * scale, err_msg=metric
        )
    report, verdict = member.report()
    assert isinstance(report, vae_jax.diagnostics.ConditionalReport)
    assert (verdict.label, list(verdict.reasons)) == (row["verdict"], row["reasons"])
    split = member.dataset.test
    told = [NAMES[label] for label in split.labels]
    again = member.evaluate(split.images, condition=told)
    assert again["nll"] == pytest.approx(row["nll"], rel=PRECISE)
    bound = member.log_likelihood(split.images, condition=told)
    assert -np.mean(bound) == pytest.approx(row["nll"], rel=PRECISE)
    rate = np.mean(member.rate(split.images, condition=told))
    assert rate == pytest.approx(row["rate"], rel=PRECISE, abs=PRECISE)


def test_it_computes_what_the_model_does_at_the_condition(member):
    x, labels = (part[:5] for part in member.dataset.test)
    kit, params = assembly.kit(member.run), member.placed
    pair = Conditioned(jnp.asarray(x), jnp.asarray(labels))
    wanted = kit.vae.encode(params, pair, knobs=member.knobs)
    found = member.encode(x, condition=labels)
    np.testing.assert_allclose(found.mean, wanted.mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.logvar, wanted.logvar, rtol=1e-5, atol=1e-6)
    # by name, and at another condition than it was encoded with
    for told, name in enumerate(NAMES):
        at = models.given(kit.vae, jnp.full(5, told))
        decoded = at.decode(params, found.mean, knobs=member.knobs).mean
        shown = member.decode(found.mean, condition=name)
        np.testing.assert_allclose(shown, decoded, rtol=1e-5, atol=1e-6)
    again = member.reconstruct(x, condition=labels)
    np.testing.assert_allclose(
        again, member.decode(found.mean, condition=labels), rtol=1e-5, atol=1e-6
    )


def test_samples_are_of_the_condition(member):
    key = jax.random.key(0)
    mixed = member.sample(key, 4, condition=["delta", "alpha", "delta", "bravo"])
    alone = member.sample(key, 4, condition="delta")
    # the noise is the same: where the condition is, so is the sample
    np.testing.assert_array_equal(mixed[0], alone[0])
    np.testing.assert_array_equal(mixed[2], alone[2])
    assert not np.allclose(mixed[1], alone[1])
    np.testing.assert_array_equal(alone, member.sample(key, 4, condition=2))


def test_a_path_is_of_one_condition(member):
    x = member.dataset.test.images[:4]
    path = np.asarray(member.interpolate(x[:2], x[2:], 3, condition=["bravo", "delta"]))
    assert path.shape == (2, 3, 6)
    ends = member.reconstruct(x[:2], condition=["bravo", "delta"])
    np.testing.assert_allclose(path[:, 0], ends, rtol=1e-5, atol=1e-6)


LISTED = r"They are 0 \('alpha'\), 1 \('bravo'\), 2 \('delta'\)"


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (None, rf"`condition` must be given.*condition='label'.*got none. {LISTED}"),
        ("bravoo", rf"got 'bravoo'\. Did you mean `bravo`\?.*{LISTED}"),
        (3, rf"must be labels that training had; got 3. {LISTED}"),
        ([0, -1, 0, 0], rf"got -1. {LISTED}"),
        ([0, 1], r"one label an example, \(4,\), or one for all; got the shape \(2,\)"),
        (0.5, r"whole numbers or names; got float64"),
    ],
)
def test_a_condition_that_is_missing_or_unknown_is_refused(member, condition, message):
    x = member.dataset.test.images[:4]
    for call in (member.encode, member.reconstruct, member.log_likelihood):
        with pytest.raises(ValueError, match=message):
            call(x, condition=condition)
    with pytest.raises(ValueError, match=message):
        member.sample(jax.random.key(0), 4, condition=condition)
    with pytest.raises(ValueError, match=message):
        member.decode(np.zeros((4, 2)), condition=condition)
    with pytest.raises(ValueError, match=message):
        member.evaluate(x, condition=condition)


def test_one_where_there_is_nothing_to_tell_is_refused(member, tmp_path):
    with pytest.raises(ValueError, match="`condition` is of the examples `x`"):
        member.evaluate(condition="bravo")
    run = Run.of(dataset=held(), model="linear", **GAUSSIAN)
    plain = vae_jax.open_run(stored_run(tmp_path / "run", [run]))[0]
    with pytest.raises(ValueError, match="trained with one; this one has condition='n"):
        plain.encode(plain.dataset.test.images, condition="bravo")


@pytest.mark.parametrize(
    "name", slow_but(["pixels"], ["pixels", "pixelcnn", "lstm", "transformer"])
)
def test_what_is_drawn_step_by_step_is_the_whole_model(name, tmp_path):
    """A quick way to draw has the images of `models.sample` of the model at its labels."""
    settings = {
        "pixels": {"model": "autoregressive", "hidden": (4,)},
        "pixelcnn": {"model": "pixelcnn", "hidden": (4, 4)},
        "lstm": TEXT | {"model": "lstm", "hidden": (4,), "embedding": 3},
        "transformer": TEXT | {"model": "transformer", "hidden": (4, 4)},
    }[name]
    settings.setdefault("likelihood", "bernoulli")
    sentences = settings["likelihood"] == "categorical"
    given = {} if sentences else {"dataset": pictures()}
    run = Run.of(**{**settings, **given, "latent_dim": 2, **SMALLER, **TOLD})
    facts = assembly.facts_of(run.data.load())
    facts = facts._replace(num_labels=3)
    vae = assembly.model(run, facts)
    shapes = jax.eval_shape(vae.init, jax.random.key(0))
    draw = np.random.default_rng(0).normal
    params = jax.tree.map(lambda s: jnp.asarray(draw(size=s.shape), s.dtype), shapes)
    keys, z = jax.random.split(jax.random.key(1), 4), draw(size=(4, 2))
    z = jnp.asarray(z, jnp.float32)
    told = jnp.array([0, 2, 1, 2], jnp.int32)
    knobs = run.on_device().knobs()

    def drawn(known):
        return _draw.draw_examples(
            known, facts, vae, knobs, params, keys, z, told, 0.0, 1.0
        )

    quick = np.asarray(drawn(run))
    at = models.given(vae, told)
    if sentences:
        length = facts.event_shape[0]
        steps = _draw.whole_decoding(at, length, knobs)
        wanted = models.generate(keys, steps, params, z, length, temperature=0.0)
    else:
        family = run.likelihood.density(facts)
        wanted = models.sample(
            keys, at, family, params, z, facts.event_shape, knobs=knobs
        )
    np.testing.assert_array_equal(quick, wanted)


def pictures():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (30, 4, 4))
    made = userdata.from_arrays(x, labels=[np.arange(30) % 3])
    return userdata.hold(made).dataset


@pytest.mark.slow
@pytest.mark.parametrize("name", ["linear", "reads"])
def test_an_export_takes_the_condition(name, tmp_path):
    run = Run.of(**{"dataset": held(), **TOLD, **ALL[name]})
    member = vae_jax.open_run(stored_run(tmp_path / "run", [run]))[0]
    folder = member.export(tmp_path / "out")
    x, labels = (part[:5] for part in member.dataset.test)

    def load(part):
        content = bytearray((folder / f"{part}.bin").read_bytes())
        return jax.export.deserialize(content).call

    seen = load("prepare")(x)
    mean, logvar = load("encoder")(seen, labels)
    wanted = member.encode(x, condition=labels)
    np.testing.assert_allclose(mean, wanted.mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logvar, wanted.logvar, rtol=1e-5, atol=1e-6)
    reads = (seen,) if member.reads_data else ()
    decoded, _ = load("decoder")(mean, *reads, labels)
    shown = member.decode(mean, x if reads else None, condition=labels)
    np.testing.assert_allclose(decoded, shown, rtol=1e-5, atol=1e-6)
    card = (folder / "card.md").read_text()
    assert "label of each example: 0 (alpha), 1 (bravo), 2 (delta)" in card
    assert "condition = np.full(2, 0, np.int32)" in card


@pytest.fixture
def in_a_folder(member, tmp_path, monkeypatch):
    monkeypatch.setattr("vae_jax.sweeps.setup_jax", lambda devices=None: None)
    monkeypatch.chdir(tmp_path)
    return stored_run(tmp_path / "run", [member.run])


def use(*words):
    main(["use", *map(str, words)])


def test_the_command_line_takes_a_condition(member, in_a_folder):
    use(in_a_folder, "sample", "--condition", "bravo", "--count", 3, "--out", "s.npz")
    wanted = member.sample(jax.random.key(0), 3, condition="bravo")
    np.testing.assert_array_equal(np.load("s.npz")["samples"], wanted)
    use(in_a_folder, "encode", "--condition", "1", "--out", "e.npz")
    assert set(np.load("e.npz")["labels"]) == {1}
    use(in_a_folder, "encode", "--out", "all.npz")
    found, split = np.load("all.npz"), member.dataset.test
    posterior = member.encode(split.images, condition=split.labels)
    np.testing.assert_array_equal(found["mean"], posterior.mean)
    use(in_a_folder, "interpolate", "--count", 2, "--out", "i.npz")
    paths = np.load("i.npz")
    rows = [np.flatnonzero((split.images == x).all(axis=1))[0] for x in paths["x_a"]]
    ends = [np.flatnonzero((split.images == x).all(axis=1))[0] for x in paths["x_b"]]
    # both ends of a path have one label
    np.testing.assert_array_equal(split.labels[rows], split.labels[ends])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sample"], "`condition` must be given"),
        (["sample", "--condition", "bravoo"], "got 'bravoo'. Did you mean `bravo`?"),
        (
            ["reconstruct", "--condition", "7"],
            "training had; got 7. They are 0 ('alpha')",
        ),
        (["export", "--condition", "bravo"], "`condition` is of encode or sample or"),
        (
            ["encode", "--condition", "bravo", "--count", "99"],
            "with the condition 'bravo'",
        ),
    ],
)
def test_the_command_line_refuses_it_in_one_line(in_a_folder, capsys, words, message):
    with pytest.raises(SystemExit):
        use(in_a_folder, *words, "--out", "out" if "export" in words else "a.npz")
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not Path("a.npz").exists()


AGE = np.random.default_rng(1).uniform(20, 80, 60)
DRUG = np.array(["low", "high"])[np.arange(60) % 2]


@pytest.fixture(scope="module")
def covered(tmp_path_factory):
    """A member that is told an age and a drug."""
    x = np.random.default_rng(2).normal(size=(60, 4))
    made = userdata.from_arrays(
        x, values="real", conditions=[{"age": AGE, "drug": DRUG}]
    )
    settings = {"model": "linear", **GAUSSIAN, "condition": "covariates"}
    run = Run.of(dataset=userdata.hold(made).dataset, **settings, condition_prior=True)
    return vae_jax.open_run(stored_run(tmp_path_factory.mktemp("v") / "run", [run]))[0]


def test_covariates_are_given_as_they_stand_in_the_file(covered):
    x, told = covered.dataset.test.images[:3], covered.dataset.covariates
    vectors = told.values[2][:3]
    columns = told.returned(vectors)
    kit = assembly.kit(covered.run)
    pair = Conditioned(jnp.asarray(x), jnp.asarray(vectors))
    wanted = kit.vae.encode(covered.placed, pair, knobs=covered.knobs)
    found = covered.encode(x, condition=columns)
    np.testing.assert_allclose(found.mean, wanted.mean, rtol=1e-5, atol=1e-6)
    # one for all, beside one an example
    mixed = covered.decode(found.mean, condition={"age": 40, "drug": ["low"] * 3})
    alone = covered.decode(found.mean, condition={"age": 40.0, "drug": "low"})
    np.testing.assert_array_equal(mixed, alone)
    other = covered.decode(found.mean, condition={"age": 41.0, "drug": "low"})
    assert not np.allclose(alone, other)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (
            None,
            r"must be given.*'covariates'.*They are age \(a number\), drug \(high, lo",
        ),
        ({"age": 3}, "must have each of age, drug and no other; got age"),
        ({"age": 3, "drug": "mid"}, "'drug' of a condition must be one of high, low"),
        ({"age": "old", "drug": "low"}, "'age' of a condition must be numbers"),
        (
            {"age": [1, 2], "drug": "low"},
            r"one 'age' an example, \(3,\), or one for all",
        ),
        (np.zeros((3, 2)), "must be values by name of each of age, drug"),
    ],
)
def test_covariates_that_are_missing_or_unknown_are_refused(
    covered, condition, message
):
    with pytest.raises(ValueError, match=message):
        covered.decode(np.zeros((3, 2)), condition=condition)


def test_the_command_line_takes_covariates(covered, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("vae_jax.sweeps.setup_jax", lambda devices=None: None)
    monkeypatch.chdir(tmp_path)
    folder = stored_run(tmp_path / "run", [covered.run])
    use(folder, "sample", "--condition", "age=40,drug=low", "--out", "s.npz")
    told = {"age": 40, "drug": "low"}
    wanted = covered.sample(jax.random.key(0), 8, condition=told)
    np.testing.assert_array_equal(np.load("s.npz")["samples"], wanted)
    use(folder, "encode", "--out", "e.npz")
    columns = covered.covariates.returned(covered.dataset.covariates.values[2])
    posterior = covered.encode(covered.dataset.test.images, condition=columns)
    np.testing.assert_array_equal(np.load("e.npz")["mean"], posterior.mean)
    for words, message in (
        (["sample", "--condition", "40"], "must name each covariate with its value"),
        (["encode", "--condition", "age=4,drug=low"], "of covariates is of sample"),
        (["interpolate"], "pairs of one condition"),
    ):
        with pytest.raises(SystemExit):
            use(folder, *words, "--out", "no.npz")
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_a_row_with_covariates_is_measured_again_and_exported(covered, tmp_path):
    run = covered.run.changed(num_steps=20, log_every=10)
    sweeps.run([run], tmp_path / "run", sweeps.Options(progress=False))
    member = vae_jax.open_run(tmp_path / "run")[0]
    for metric, value in member.evaluate().items():
        scale = max(member.row["rate"], 1.0)
        np.testing.assert_allclose(
            value, member.row[metric], rtol=PRECISE, atol=PRECISE * scale
        )
    assert member.report().verdict.label == member.row["verdict"]
    assert member.about.covariates.levels == ((), ("high", "low"))
    folder = member.export(tmp_path / "out")
    content = bytearray((folder / "decoder.bin").read_bytes())
    vectors = member.dataset.covariates.values[2][:3]
    z = np.zeros((3, 2), np.float32)
    decoded, _ = jax.export.deserialize(content).call(z, vectors)
    columns = member.covariates.returned(vectors)
    np.testing.assert_allclose(
        decoded, member.decode(z, condition=columns), rtol=1e-5, atol=1e-6
    )
    card = (folder / "card.md").read_text()
    assert "age (a number), drug (high, low)" in card
    assert f"condition_factor = {member.covariates.factor.tolist()}" in card
