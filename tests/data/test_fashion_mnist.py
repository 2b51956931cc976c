"""The real Fashion-MNIST, from the IDX files of Debian's dataset-fashion-mnist."""

import numpy as np
import pytest

from vae_jax import cli, data
from vae_jax.data import _locate

pytestmark = pytest.mark.slow

# Counted once by numpy from the same files: eigenvalues of the covariance of the 60 000
# training images / 255 above each water level.
COUNTS = {30: 0, 10: 2, 3: 4, 1: 8, 0.3: 20, 0.1: 53, 0.03: 137, 0.01: 302}


@pytest.fixture(scope="module")
def folder():
    """The IDX files; `apt-get install dataset-fashion-mnist` brings them."""
    found = _locate.SYSTEM_FOLDERS["fashion_mnist"]
    assert found.is_dir(), "apt-get install dataset-fashion-mnist"
    return found


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("tfds")


def test_prepared_through_tensorflow_datasets_and_read_in_its_order(folder, data_dir):
    import tensorflow_datasets as tfds

    loaded = data.load("fashion_mnist", folder=folder, data_dir=data_dir)
    assert [len(s.images) for s in loaded[1:4]] == [55_000, 5_000, 10_000]
    stock = tfds.data_source("fashion_mnist", split="test", data_dir=data_dir)
    for i in (0, 1, 9_999):
        np.testing.assert_array_equal(stock[i]["image"][..., 0], loaded.test.images[i])
        assert stock[i]["label"] == loaded.test.labels[i]


def test_forecast_counts_the_published_eigenvalues(
    folder, data_dir, monkeypatch, capsys
):
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))
    cli.main(
        [
            *("forecast", "fashion_mnist", "--split", "train+validation"),
            *("--data-folder", str(folder)),
        ]
    )
    printed = capsys.readouterr().out
    for level, count in COUNTS.items():
        assert f"{level:>6g}: {count}\n" in printed
    assert "19.8095  12.1120  4.1061" in printed
    assert "trace: 68.2163" in printed


def test_one_epoch_of_an_mlp_vae_uses_its_code(folder, data_dir, tmp_path, monkeypatch):
    """429 steps of 128: every training example once."""
    from vae_jax import sweeps
    from vae_jax.configs import Run

    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))
    config = Run.of(
        dataset="fashion_mnist",
        data_folder=str(folder),
        binarize="dynamic",
        hidden=(500,),
        latent_dim=20,
        num_steps=429,
        log_every=39,
        eval_samples=1,
        eval_split="validation",
    )
    runs = sweeps.run([config], tmp_path / "run", sweeps.Options(progress=False))
    row = runs.runs.to_pandas().iloc[0]
    assert row["verdict"] == "healthy"
    # binarised Fashion-MNIST starts at 784 log 2 = 543 nats
    assert row["distortion"] + row["rate"] < 543
