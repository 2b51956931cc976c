"""Flipped bits of data are reported and never trained on: each array is right or refused.

Tests of single checks are in `tests/data`; here any bit of any file may flip.
"""

import shutil
import warnings
from collections import Counter

import numpy as np
import pytest
import small
import small_sets
from states import files_under

from vae_jax import assembly, data, results
from vae_jax.data import _idx, _load, _locate
from vae_jax.userdata import Files


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A small MNIST: its official files, and what was prepared of them with its cache."""
    folder, arrays = tmp_path_factory.mktemp("mnist"), small_sets.family_arrays()
    idx = small_sets.write_idx(folder / "idx", arrays)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(_idx.SOURCES, "mnist", small_sets.source(arrays))
        patch.setattr(_load, "MNIST_VALIDATION", small_sets.NUM_VALIDATION)
        patch.setattr(_locate, "SYSTEM_FOLDERS", {})
        data.load("mnist", folder=idx, data_dir=folder / "root")
        yield folder


def flip(path, rng):
    content = bytearray(path.read_bytes())
    content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)


def bits(dataset):
    splits = dataset.train, dataset.validation, dataset.test
    arrays = [np.asarray(array) for split in splits for array in split]
    return [(array.dtype, array.shape, array.tobytes()) for array in arrays]


def outcome(load, wanted):
    """What comes of a file with a flipped bit: `refused`, or `right`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a damaged cache is made again, and it is said
        try:
            found = load()
        except ValueError:
            return "refused"
    assert bits(found) == wanted
    return "right"


def run_trials(prepared, tmp_path, num_trials, seed):
    rng, counted = np.random.default_rng(seed), Counter()
    wanted = bits(data.load("mnist", data_dir=prepared / "root"))
    names = [p.relative_to(prepared) for p in files_under(prepared / "root")]
    for trial in range(num_trials):
        folder = shutil.copytree(prepared, tmp_path / str(trial))
        name = names[trial % len(names)]
        flip(folder / name, rng)
        if trial // len(names) % 2:  # what was decoded before does not help
            for cache in (folder / "root").rglob("vae_jax_arrays"):
                shutil.rmtree(cache)
        load = lambda folder=folder: data.load("mnist", data_dir=folder / "root")  # noqa: E731
        counted[outcome(load, wanted), name.suffix] += 1
        shutil.rmtree(folder)
    return counted


def test_a_flipped_bit_of_a_prepared_set_is_reported(prepared, tmp_path):
    counted = run_trials(prepared, tmp_path, 22, seed=0)
    assert counted["refused", ".json"]  # of the prepared set
    assert counted["right", ".npy"]  # of the cache, which is made again


@pytest.mark.slow
def test_four_hundred_flipped_bits_of_a_prepared_set(prepared, tmp_path):
    counted = run_trials(prepared, tmp_path, 400, seed=1)
    print(dict(counted))
    assert sum(n for (kind, _), n in counted.items() if kind == "refused") > 50


def test_a_flipped_bit_of_an_official_file_is_reported(prepared, tmp_path):
    rng = np.random.default_rng(2)
    for trial, path in enumerate(files_under(prepared / "idx")):
        folder = shutil.copytree(prepared / "idx", tmp_path / str(trial))
        content = bytearray((folder / path.name).read_bytes())
        content[rng.integers(20, len(content))] ^= 1  # behind the headers
        (folder / path.name).write_bytes(content)
        root = tmp_path / f"root-{trial}"
        with pytest.raises(ValueError, match=f"{path.name}.*damaged"):
            data.load("mnist", folder=folder, data_dir=root)
        assert not files_under(root)


def test_flipped_bits_of_an_own_archive_are_reported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    np.savez_compressed("own.npz", images=rng.integers(0, 256, (30, 4, 4), np.uint8))
    content = (tmp_path / "own.npz").read_bytes()
    wanted = bits(Files(dataset="own.npz").load())
    counted = Counter()
    for _ in range(60):
        (tmp_path / "own.npz").write_bytes(content)
        flip(tmp_path / "own.npz", rng)
        counted[outcome(Files(dataset="own.npz").load, wanted)] += 1
    assert counted["refused"] > 40


def test_data_that_change_on_the_way_are_refused(tmp_path):
    path, out = tmp_path / "own.npy", tmp_path / "run"
    np.save(path, small.EXAMPLES)

    def make_job(config):
        return assembly.Job(small.PROGRAM, small.settings(config), np.load(path))

    def stop(chunk):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        small.run(out, make=make_job, on_chunk=stop)
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(results.SpecChanged, match="data"):
        small.run(out, make=make_job)
    content[-3] ^= 1
    path.write_bytes(content)
    small.run(out, make=make_job)
