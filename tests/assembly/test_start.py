"""A run may begin with what another run has learnt, and is then another run."""

import jax
import numpy as np
import pytest

from vae_jax import assembly, configs, results, sweeps, training
from vae_jax.configs import Run

SMALL = Run.of(model="linear", latent_dim=2, num_steps=20, log_every=10, eval_samples=1)


def drawn(run, seed):
    vae = assembly.kit(run).vae
    return jax.tree.map(np.asarray, vae.init(jax.random.key(seed)))


def stored(out, run, *trees):
    """A folder of members with these parameters, as a sweep leaves it."""
    mapping = configs.to_mapping(run)
    ids = [f"{out.name}{i}".encode().hex()[:32].zfill(32) for i in range(len(trees))]
    spec = {"configs": [mapping | {"seed": i} for i in range(len(trees))]}
    results.create_or_open(out, {"spec": spec, "versions": {}, "members": ids})
    rows = [
        {"member": i, "member_id": one, "status": "finished", "first_bad_step": None}
        for i, one in enumerate(ids)
    ]
    results.commit_shard(out, rows, trees)
    return out


def begun(run):
    """The train state before the first step."""
    job = assembly.job(run)
    key = training.member_key(run.seed)
    return job.program.init(key, job.hyper, job.splits).train


def assert_same(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(*map(jax.tree.leaves, (one, other)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "settings",
    [
        {"ema_decay": 0.9},
        *(
            pytest.param(case, marks=pytest.mark.slow)
            for case in (
                {},
                {"halve_on_plateau": True},
                {"feedback": "geco", "target": 3.0},
                {"posterior": "batch_norm"},
                {"inference": "aggressive"},
                {"bag_of_words": 1.0},
            )
        ),
    ],
    ids=lambda settings: next(iter(settings), "plain"),
)
def test_it_begins_with_the_parameters_of_the_named_member(tmp_path, settings):
    if "bag_of_words" in settings:  # parameters of a remedy's beside the model's
        base = Run.of(dataset="ten_sequences", model="lstm", likelihood="categorical")
        run = base.changed(hidden=(4,), embedding=4, batch_size=5, **settings)
    else:
        run = SMALL.changed(**settings)
    trees = [drawn(run, seed) for seed in (5, 6)]
    out = stored(tmp_path / "source", run, *trees)
    state = begun(run.changed(init_from=f"{out}:1", seed=3))
    assert_same(state.params, trees[1])
    # the optimiser and a controller begin as they do with drawn parameters
    fresh = begun(run.changed(seed=3))
    assert_same(state.opt_state, fresh.opt_state)
    assert_same(state.feedback, fresh.feedback)


@pytest.mark.slow  # 10 s of compiling
def test_it_goes_through_a_sweep(tmp_path):
    """A rate that moves nothing visible: what is kept is what was begun with."""
    tree = drawn(SMALL, 5)
    out = stored(tmp_path / "source", SMALL, tree)
    still = SMALL.changed(init_from=f"{out}:0", learning_rate=1e-30, optimizer="sgd")
    configs = [still.changed(seed=seed, beta=seed + 1.0) for seed in (0, 1)]
    found = sweeps.run(configs, tmp_path / "run", sweeps.Options(progress=False))
    for member in (0, 1):
        kept = jax.tree.leaves(results.load(tmp_path / "run", member))
        for a, b in zip(kept, jax.tree.leaves(tree), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-20)
    assert set(found.runs["init_from"].to_pylist()) == {f"{out}:0"}


def test_other_parameters_are_another_run(tmp_path):
    from vae_jax.sweeps import _prepare
    from vae_jax.sweeps.spec._identity import member_id

    ids = []
    for seed in (5, 5, 6):
        folder = tmp_path / "source"
        stored(folder, SMALL, drawn(SMALL, seed))
        run = SMALL.changed(init_from=f"{folder}:0")
        _, inputs = _prepare.assemble([run], sweeps.Options(), assembly.job)
        ids.append(member_id(run, inputs[0]))
        folder.rename(tmp_path / f"moved-{len(ids)}")
    assert ids[0] == ids[1] != ids[2]


def test_leaves_of_another_model_are_named(tmp_path):
    out = stored(tmp_path / "source", SMALL, drawn(SMALL, 0))
    other = SMALL.changed(latent_dim=3, init_from=f"{out}:0")
    with pytest.raises(ValueError, match="leaf by leaf") as refused:
        assembly.job(other)
    names = results.named_leaves(drawn(SMALL, 0))
    unlike = {
        name
        for name, leaf in results.named_leaves(
            drawn(other.changed(init_from=None), 0)
        ).items()
        if leaf.shape != names[name].shape
    }
    said = {
        line.split(":")[0].strip() for line in str(refused.value).splitlines()[1:-1]
    }
    assert said == unlike
    assert "float32 (64, 2) -> float32 (64, 3)" in str(refused.value)
    deeper = Run.of(hidden=(8,), init_from=f"{out}:0")
    with pytest.raises(ValueError, match=r"\(absent\)"):
        assembly.job(deeper)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("runs/first", "FOLDER:MEMBER; got 'runs/first'. Write `runs/first:0`"),
        ("runs/first:last", "FOLDER:MEMBER"),
        (":0", "FOLDER:MEMBER"),
    ],
)
def test_what_names_no_member_is_refused_at_once(said, message):
    with pytest.raises(ValueError, match=message):
        SMALL.changed(init_from=said)


def test_what_is_not_there_is_refused_with_the_reason(tmp_path):
    out = stored(tmp_path / "source", SMALL, drawn(SMALL, 0), None)
    for name, reason in (
        (f"{out}:7", "must be from 0 to 1; got 7"),
        (f"{out}:1", "the parameters of member 1 were not kept"),
        (f"{tmp_path / 'nowhere'}:0", "it is not a run folder"),
    ):
        with pytest.raises(ValueError, match=f"whose parameters were kept.*{reason}"):
            assembly.job(SMALL.changed(init_from=name))


def test_a_decoder_that_is_drawn_anew_is_refused():
    with pytest.raises(ValueError, match="draws the decoder anew"):
        SMALL.changed(pretraining_steps=5, init_from="runs/first:0")
