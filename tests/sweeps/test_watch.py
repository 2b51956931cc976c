"""What is seen while members train: a file of lines, a function, plain lines, curves."""

import json
import signal
import threading

import numpy as np
import pytest
import tiny

from vae_jax import results, sweeps
from vae_jax.sweeps.queue import _shard
from vae_jax.sweeps.seen import _progress
from vae_jax.sweeps.seen._chunk import Chunk, in_short
from vae_jax.sweeps.seen._metrics_file import MetricsFile
from vae_jax.sweeps.seen._progress import Progress

QUIET = sweeps.Options(progress=False, strategy="map")


def members(num=3, **changes):
    base = tiny.BASE.changed(**changes)
    return [base.changed(seed=seed, beta=0.1 * seed) for seed in range(num)]


def run(out, configs=None, on_chunk=None, **options):
    given = members() if configs is None else configs
    options = QUIET._replace(**options)
    return sweeps.run(given, out, options, make_job=tiny.make_job, on_chunk=on_chunk)


@pytest.fixture
def short_chunks(monkeypatch):
    """Of 1 step, then of 7."""
    monkeypatch.setattr(_shard, "next_chunk", lambda *_: 7)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    run(out)
    return out


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def assert_whole(path, out):
    """A line for each row of history, with its very number."""
    metrics = results.read(out).metrics.to_pandas()
    found = {(line["member"], line["step"]): line["loss"] for line in lines(path)}
    assert len(found) == len(lines(path)) == len(metrics)
    for row in metrics.to_dict("records"):
        assert found[row["member"], row["step"]] == row["loss"]


def test_there_is_a_line_a_logged_step_and_member(tmp_path, short_chunks):
    log = tmp_path / "logs" / "run.jsonl"
    run(tmp_path / "run", metrics_file=log)
    assert_whole(log, tmp_path / "run")
    ids = results.read_manifest(tmp_path / "run")["members"]
    assert all(ids[line["member"]] == line["member_id"] for line in lines(log))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("none", marks=pytest.mark.slow),
        "a torn line",
        pytest.param("no line at all", marks=pytest.mark.slow),
    ],
)
def test_a_resumed_run_repeats_no_line(
    tmp_path, monkeypatch, short_chunks, undisturbed, damage
):
    """It goes on from a save that is older than the last line, or has none of them."""
    log, out = tmp_path / "run.jsonl", tmp_path / "run"

    def stopping(chunk):
        if chunk.step >= 29:
            raise RuntimeError("enough")

    saves = _shard.save
    monkeypatch.setattr(_shard, "save", lambda *_: None)
    with pytest.raises(RuntimeError, match="enough"):
        run(out, on_chunk=stopping, checkpoint_seconds=0.0, metrics_file=log)
    monkeypatch.setattr(_shard, "save", saves)
    assert [line["step"] for line in lines(log)] == [10] * 3 + [20] * 3
    if damage == "a torn line":
        log.write_bytes(log.read_bytes()[:-20])
    elif damage == "no line at all":
        log.unlink()
    run(out, metrics_file=log)
    assert_whole(log, out)
    assert results.content_hash(out) == results.content_hash(undisturbed)


@pytest.mark.slow
def test_launchers_share_a_file(tmp_path, short_chunks):
    log, out = tmp_path / "run.jsonl", tmp_path / "run"
    configs = members(6)
    threads = [
        threading.Thread(
            target=run, args=(out, configs), kwargs={"width": w, "metrics_file": log}
        )
        for w in (2, 3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_whole(log, out)


def test_a_diverged_member_has_no_more_lines(tmp_path):
    log = tmp_path / "run.jsonl"
    configs = members(2)
    configs[1] = configs[1].changed(learning_rate=1e30)
    run(tmp_path / "run", configs, metrics_file=log)
    assert {line["member"] for line in lines(log)} == {0}


def test_a_file_of_something_else_is_refused_before_training(tmp_path):
    (tmp_path / "notes.txt").write_text("my notes\n")
    for name, message in (
        ("notes.txt", "must be new, or hold lines of such runs"),
        (".", "must be a file that can be written"),
    ):
        with pytest.raises(ValueError, match=message):
            run(tmp_path / "run", metrics_file=tmp_path / name)
    assert not (tmp_path / "run").exists()


def test_a_function_sees_every_chunk(tmp_path, short_chunks, undisturbed):
    seen = []
    run(tmp_path / "run", on_chunk=seen.append)
    assert [chunk.step for chunk in seen] == [1, 8, 15, 22, 29, 36, 40]
    assert [chunk.steps.tolist() for chunk in seen] == [
        [],
        [],
        [10],
        [20],
        [],
        [30],
        [40],
    ]
    assert all(chunk.members == (0, 1, 2) for chunk in seen)
    assert all(type(v) is np.ndarray for c in seen for v in c.metrics.values())
    rows = np.concatenate([chunk.metrics["loss"] for chunk in seen], axis=1)
    metrics = results.read(undisturbed).metrics.to_pandas()
    np.testing.assert_array_equal(rows.ravel(), metrics["loss"])


def test_what_a_function_raises_stops_the_run_with_its_state_saved(
    tmp_path, short_chunks, undisturbed
):
    def stopping(chunk):
        if chunk.step == 22:
            raise KeyError("my own")

    with pytest.raises(KeyError, match="my own"):
        run(tmp_path / "run", on_chunk=stopping)
    seen = []
    run(tmp_path / "run", on_chunk=seen.append)
    assert seen[0].step == 23 or seen[0].step == 29
    assert results.content_hash(tmp_path / "run") == results.content_hash(undisturbed)


def test_the_words_of_a_chunk():
    metrics = {
        "loss": np.array([[9.0, 2.0], [9.0, 4.0], [9.0, np.nan]]),
        "rate": np.array([[9.0, 0.05], [9.0, 6.0], [9.0, np.nan]]),
        "beta": np.array([[9.0, 1.0], [9.0, 1.0], [9.0, np.nan]]),
    }
    chunk = Chunk((0, 1, 2), ("a", "b", "c"), 20, np.array([10, 20]), metrics)
    said = "loss 3, rate 3.025, beta 1, 1 of 3 collapsed, 1 diverged"
    assert in_short(chunk) == said
    assert in_short(chunk._replace(steps=np.array([], int))) == ""


def test_without_a_terminal_there_are_plain_lines(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(_progress, "LINE_SECONDS", 0.0)
    monkeypatch.setattr(_shard, "next_chunk", lambda *_: 10)
    run(tmp_path / "run", progress=True)
    said = capsys.readouterr().err
    assert "\r" not in said
    compiling, first, *_, last = said.splitlines()
    assert compiling == "Compiling; then 120 member-steps."
    assert first == "2 % of 120 member-steps"  # no rate, which compiling is not
    assert last.startswith("100 % of 120 member-steps, ")
    assert ": loss " in last
    assert "of 3 collapsed" not in said  # this program measures no rate


def test_the_time_of_compiling_is_not_in_the_time_left(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(_progress.time, "perf_counter", lambda: now[0])
    progress = Progress(100, shown=True)
    progress.begin(0)
    for seconds in (60, 5, 5):
        now[0] += seconds
        progress.update(10)
    assert capsys.readouterr().err.splitlines()[1:] == [
        "10 % of 100 member-steps",
        "20 % of 100 member-steps, 2 a second, 40 s left",
        "30 % of 100 member-steps, 2 a second, 35 s left",
    ]


def test_plain_lines_are_seconds_apart_and_end_with_the_end(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(_progress.time, "perf_counter", lambda: now[0])
    progress = Progress(100, shown=True)
    progress.begin(20)
    for turn in range(15):
        now[0] += 1
        progress.show("loss 3")
        progress.skip(5 * (turn == 7))  # of a state that is gone on with: no rate
        progress.update(5)
    progress.close()
    assert capsys.readouterr().err.splitlines() == [
        "Compiling; then 80 member-steps.",
        "45 % of 100 member-steps, 5 a second, 11 s left: loss 3",
        "75 % of 100 member-steps, 5 a second, 5 s left: loss 3",
        "100 % of 100 member-steps, 5 a second: loss 3",
    ]


def test_quiet_is_quiet(tmp_path, capsys):
    run(tmp_path / "run")
    assert capsys.readouterr() == ("", "")


def test_nothing_is_fetched_for_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(_shard, "chunk_of", lambda *_: 1 / 0)
    run(tmp_path / "run")


def test_tensorboard_reads_the_curves(tmp_path, short_chunks, undisturbed):
    module = "tensorboard.backend.event_processing.event_accumulator"
    accumulator = pytest.importorskip(module)
    stopping = []

    def stop(chunk):
        if chunk.step == 29 and not stopping:
            stopping.append(True)
            signal.raise_signal(signal.SIGTERM)

    for _ in range(2):  # stopped, and gone on with
        write = sweeps.to_tensorboard(tmp_path / "board")
        try:
            run(tmp_path / "run", on_chunk=sweeps.each(write, stop))
        except sweeps.Interrupted:
            continue
    metrics = results.read(undisturbed).metrics.to_pandas()
    folders = sorted((tmp_path / "board").iterdir())
    assert [folder.name[:12] for folder in folders] == [
        f"member-{i:05d}" for i in range(3)
    ]
    for member, folder in enumerate(folders):
        read = accumulator.EventAccumulator(str(folder))
        read.Reload()
        found = [(event.step, event.value) for event in read.Scalars("loss")]
        rows = metrics[metrics["member"] == member]
        exact = zip(rows["step"], rows["loss"].astype(np.float32), strict=True)
        assert found == list(exact)


def test_wandb_has_a_run_a_member(tmp_path, monkeypatch, short_chunks):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    run(tmp_path / "run", on_chunk=sweeps.to_wandb("tests", tmp_path))
    wandb.teardown()
    ids = results.read_manifest(tmp_path / "run")["members"]
    folders = [path.name for path in (tmp_path / "wandb").glob("offline-run-*")]
    assert sorted(name[-12:] for name in folders) == sorted(one[:12] for one in ids)
    assert all(list((tmp_path / "wandb" / name).glob("*.wandb")) for name in folders)


@pytest.mark.parametrize(
    ("make", "package"),
    [
        (lambda: sweeps.to_tensorboard("board"), "tensorboard"),
        (lambda: sweeps.to_wandb("tests"), "wandb"),
    ],
)
def test_what_is_not_installed_is_said_with_the_command(make, package, monkeypatch):
    import sys

    names = [n for n in sys.modules if n.split(".")[0] == package]
    for name in [*names, package]:
        monkeypatch.setitem(sys.modules, name, None)
    if package == "tensorboard":
        monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(ImportError, match=rf"pip install 'vae_jax\[{package}\]'"):
        make()


def test_a_file_is_read_once(tmp_path):
    """What others have added since is read, and nothing before it again."""
    first, second = (MetricsFile(tmp_path / "run.jsonl") for _ in range(2))
    one = {"loss": np.ones((1, 1))}
    first.append(Chunk((0,), ("ab",), 10, np.array([10]), one))
    second.append(Chunk((0,), ("ab",), 10, np.array([10]), one))
    second.append(Chunk((0,), ("ab",), 20, np.array([20]), one))
    first.append(
        Chunk((0,), ("ab",), 20, np.array([10, 20]), {"loss": np.ones((1, 2))})
    )
    assert [line["step"] for line in lines(tmp_path / "run.jsonl")] == [10, 20]
