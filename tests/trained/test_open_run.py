"""Which members of a folder can be used, which is the best, and what is refused."""

import sys

import jax
import numpy as np
import pytest
from families import stored_run

import vae_jax
from vae_jax import results, trained
from vae_jax.configs import Run
from vae_jax.records import Facts
from vae_jax.trained._inputs import as_stored

RUNS = [Run.of(hidden=(4,), latent_dim=2, beta=beta) for beta in (0.5, 1.0, 2.0, 4.0)]
STATUS = {0: "finished", 1: "finished", 2: "diverged"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "partly"
    return stored_run(out, RUNS, ended=STATUS, nll={0: 3.0, 1: 2.0})


def test_members_that_have_ended_can_be_used(folder):
    run = vae_jax.open_run(folder)
    assert run.numbers() == [0, 1]
    assert len(run) == 2
    assert [member.number for member in run] == [0, 1]
    assert run[1].run == RUNS[1]
    assert run[1] is run[1]
    assert run[np.int64(0)].run["beta"] == 0.5


def test_a_member_has_its_own_parameters(folder):
    run, x = trained.open_run(folder), np.eye(8, dtype=np.uint8)[None] * 16
    means = [np.asarray(run[number].encode(x).mean) for number in (0, 1)]
    assert np.abs(means[0] - means[1]).max() > 1e-3


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (2, r"one that can be used \(0, 1\); got 2: member 2 has diverged at step 7"),
        (3, "got 3: member 3 has not ended yet"),
        (9, "got 9: member 9 is not of this run"),
        (-1, "got -1: member -1 is not of this run"),
    ],
)
def test_other_members_are_refused_with_the_reason(folder, member, message):
    with pytest.raises(ValueError, match=message):
        trained.open_run(folder)[member]


def test_a_member_is_a_whole_number(folder):
    with pytest.raises(TypeError, match="`member` must be a whole number"):
        trained.open_run(folder)[0.5]


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        ({"metric": "nll"}, 1),
        ({"metric": "nll", "lowest": False}, 0),
        ({"metric": "nll", "where": {"beta": 0.5}}, 0),
        ({"metric": "nll", "where": {"hidden": (4,), "latent_dim": 2}}, 1),
        ({"metric": "rate", "lowest": True}, 0),  # of equals the first
    ],
)
def test_the_best_of_a_group(folder, arguments, number):
    assert trained.open_run(folder).best(**arguments).number == number


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metric": "nil"}, "`metric` must be one of .*got 'nil'. Did you mean"),
        ({"metric": "beta"}, "`metric` must be one of nll, rate"),
        ({"metric": "rate"}, "`lowest` must be True or False for 'rate'"),
        (
            {"metric": "nll", "where": {"betta": 1.0}},
            "`where` must name settings.*betta",
        ),
        ({"metric": "nll", "where": {"beta": 9.0}}, "beta is 0.5, 1.0, 2.0"),
        (
            {"metric": "nll", "where": {"beta": 2.0}},
            "1 of them diverged, which are never",
        ),
    ],
)
def test_no_best_is_refused_with_the_reason(folder, arguments, message):
    with pytest.raises(ValueError, match=message):
        trained.open_run(folder).best(**arguments)


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="not a run folder"):
        trained.open_run(tmp_path)
    results.create_or_open(
        tmp_path / "new", {"spec": {"configs": [{}]}, "versions": {}, "members": ["a"]}
    )
    with pytest.raises(ValueError, match="0 of 1 members have ended"):
        trained.open_run(tmp_path / "new")


def test_a_member_whose_parameters_were_not_kept_is_refused(tmp_path):
    out = stored_run(tmp_path / "run", RUNS[:1])
    for path in (out / "shards").iterdir():
        path.unlink()
    ended = {"status": "finished", "first_bad_step": None, "nll": 1.0}
    row = {"member": 0, "member_id": results.read_manifest(out)["members"][0]}
    results.commit_shard(out, [row | ended], None, None)
    with pytest.raises(ValueError, match="parameters of member 0 were not kept"):
        trained.open_run(out)[0]


def test_a_folder_that_does_not_say_its_data_is_refused(tmp_path):
    spec = {"configs": [{"hidden": [4]}]}
    results.create_or_open(tmp_path / "old", {"spec": spec, "versions": {}})
    row = {"member": 0, "member_id": "0" * 32, "status": "finished", "nll": 1.0}
    row |= {"first_bad_step": None}
    results.commit_shard(tmp_path / "old", [row], [{}], [{}])
    with pytest.raises(ValueError, match="does not say by what data"):
        trained.open_run(tmp_path / "old")[0]


OWN = """
from vae_jax import models

def small(config, event_shape):
    return models.mlp(event_shape, config.latent_dim, hidden=(3,), likelihood="bernoulli")
"""


def test_an_own_model_is_used_while_its_file_is_there_and_the_same(
    tmp_path, monkeypatch
):
    (tmp_path / "own_small.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    run = Run.of(model="own_small:small", latent_dim=2)
    out = stored_run(tmp_path / "run", [run])
    member = trained.open_run(out)[0]
    # what it computes tells that its decoder does not read the data
    assert not member.reads_data
    assert member.decode(np.zeros((3, 2))).shape == (3, 8, 8)
    assert member.sample(jax.random.key(0), 2).shape == (2, 8, 8)
    (tmp_path / "own_small.py").write_text(OWN.replace("(3,)", "(3, 3)"))
    with pytest.raises(
        ValueError, match="own_small:small has changed since the member"
    ):
        trained.open_run(out)[0]
    (tmp_path / "own_small.py").unlink()
    sys.modules.pop("own_small")  # as in another process
    with pytest.raises(ValueError, match="`model` own_small:small cannot be imported"):
        trained.open_run(out)[0]


@pytest.mark.slow
def test_other_data_than_trained_on_are_refused(tmp_path):
    folder = tmp_path / "words"
    folder.mkdir()
    lines = [f"{a} {b} {c}" for a in "abcdef" for b in "abcdef" for c in "abcdef"]
    (folder / "lines.txt").write_text("\n".join(lines))
    run = Run.of(
        **{"dataset": "text", "data_folder": str(folder), "max_length": 5},
        **{
            "model": "lstm",
            "likelihood": "categorical",
            "hidden": (4,),
            "embedding": 3,
        },
        **{"vocab_size": 20, "latent_dim": 2},
    )
    out = stored_run(tmp_path / "run", [run])
    member = trained.open_run(out)[0]
    said = member.run.data.spelt(np.asarray(member.sample(jax.random.key(0), 3)))
    assert all(set(line.split()) <= {*"abcdef", "<unk>"} for line in said)
    (folder / "lines.txt").write_text("\n".join(reversed(lines[5:])))
    with pytest.raises(ValueError, match="other data than the member was trained on"):
        trained.open_run(out)[0]


@pytest.mark.parametrize(
    ("kind", "good", "bad", "message"),
    [
        ("counts", [[0.0, 7.0]], [[0.0, -1.0]], "must hold counts"),
        ("unit", [[0.0, 0.5]], [[0.0, 2.0]], "numbers"),
        ("real", [[-3.0, 0.5]], [[0.0, np.inf]], "must be finite"),
        ("real", [[-3.0, 0.5]], [["a", "b"]], "must be real numbers"),
    ],
)
def test_numbers_of_every_kind_are_taken_as_stored(kind, good, bad, message):
    facts = Facts((2,), 300, 9, kind=kind)
    made = as_stored(np.array(good), facts)
    np.testing.assert_array_equal(made, good)
    with pytest.raises(ValueError, match=message):
        as_stored(np.array(bad), facts)
