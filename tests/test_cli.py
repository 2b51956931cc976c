"""The command line: refusals are fast and say what to do; commands do what they say."""

import re
import subprocess
import sys
import time

import pytest

from vae_jax import cli, sweeps

SMALL = [
    "--num-steps",
    "100",
    "--hidden",
    "8",
    "--latent-dim",
    "2",
    "--eval-samples",
    "2",
]


def command(*arguments, cwd=None, timeout=300):
    return subprocess.run(
        [sys.executable, "-m", "vae_jax", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=timeout,
        check=False,
    )


WRONG = [
    (["train", "--beta", "-1"], "`beta` must be finite and at least 0; got -1.0"),
    (["train", "--num-steps", "120"], "`num_steps` must be a multiple of `log_every`"),
    (["train", "--dataset", "digit"], "digits"),
    (["train", "--binarize", "none"], "binary data only"),
    (["train", "--schedule", "linear", "--warmup-steps", "9000"], "must end within"),
    (["train", "--model", "mpl"], "Did you mean `mlp`"),
    (["train", "--model", "nowhere:build"], "cannot be imported"),
    (["sweep", "missing.toml"], "missing.toml does not exist"),
    (["forecast", "digits", "--beta", "0"], "`beta` must be finite and above 0"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=lambda v: str(v)[:40])
def test_bad_input_is_refused(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # this process has started JAX long ago
    monkeypatch.setattr(sweeps, "setup_jax", lambda *_: None)
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_misspelt_flag_suggests_the_right_one(capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--latent-dimm", "3"])
    assert "--latent-dim" in capsys.readouterr().err


def test_a_refusal_takes_under_three_seconds_from_a_cold_start(tmp_path):
    times = []
    for _ in range(2):  # the better of two: the first may have to read files from disk
        began = time.perf_counter()
        done = command("train", "--beta", "-1", cwd=tmp_path)
        times.append(time.perf_counter() - began)
        assert done.returncode == 2, done.stderr
    assert min(times) < 3


@pytest.mark.slow  # `.ci/run` runs it
def test_train_then_diagnose_then_resume_and_refuse(tmp_path):
    first = command("train", *SMALL, "--out", "run", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout.rstrip().endswith("Results: run")
    again = command("train", *SMALL, "--out", "run", cwd=tmp_path)
    assert again.returncode == 0
    assert again.stdout == first.stdout
    diagnosed = command("diagnose", "run", cwd=tmp_path)
    assert diagnosed.returncode == 0, diagnosed.stderr
    assert re.search(r"member 0: finished, \w+", diagnosed.stdout)
    assert "KL per unit (nats)" in diagnosed.stdout
    other = command("train", *SMALL, "--beta", "3", "--out", "run", cwd=tmp_path)
    assert other.returncode == 2
    assert "beta" in other.stderr


def test_forecast_of_the_embedded_digits(capsys):
    cli.main(["forecast", "digits", "--split", "all"])
    printed = capsys.readouterr().out
    # numpy.linalg.eigvalsh of the covariance of all 1797 digits, divided by 16
    assert "0.6989  0.6392  0.5536  0.3947  0.2714" in printed
    assert "trace: 4.6933" in printed


def test_doctor_names_versions_and_devices():
    done = command("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("jax: ", "devices: ", "cache: ", "digits", "All well."):
        assert word in done.stdout
