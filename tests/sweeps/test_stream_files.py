"""Training from Parquet and array_record files gives the bits of data in memory."""

import shutil

import jax
import numpy as np
import pandas as pd
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from prepared_sets import prepare
from stopped_early import stopped_early

from vae_jax import results, sweeps, views
from vae_jax.configs import Run
from vae_jax.data import _cache, _memory
from vae_jax.sweeps.devices import _stream
from vae_jax.views import Rows

QUIET = sweeps.Options(progress=False)
SIZE = 150


@pytest.fixture(scope="module", autouse=True)
def optimized():
    """Programs as users have them: what is compiled quickly rounds as it happens."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


def parquet(folder):
    draws = np.random.default_rng(0)
    numbers = {f"x{i}": draws.normal(size=SIZE) * 10**i for i in range(5)}
    labels = draws.choice(["ale", "beer"], SIZE)
    frame = pd.DataFrame({**numbers, "kind": labels})
    frame.to_parquet(folder / "mine.parquet", row_group_size=40)
    return {
        "dataset": str(folder / "mine.parquet"),
        "label_column": "kind",
        "standardize": True,
        "likelihood": "gaussian",
    }


def array_record(folder):
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE, 5, 4), np.uint8)
    image = tfds.features.Image(shape=(5, 4, 1))
    rows = [{"image": Image.fromarray(one)} for one in pixels]
    prepare(folder, {"train": rows}, {"image": image}, "tiny_grey")
    return {
        "dataset": "tiny_grey",
        "data_folder": str(folder),
        "binarize": "dynamic",
    }


SOURCES = {"parquet": parquet, "array_record": array_record}


@pytest.fixture(params=SOURCES)
def settings(request, tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_JAX_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    return SOURCES[request.param](tmp_path / "data")


def members(settings):
    """Two seeds, one of them twice; windows end within epochs of 120 examples."""
    base = Run.of(
        model="mlp",
        hidden=[8],
        latent_dim=2,
        batch_size=32,
        num_steps=40,
        log_every=20,
        eval_samples=2,
        **settings,
    )
    return [base.changed(seed=s, beta=b) for s, b in ((3, 1.0), (5, 1.0), (3, 2.0))]


@pytest.fixture
def run(settings, tmp_path, monkeypatch):
    def call(out, stream):
        """`files` are streamed from files; `never` and `always` are of data in memory."""
        _memory._REMEMBERED.clear()
        for cached in (tmp_path / "data").rglob(_cache.FOLDER):
            shutil.rmtree(cached)
        with monkeypatch.context() as patched:
            patched.setattr(_stream, "WINDOW_STEPS", 7)
            if stream == "files":
                patched.setattr(views, "LARGE", 1)
                patched.setattr(views, "BLOCK_BYTES", 200)
            configs = members(settings)
            images = configs[0].data.load().train.images
            assert isinstance(images, Rows) == (stream == "files")
            words = {"files": "always"}
            options = QUIET._replace(stream=words.get(stream, stream))
            return sweeps.run(configs, tmp_path / out, options)

    return call


@pytest.mark.slow  # the programs of both
def test_from_files_is_resident_bit_for_bit(run, tmp_path):
    run("resident", "never")
    run("files", "files")
    pairs = [results.read(tmp_path / out) for out in ("resident", "files")]
    tables = [pair.metrics.to_pandas() for pair in pairs]
    assert tables[0].equals(tables[1])
    for member in range(3):
        trees = [results.load(tmp_path / out, member) for out in ("resident", "files")]
        jax.tree.map(np.testing.assert_array_equal, *trees)
    hashes = {results.content_hash(tmp_path / out) for out in ("resident", "files")}
    assert len(hashes) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "ways", [("files", "files"), ("files", "never"), ("always", "files")]
)
def test_a_run_from_files_goes_on(run, tmp_path, monkeypatch, ways):
    run("reference", "never")
    with stopped_early(monkeypatch):
        run("run", ways[0])
    assert not results.finished_members(tmp_path / "run")
    run("run", ways[1])
    assert results.content_hash(tmp_path / "run") == results.content_hash(
        tmp_path / "reference"
    )
