"""Processes of an engine are started, watched, started again, stopped, and explained."""

import signal
import sys

import pytest

from vae_jax import configs, engines, results, sweeps
from vae_jax.cli import _main, _scale
from vae_jax.engines import Ended
from vae_jax.engines._local import Local, visible_gpus
from vae_jax.engines._work import in_words

SETTINGS = {"model": "linear", "latent_dim": 2, "num_steps": 50, "eval_samples": 2}
QUIET = sweeps.Options(progress=False)


def runs(num=3):
    return [configs.Run.of(**SETTINGS, seed=seed) for seed in range(num)]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Of a folder that no process of these tests makes."""
    out = tmp_path_factory.mktemp("work") / "run"
    return engines.divided(runs(), out, QUIET, workers=3)


class Scripted:
    """An engine whose processes end as they are told."""

    def __init__(self, *ends):
        self.ends = {name: list(said) for name, said in ends}
        self.started, self.stopped, self.killed, self.closed = [], [], [], False

    def start(self, work):
        self.started += [part.name for part in work]
        return [part.name for part in work]

    def ended(self, handle):
        said = self.ends.get(handle, [Ended(0)])
        if handle in self.stopped:
            return Ended(143)
        return said.pop(0) if len(said) > 1 else said[0]

    def stop(self, handle):
        self.stopped.append(handle)

    def kill(self, handle):
        self.killed.append(handle)

    def close(self):
        self.closed = True


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr("vae_jax.engines._launch.POLL_SECONDS", 0.0)


def test_lost_processes_are_started_again(work, capsys):
    lost, saved = Ended(137, lost=True), Ended(143)
    engine = Scripted(("1/3", [lost, lost, Ended(0)]), ("2/3", [saved, Ended(0)]))
    engines.launch(engine, work, retries=2)
    assert sorted(engine.started) == ["1/3"] * 3 + ["2/3"] * 2 + ["3/3"]
    assert engine.closed
    assert "Process 1/3 was killed; it is started again." in capsys.readouterr().err


def test_a_process_that_is_killed_again_and_again_is_an_error(work):
    engine = Scripted(("2/3", [Ended(137, lost=True)]))
    said = "2/3 .* killed 2 times, with `retries` 1"
    with pytest.raises(engines.WorkerFailed, match=said):
        engines.launch(engine, work, retries=1, shown=False)


def test_an_error_of_several_is_told_once(work):
    same = Ended(1, error="No space left on device: 100 bytes needed")
    engine = Scripted(("1/3", [same]), ("3/3", [same]))
    with pytest.raises(engines.WorkerFailed) as failed:
        engines.launch(engine, work, shown=False)
    assert str(failed.value).count("No space left") == 1
    assert "processes 1/3, 3/3 of the sweep: No space" in str(failed.value)
    assert engine.started == ["1/3", "2/3", "3/3"]  # no error goes away by itself


def test_a_signal_stops_all_and_waits_for_their_saves(work):
    engine = Scripted(*((part.name, [None]) for part in work))
    seen, sent = engine.ended, []

    def ended(handle):
        if not sent:
            sent.append(True)
            signal.raise_signal(signal.SIGINT)
        return seen(handle)

    engine.ended = ended
    with pytest.raises(sweeps.Interrupted) as stopped:
        engines.launch(engine, work, shown=False)
    assert stopped.value.code == 130
    assert sorted(engine.stopped) == ["1/3", "2/3", "3/3"]
    assert (engine.killed, engine.closed) == ([], True)


def test_a_second_signal_ends_them_at_once(work):
    engine = Scripted(*((part.name, [None]) for part in work))

    def ended(handle):
        signal.raise_signal(signal.SIGINT)

    engine.ended = ended
    with pytest.raises(KeyboardInterrupt):
        engines.launch(engine, work, shown=False)
    assert sorted(engine.killed) == ["1/3", "2/3", "3/3"]


def test_all_is_checked_before_a_process_is_started(tmp_path):
    with pytest.raises(ValueError, match="from 1 to the number of members, 3; got 4"):
        engines.divided(runs(), tmp_path / "run", QUIET, workers=4)
    wrong = [run.changed(batch_size=5000) for run in runs()]
    with pytest.raises(ValueError, match="`batch_size` must be at most"):
        engines.divided(wrong, tmp_path / "run", QUIET, workers=2)
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match="`retries` must be at least 0; got -1"):
        engines.launch(Scripted(), [], retries=-1)


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [("ray", "ray", "ray"), ("slurm", "submitit", "slurm")],
)
def test_a_missing_package_is_said_with_the_command(name, package, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=rf"pip install 'vae-jax\[{extra}\]'"):
        engines.engine(name)


def test_slurm_is_refused_where_no_jobs_are_submitted(monkeypatch, tmp_path):
    pytest.importorskip("submitit", reason="submitit is not installed: extra slurm")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="no `sbatch` here"):
        engines.engine("slurm", engines.Resources(jobs=tmp_path / "jobs"))


def test_other_engines_and_resources_are_refused():
    with pytest.raises(ValueError, match="one of local, ray, slurm; got 'pbs'"):
        engines.engine("pbs")
    for name, value in (("cpus", 0), ("gpus", -1), ("memory_gb", float("nan"))):
        with pytest.raises(ValueError, match=f"`{name}` must be more than 0"):
            engines.engine("local", engines.Resources(**{name: value}))


def test_processes_have_gpus_of_their_own(monkeypatch, work):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,7")
    assert visible_gpus() == ["4", "5", "7"]
    engine, given = Local(engines.Resources(gpus=1)), []
    monkeypatch.setattr(
        "vae_jax.engines._local.subprocess.Popen",
        lambda *a, **k: given.append(k["env"]["CUDA_VISIBLE_DEVICES"]) or Sink(),
    )
    for handle in engine.start(work):
        handle.errors.close()
    assert given == ["4", "5", "7"]
    with pytest.raises(ValueError, match="1/3 would need 1, and 0 are left"):
        engine.start(work[:1])
    with pytest.raises(ValueError, match="as many as there are, 3; got 4"):
        Local(engines.Resources(gpus=4))


class Sink:
    """What is written to a process that there is not."""

    def __init__(self):
        self.stdin = self

    def write(self, content):
        return len(content)

    def flush(self):
        return None


def test_without_a_driver_gpus_are_refused(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="needs NVIDIA's driver"):
        Local(engines.Resources(gpus=1))


WRONG = [
    (["--workers", "2"], "`workers` is for engines; got 2 without one"),
    (["--gpus", "1"], "`gpus` is for engines"),
    (["--engine", "local"], "`workers` must be given with an engine"),
    (["--engine", "local", "--workers", "2", "--partition", "a"], "is for slurm"),
    (["--engine", "slurm", "--workers", "2", "--tpus", "1"], "is for ray; got engine"),
    (["--engine", "local", "--workers", "2", "--shard", "1/2"], "started by hand"),
    (["--engine", "local", "--workers", "9"], "from 1 to the number of members, 2"),
    (["--engine", "local", "--workers", "2", "--log-jsonl", "x"], "with an engine"),
    (["--shard", "0/2"], "counted from 1"),
    (["--shard", "1/9"], "at most as many processes as there are members, 2"),
]


@pytest.mark.parametrize(("words", "message"), WRONG)
def test_options_that_change_nothing_are_refused(
    words, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vae_jax.cli._sweep.check_here_on_cpu", lambda: None)
    (tmp_path / "s.toml").write_text(
        '[base]\nmodel = "linear"\nnum_steps = 50\n[[grid]]\nseed = [0, 1]\n'
    )
    with pytest.raises(SystemExit) as ended:
        _main.main(["sweep", "s.toml", "--out", "run", "--devices", "1", *words])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_every_resource_is_an_option_of_an_engine():
    assert set(_scale.OF_ENGINES) == set(engines.Resources._fields) - {"jobs"}
    assert {name for of in _scale.OF_ENGINES.values() for name in of} == {
        *engines.ENGINES
    }


def test_a_defect_keeps_its_traceback():
    with pytest.raises(KeyError) as raised:
        {}["beta"]
    assert "Traceback" in in_words(raised.value)
    assert in_words(OSError(28, "No space left")) == "[Errno 28] No space left"


def test_a_process_of_this_machine_makes_what_this_one_makes(tmp_path):
    sweeps.run(runs(1), tmp_path / "here", QUIET)
    work = engines.divided(runs(1), tmp_path / "there", QUIET, workers=1, devices=1)
    engines.launch(engines.engine("local"), work, shown=False)
    hashes = [results.content_hash(tmp_path / name) for name in ("here", "there")]
    assert hashes[0] == hashes[1]
