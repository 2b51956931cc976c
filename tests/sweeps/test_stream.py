"""A training set that is streamed gives the bits of one that is on the device."""

import jax
import numpy as np
import pytest
from stopped_early import stopped_early

from vae_jax import results, sweeps, training, views
from vae_jax.configs import Run
from vae_jax.data import _memory, digests
from vae_jax.sweeps.devices import _feed, _stream
from vae_jax.training._program import next_rows
from vae_jax.views import Rows

QUIET = sweeps.Options(progress=False)


@pytest.fixture(scope="module", autouse=True)
def optimized():
    """Programs as users have them: what is compiled quickly rounds as it happens."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "levels.npy"
    draws = np.random.default_rng(0)
    np.save(path, draws.integers(0, 256, (150, 4, 4), dtype=np.uint8))
    return path


def members(path, **changes):
    """Two seeds, one of them twice; 60 steps are 20 epochs of 120 examples."""
    base = Run.of(
        model="mlp",
        hidden=[8],
        latent_dim=2,
        dataset=str(path),
        binarize="dynamic",
        batch_size=32,
        num_steps=60,
        log_every=20,
        eval_samples=2,
    ).changed(**changes)
    return [base.changed(seed=s, beta=b) for s, b in ((3, 1.0), (5, 1.0), (3, 2.0))]


def run(configs, out, stream, **options):
    return sweeps.run(configs, out, QUIET._replace(stream=stream, **options))


@pytest.fixture(scope="module")
def resident(path, tmp_path_factory):
    out = tmp_path_factory.mktemp("resident") / "run"
    run(members(path), out, "never")
    return out


@pytest.mark.slow  # 30 s: the programs of both
def test_streamed_is_resident_bit_for_bit(path, resident, tmp_path, monkeypatch):
    # windows that end within epochs, and epochs within windows
    monkeypatch.setattr(_stream, "WINDOW_STEPS", 7)
    read, take = [], _feed.take_sorted
    monkeypatch.setattr(_feed, "take_sorted", lambda *a: (read.append(a[1]), take(*a)))
    run(members(path), tmp_path / "run", "always")
    # of three members two have the same seed, and 60 steps are 9 windows
    assert [len(rows) for rows in read] == [7, 7] * 8 + [4, 4]
    assert results.content_hash(tmp_path / "run") == results.content_hash(resident)
    pairs = [results.read(out) for out in (resident, tmp_path / "run")]
    tables = [pair.metrics.to_pandas() for pair in pairs]
    assert tables[0].equals(tables[1])
    ids = [pair.runs.to_pandas()["member_id"].tolist() for pair in pairs]
    assert ids[0] == ids[1]


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["map", "vmap"])
@pytest.mark.parametrize(
    "ways", [("always", "always"), ("always", "never"), ("never", "always")]
)
def test_a_run_goes_on_streamed_or_not(path, tmp_path, monkeypatch, ways, strategy):
    monkeypatch.setattr(_stream, "WINDOW_STEPS", 7)
    reference, out = tmp_path / "reference", tmp_path / "run"
    run(members(path), reference, "never", strategy=strategy)
    with stopped_early(monkeypatch):
        run(members(path), out, ways[0], strategy=strategy)
    assert not results.finished_members(out)
    run(members(path), out, ways[1], strategy=strategy)
    assert results.content_hash(out) == results.content_hash(reference)


@pytest.mark.parametrize("seed", [0, 7])
def test_the_host_draws_the_rows_of_the_device(seed):
    size, batch, key = 101, 10, training.member_key(seed)
    order, expected = np.arange(size, dtype=np.int32), []
    step = jax.jit(lambda order, t: next_rows(order, t, key, batch))
    for t in range(35):
        order, rows = step(order, np.int32(t))
        expected.append(np.asarray(rows))
    orders = _feed.Orders(size, batch)
    found = [orders.rows(seed, first, first + 7) for first in range(0, 35, 7)]
    np.testing.assert_array_equal(np.concatenate(found), expected)
    assert len({tuple(row) for row in expected[::10]}) > 1  # epochs are unlike


REFUSED = {
    "the optimal variance": {"likelihood": "gaussian_optimal", "binarize": "none"},
    "set from all of it": {"posterior": "batch_norm"},
    "aggressive inference": {"inference": "aggressive"},
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_needs_the_whole_set_is_refused(path, tmp_path, reason):
    config = members(path, **REFUSED[reason])[0]
    with pytest.raises(ValueError, match=f"`stream` must be 'never' .*{reason}"):
        run([config], tmp_path / "run", "always")
    assert not (tmp_path / "run").exists()


def test_a_set_is_streamed_where_it_does_not_fit(monkeypatch):
    monkeypatch.setattr(_stream, "find_spec", lambda name: True)
    data = training.Splits(np.zeros((50, 4), np.uint8), np.zeros((5, 4), np.uint8))
    for free, streamed in ((399, True), (400, False), (None, False)):
        monkeypatch.setattr(_stream, "free_bytes", lambda free=free: free)
        flow = _stream.flow_of("auto", data, [1, 1, 2], 3, 10)
        assert (flow is not None) == streamed
    always = _stream.flow_of("always", data, [1, 1, 2], 3, 10)
    assert always.slots == 2
    assert always.num_steps == _stream.WINDOW_STEPS
    monkeypatch.setattr(_stream, "WINDOW_BYTES", 5 * 2 * 10 * 4)
    assert _stream.flow_of("always", data, [1, 1, 2], 3, 10).num_steps == 5


def test_without_grain_it_is_refused_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setattr(_stream, "find_spec", lambda name: None)
    data = training.Splits(np.zeros((50, 4), np.uint8), np.zeros((5, 4), np.uint8))
    with pytest.raises(ValueError, match=r"pip install 'vae-jax\[stream\]'"):
        _stream.flow_of("always", data, [1], 1, 10)


def test_another_word_is_refused(path, tmp_path):
    with pytest.raises(
        ValueError, match="`stream` must be one of 'auto', .*'sometimes'"
    ):
        run(members(path), tmp_path / "run", "sometimes")
    assert not (tmp_path / "run").exists()


def test_data_that_are_no_splits_are_refused():
    with pytest.raises(
        ValueError, match="`stream` must be 'auto' or 'never' .* ndarray"
    ):
        _stream.flow_of("always", np.zeros((5, 2)), [1], 1, 10)
    assert _stream.flow_of("auto", np.zeros((5, 2)), [1], 1, 10) is None


@pytest.mark.slow  # a file of a gigabyte
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_large_file_stays_in_the_file(tmp_path, monkeypatch, dtype):
    """Its data, their digests and a run on them are those of a copy."""
    x = np.random.default_rng(1).integers(0, 256, (150, 4, 4)).astype(dtype)
    np.save(tmp_path / "x.npy", x if dtype == np.uint8 else x / dtype(255))
    configs = members(tmp_path / "x.npy", model="linear", num_steps=20)[:2]
    run(configs, tmp_path / "copied", "never")
    copied = configs[0].data.load()
    _memory._REMEMBERED.clear()
    monkeypatch.setattr(views, "LARGE", 1)
    mapped = configs[0].data.load()
    assert isinstance(mapped.train.images, Rows)
    assert digests(mapped) == digests(copied)
    assert (mapped.kind, mapped.max_value) == (copied.kind, copied.max_value)
    np.testing.assert_array_equal(mapped.train.images, copied.train.images)
    monkeypatch.setattr(views, "BLOCK_BYTES", 100)
    run(configs, tmp_path / "streamed", "always")
    assert results.content_hash(tmp_path / "streamed") == results.content_hash(
        tmp_path / "copied"
    )


def test_a_large_file_with_a_gap_is_refused(tmp_path, monkeypatch):
    x = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
    x[31, 2] = np.nan
    np.save(tmp_path / "x.npy", x)
    monkeypatch.setattr(views, "LARGE", 1)
    monkeypatch.setattr(views, "BLOCK_BYTES", 120)
    with pytest.raises(ValueError, match=r"finite; got nan in example 31 at \(2,\)"):
        Run.of(dataset=str(tmp_path / "x.npy"), likelihood="gaussian").data.load()
