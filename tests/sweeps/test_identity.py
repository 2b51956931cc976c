"""A run is its settings, its data and the user's functions that it names."""

import os

import numpy as np
import pytest
import tiny

from vae_jax import assembly, results, sweeps
from vae_jax.configs import Run
from vae_jax.sweeps import _prepare
from vae_jax.sweeps.queue import _shard
from vae_jax.sweeps.spec import _identity
from vae_jax.sweeps.spec._identity import DataDigests, array_digest, member_id

QUIET = sweeps.Options(progress=False)
SENTENCES = ["so it goes and on", "and it goes so on", "on and so it goes"]


def said(configs, make_job=assembly.job):
    """What the folder would be told, without a program that is traced."""
    _, inputs = _prepare.assemble(configs, QUIET, make_job)
    ids = [member_id(*pair) for pair in zip(configs, inputs, strict=True)]
    return _prepare.manifest(configs, inputs, ids)


def refused(out, configs, pattern, **options):
    with pytest.raises(results.SpecChanged, match=pattern):
        results.create_or_open(out, said(configs, **options))


@pytest.mark.parametrize("state", ["finished", "with a checkpoint", "begun"])
def test_other_arrays_behind_make_job_are_refused(tmp_path, state, monkeypatch):
    configs, out = [tiny.BASE], tmp_path / "run"
    if state == "with a checkpoint":
        monkeypatch.setattr(_shard, "next_chunk", lambda *_: 10)
        monkeypatch.setattr(_shard.results, "commit_shard", lambda *_: 1 / 0)
        options = QUIET._replace(checkpoint_seconds=0.0)
        with pytest.raises(ZeroDivisionError):
            sweeps.run(configs, out, options, make_job=tiny.make_job)
        assert list((out / "checkpoints").rglob("step-*"))
    elif state == "finished":
        sweeps.run(configs, out, QUIET, make_job=tiny.make_job)
    else:
        results.create_or_open(out, said(configs, tiny.make_job))
    changed = tiny.EXAMPLES.copy()
    changed[0, 0] = np.nextafter(changed[0, 0], np.float32(9))
    digests = [array_digest(a)[:16] for a in (tiny.EXAMPLES, changed)]
    with pytest.raises(results.SpecChanged, match=f"{digests[0]} -> {digests[1]}"):
        sweeps.run(configs, out, QUIET, make_job=lambda c: tiny.make_job(c, changed))


def test_a_row_names_the_data_that_were_used(tmp_path):
    names = []
    for number in range(2):
        examples = tiny.EXAMPLES + np.float32(number)
        stored = sweeps.run(
            [tiny.BASE],
            tmp_path / str(number),
            QUIET,
            make_job=lambda c, examples=examples: tiny.make_job(c, examples),
        )
        row = stored.runs.to_pylist()[0]
        names.append(row["data_digest"])
        assert row["jax"] == stored.manifest["versions"]["jax"]
        assert row["finished_at"] >= row["started_at"]
        assert (row["num_devices"], row["width"]) == (1, 64)
    assert names[0] != names[1]


def test_changed_sentences_are_refused_in_one_process(tmp_path):
    folder, out = tmp_path / "text", tmp_path / "run"
    folder.mkdir()
    lines = [f"{a} {b}" for a in SENTENCES for b in SENTENCES]
    (folder / "lines.txt").write_text("\n".join(lines * 4))
    config = Run.of(
        dataset="text",
        data_folder=str(folder),
        vocab_size=50,
        max_length=20,
        model="lstm",
        likelihood="categorical",
        hidden=(4,),
        embedding=4,
        batch_size=2,
    )
    results.create_or_open(out, said([config]))
    results.create_or_open(out, said([config]))
    # as many bytes, and as old
    path = folder / "lines.txt"
    before = path.stat()
    path.write_text("\n".join(lines[::-1] * 4))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    refused(out, [config], r"data train: \w{16} -> \w{16}")


def test_a_changed_model_source_is_refused_in_one_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = (
        "from vae_jax import models\n"
        "def good(config, shape):\n"
        "    sizes = shape, config.latent_dim\n"
        "    return models.mlp(*sizes, hidden=(4,), likelihood='bernoulli')\n"
    )
    path = tmp_path / "own_model_of_identity.py"
    path.write_text(source)
    config = Run.of(model="own_model_of_identity:good")
    results.create_or_open("run", said([config]))
    results.create_or_open("run", said([config]))
    path.write_text(source.replace("hidden=(4,)", "hidden=(5,)"))
    refused("run", [config], r"sources own_model_of_identity:good: \w{16} -> \w{16}")


def test_the_levels_of_the_data_are_part_of_it():
    config = Run.of()
    stored = said([config])["spec"]["inputs"][0]
    assert stored["data"]["levels"] == "16"
    assert set(stored["data"]) == {"levels", "train", "evaluation"}
    assert set(
        said([config.changed(halve_on_plateau=True)])["spec"]["inputs"][0]["data"]
    ) == {
        "levels",
        "train",
        "evaluation",
        "validation",
    }


def test_members_of_a_cohort_with_unlike_data_are_refused(tmp_path):
    def by_seed(config):
        return tiny.make_job(config, tiny.EXAMPLES + np.float32(config.seed))

    configs = [tiny.BASE.changed(seed=seed) for seed in (0, 1)]
    with pytest.raises(ValueError, match="must have the same data"):
        sweeps.run(configs, tmp_path / "run", QUIET, make_job=by_seed)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("jax_enable_x64", True), ("jax_threefry_partitionable", False)],
)
def test_settings_of_jax_that_change_bits_are_compared(tmp_path, name, value):
    given = said([tiny.BASE], tiny.make_job)
    results.create_or_open(tmp_path / "run", given)
    changed = given | {"versions": given["versions"] | {name: value}}
    with pytest.raises(results.VersionChanged, match=f"{name}.*accept-version-change"):
        results.create_or_open(tmp_path / "run", changed)


def test_an_array_is_hashed_once(monkeypatch):
    calls = []
    monkeypatch.setattr(_identity, "array_digest", lambda a: calls.append(1) or "ab")
    digests = DataDigests()
    for _ in range(3):
        digests.of({"train": tiny.EXAMPLES})
    assert len(calls) == 1


@pytest.mark.parametrize(
    "other",
    [
        tiny.EXAMPLES.astype(np.float64),
        tiny.EXAMPLES.reshape(3, 16),
        tiny.EXAMPLES[::-1],
        tiny.EXAMPLES.view(np.int32),
    ],
)
def test_a_digest_sees_dtype_shape_and_order(other):
    assert array_digest(tiny.EXAMPLES) == array_digest(tiny.EXAMPLES.copy())
    assert array_digest(tiny.EXAMPLES) != array_digest(other)
