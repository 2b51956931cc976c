"""What is done is looked up by members: another width goes on with what is there."""

import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import jax
import numpy as np
import pytest
import tiny

from vae_jax import checkpoints, results, sweeps
from vae_jax.sweeps.queue import _shard, _work

QUIET = sweeps.Options(progress=False, strategy="vmap")


def members(num=6):
    return [tiny.BASE.changed(seed=seed, beta=0.1 * seed) for seed in range(num)]


def run(out, configs=None, make_job=tiny.make_job, **options):
    configs = members() if configs is None else configs
    return sweeps.run(configs, out, QUIET._replace(**options), make_job=make_job)


def stop_when(monkeypatch, condition):
    """SIGTERM after the chunk of which this is true."""
    real = _shard.next_chunk
    seen = []

    def stopping(steps, seconds):
        seen.append(steps)
        if condition(sum(seen)):
            signal.raise_signal(signal.SIGTERM)
        return 7

    monkeypatch.setattr(_shard, "next_chunk", stopping)
    return lambda: monkeypatch.setattr(_shard, "next_chunk", real)


def stopped(out, monkeypatch, at, **options):
    restore = stop_when(monkeypatch, lambda steps: steps >= at)
    with pytest.raises(sweeps.Interrupted):
        run(out, **options)
    restore()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    run(out)
    return out


def leaves(out, member):
    return jax.tree.leaves(results.load(out, member))


def assert_close(out, reference, num=6):
    runs = [results.read(folder).runs.to_pandas() for folder in (out, reference)]
    assert runs[0]["member"].tolist() == list(range(num))
    np.testing.assert_allclose(runs[0]["size"], runs[1]["size"], rtol=0, atol=1e-6)
    for member in range(num):
        pairs = zip(leaves(out, member), leaves(reference, member), strict=True)
        for a, b in pairs:
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "moment",
    [pytest.param("after a shard", marks=pytest.mark.slow), "inside of one"],
)
def test_another_width_goes_on_with_what_is_there(
    undisturbed, tmp_path, monkeypatch, moment
):
    width, at = (2, 45) if moment == "after a shard" else (4, 15)
    stopped(tmp_path / "stopped", monkeypatch, at, width=width)
    before = results.finished_members(tmp_path / "stopped")
    assert len(before) == (2 if moment == "after a shard" else 0)
    run(tmp_path / "plain", width=width)
    for other in (1, 3, 5, width):
        out = tmp_path / f"width-{other}"
        shutil.copytree(tmp_path / "stopped", out)
        trained = trained_steps(monkeypatch)
        run(out, width=other)
        assert sum(trained) < 6 * 40
        assert_close(out, undisturbed)
        assert not (out / "checkpoints").exists()
    # at the same width, bit for bit
    assert results.content_hash(out) == results.content_hash(tmp_path / "plain")


def trained_steps(monkeypatch):
    """Member-steps that the next run computes."""
    counted, real = [], _shard.train

    def counting(task, *rest):
        first = task.saved[0].step if task.saved else 0
        counted.append((40 - first) * len(task.shard.members))
        return real(task, *rest)

    monkeypatch.setattr(_shard, "train", counting)
    return counted


def test_a_longer_list_trains_the_new_members_alone(undisturbed, tmp_path, monkeypatch):
    out = tmp_path / "run"
    run(out, members()[:4])
    files = {path: path.read_bytes() for path in (out / "shards").iterdir()}
    counted = trained_steps(monkeypatch)
    # in another order too: a member is not its number
    stored = run(out, members()[::-1]).runs.to_pandas()
    assert sum(counted) == 2 * 40
    assert stored["seed"].tolist() == [5, 4, 3, 2, 1, 0]
    assert all(path.read_bytes() == content for path, content in files.items())
    run(out, members())
    assert sum(counted) == 2 * 40


def test_fewer_members_are_another_run(undisturbed):
    with pytest.raises(results.SpecChanged, match="number of members: 6 -> 5"):
        run(undisturbed, members()[:5])


def test_equal_members_are_refused(tmp_path):
    with pytest.raises(ValueError, match="members 0 and 1 have the same settings"):
        run(tmp_path / "run", [tiny.BASE, tiny.BASE])


@pytest.mark.parametrize("configs", [[], None])
def test_nothing_to_run_is_refused(tmp_path, configs):
    wrong = {"configs": configs} if configs is not None else {"width": 0}
    with pytest.raises(ValueError, match="must (hold|be) at least"):
        run(tmp_path / "run", **wrong)
    assert not (tmp_path / "run").exists()


def test_members_go_on_from_where_each_is(tmp_path, monkeypatch, undisturbed):
    """Some saved at one step, some at another, some not at all: one shard, three tasks."""
    out = tmp_path / "run"
    stopped(out, monkeypatch, 8, width=4)
    stopped(out, monkeypatch, 20, width=2)
    saves = list((out / "checkpoints").iterdir())
    steps = {
        tuple(p.metadata["members"]): p.step for f in saves for p in checkpoints.peek(f)
    }
    assert len(set(steps.values())) == 2
    run(out, width=6)
    assert_close(out, undisturbed)


def test_a_checkpoint_of_another_run_is_said_and_left_alone(tmp_path, monkeypatch):
    for name, configs in (("a", members()), ("b", [*members(), *members(7)[6:]])):
        restore = stop_when(monkeypatch, lambda steps: steps >= 8)
        with pytest.raises(sweeps.Interrupted):
            run(tmp_path / name, configs, width=3)
        restore()
    mine, foreign = (next((tmp_path / n / "checkpoints").iterdir()) for n in "ba")
    shutil.rmtree(mine)
    shutil.copytree(foreign, mine)
    with pytest.raises(checkpoints.ForeignCheckpoint, match="belongs to another run"):
        run(tmp_path / "b", [*members(), *members(7)[6:]])
    assert mine.exists()


def test_a_member_that_a_finished_run_lacks_is_run_anew(tmp_path, capsys):
    out = tmp_path / "run"
    run(out, width=3)
    whole = results.content_hash(out)
    min((out / "shards").iterdir()).unlink()
    with pytest.raises(results.DamagedFile, match="lacks 3 of 6 members"):
        results.read(out)
    run(out, width=3, progress=True)
    assert "3 members are missing, although all had ended on" in capsys.readouterr().err
    assert results.content_hash(out) == whole


@pytest.mark.slow  # 20 s: two processes compile; `tests/results` has four that share rows
def test_two_launchers_share_the_members(undisturbed, tmp_path, monkeypatch):
    """Neither runs what the other has in hand, whatever their widths."""
    ran, real, lock = [], _work.run_task, threading.Lock()

    def slow(task, *rest):
        with lock:
            ran.extend(task.shard.members)
        both.wait(20)
        real(task, *rest)

    both = threading.Event()
    monkeypatch.setattr(_work, "run_task", slow)
    monkeypatch.setattr(_work, "POLL_SECONDS", 0.05)
    out = tmp_path / "run"
    launchers = [
        threading.Thread(target=run, args=(out,), kwargs={"width": width})
        for width in (2, 3)
    ]
    for launcher in launchers:
        launcher.start()
    while len(ran) < 4:
        both.wait(0.01)
    both.set()
    for launcher in launchers:
        launcher.join()
    assert sorted(ran) == list(range(6))
    assert_close(out, undisturbed)


SECOND = """
import sys
sys.path.insert(0, sys.argv[2])
import test_members
test_members.run(sys.argv[1], progress=True)
"""


def test_a_second_process_is_told_and_waits(tmp_path, monkeypatch, undisturbed):
    """The first is in the midst of its only shard when the second comes."""
    real, out, second = _work.run_task, tmp_path / "run", []

    def while_running(*arguments):
        command = [sys.executable, "-c", SECOND, str(out), str(Path(__file__).parent)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if "Another process works on 6 members" in line:
                break
        second.append(process)
        return real(*arguments)

    monkeypatch.setattr(_work, "run_task", while_running)
    run(out)
    with second[0] as process:
        process.stderr.read()
    assert process.returncode == 0
    assert len(list((out / "shards").iterdir())) == 1
    assert_close(out, undisturbed)
