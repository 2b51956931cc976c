"""The command line: refusals are fast and say what to do; commands do what they say."""

import importlib
import inspect
import itertools
import os
import re
import resource
import subprocess
import sys

import pytest

import vae_jax
from vae_jax import cli, results, sweeps
from vae_jax.cli import _main, _sweep
from vae_jax.configs import Run
from vae_jax.records import CHOICES

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
    (["train", "--dataset", "digit"], "`dataset` must be one of"),
    (["train", "--dataset", "digit"], "Did you mean `digits`"),
    (["train", "--binarize", "none"], "binary data only"),
    (["train", "--schedule", "linear", "--warmup-steps", "9000"], "must end within"),
    (["train", "--model", "mpl"], "Did you mean `mlp`"),
    (["train", "--model", "nowhere:build"], "cannot be imported"),
    (["train", "--num-cycles", "2"], "a setting of schedule='cyclical'; this run has"),
    (["train", "beta", "2"], "a flag must begin with two dashes; got 'beta'"),
    (["train", "--beta"], "`--beta` must have a value; got none"),
    (["train", "--beta", "1", "2"], "`--beta` takes one value; got 1 2"),
    (["train", "--beta", "1", "--beta=2"], "`beta` must be given once"),
    (["train", "--beta", "two"], "`beta` must be a number; got 'two'"),
    (["train", "--hidden", "8", "x"], "`hidden` must be a whole number; got 'x'"),
    (["train", "--devices", "x"], "`devices` must be a whole number; got 'x'"),
    (["train", "--no-skip", "x"], "`--no-skip` takes no value; got 'x'"),
    (["train", "--skip", "maybe"], "`skip` must be true or false; got maybe"),
    (["train", "--accept-version-change", "x"], "must be true or false; got x"),
    (["settings", "--x"], "`settings` must be given one name"),
    (["settings", "pixelcn"], "Did you mean `pixelcnn`?"),
    (["sweep", "missing.toml"], "missing.toml does not exist"),
    (["sweep", "."], "`spec` must be a TOML file; . is a folder"),
    (["sweep", "spec.toml", "--width", "0"], "`width` must be at least 1; got 0"),
    (["train", "--beta", "1e300"], "`beta` must be finite in float32"),
    (["train", "--data-folder", ""], "`data_folder` must be a text of visible"),
    (["train", "--out", "/dev/null/x"], "/dev/null is a file. Name another one"),
    (["train", "--out", "x" * 300], "a name in it has 300 bytes"),
    (["diagnose", "nowhere"], "there is no nowhere"),
    (["diagnose", "~nobody-of-this-name/x"], "a home that is not known here"),
    (["trian"], "got 'trian'. Did you mean `train`?"),
    (["--beta", "2", "train"], "the first word must be a command"),
    (["forecast", "digits", "--beta", "0"], "`beta` must be finite and above 0"),
    (["forecast", "brown"], "an image set; got 'brown', which holds sentences"),
    (["forecast", "digits", "--data-folder", "x"], "must be None for the digits"),
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


@pytest.mark.parametrize("number", ["0", "-1", "100000"])
@pytest.mark.parametrize("words", [["train"], ["sweep", "s.toml"]], ids=lambda w: w[0])
def test_a_wrong_number_of_devices_is_refused(
    number, words, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text("[base]\nbeta = 2")
    with pytest.raises(SystemExit) as stopped:
        cli.main([*words, "--devices", number])
    assert stopped.value.code == 2
    assert f"at most 1024; got {number}." in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["s.toml"]


def test_no_command_is_refused_with_the_page_of_help(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == _main.help_page()


def test_help_is_the_page_and_the_version_is_the_packages(capsys):
    cli.main(["--help"])
    assert capsys.readouterr().out == _main.help_page()
    cli.main(["--version"])
    assert capsys.readouterr().out == f"vae-jax {vae_jax.__version__}\n"


@pytest.mark.parametrize("name", _main.COMMANDS)
def test_the_page_of_help_says_what_each_command_says_of_itself(name):
    module, summary = _main.COMMANDS[name]
    function = getattr(importlib.import_module(f"vae_jax.cli.{module}"), name)
    assert inspect.getdoc(function).splitlines()[0] == summary


def test_help_prints_the_width_that_sweeps_have():
    assert sweeps.Options().width == _sweep.WIDTH


@pytest.mark.parametrize(
    "words", [["--help"], ["train", "--help"], ["sweep", "--help"]]
)
def test_help_imports_what_it_shows_alone(words):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "vae_jax", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    names = [line.split("|")[-1].strip() for line in done.stderr.splitlines()]
    assert "vae_jax.cli._main" in names
    # whose settings are shown, has to be loaded
    heavy = {"pandas"} if words[0] == "train" else {"jax", "pandas", "numpy"}
    assert not {name.split(".")[0] for name in names} & heavy
    assert "--help" in done.stdout


def test_a_reader_that_goes_away_ends_the_command_quietly():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "vae_jax", "--help"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_ctrl_c_without_a_state_is_said(monkeypatch, capsys):
    def interrupted(words):
        raise KeyboardInterrupt

    monkeypatch.setattr(_main, "run_command", interrupted)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["doctor"])
    assert stopped.value.code == 130
    assert capsys.readouterr().err == "vae-jax: interrupted\n"


def test_a_defect_keeps_its_traceback(monkeypatch):
    def defect(words):
        raise KeyError("a defect")

    monkeypatch.setattr(_main, "run_command", defect)
    with pytest.raises(KeyError):
        cli.main(["doctor"])


@pytest.mark.parametrize("error", [results.DamagedFile, results.VersionChanged])
def test_damage_and_other_versions_are_explained(error):
    assert _main.is_explained(error("what to do"))


def test_our_own_warnings_are_a_line(monkeypatch, capsys):
    def warned(words):
        sweeps.expand({"grid": [{"beta": [1]}, {"beta": [1]}]})

    monkeypatch.setattr(_main, "run_command", warned)
    cli.main(["sweep"])
    expected = "vae-jax: note: the grids share 1 of 2 runs: each is run once\n"
    assert capsys.readouterr().err == expected


@pytest.fixture
def run_instead(monkeypatch):
    """What `sweeps.run` would be given; nothing is trained."""
    given = []

    def run(configs, out, options, on_chunk=None, shard=None):
        given.append((configs, out, options))
        raise ValueError("stopped by the test")

    monkeypatch.setattr(sweeps, "run", run)
    monkeypatch.setattr(sweeps, "setup_jax", lambda devices: given.append(devices))
    return given


def test_a_tilde_is_the_home_in_every_path(run_instead, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "s.toml").write_text("[base]\ndata_folder = '~/d/'")
    with pytest.raises(SystemExit):
        cli.main(["sweep", "~/s.toml", "--out=~/x"])
    _, (configs, out, _) = run_instead
    assert out == tmp_path / "x"
    assert configs[0]["data_folder"] == str(tmp_path / "d")
    with pytest.raises(SystemExit):
        cli.main(["diagnose", "~/x"])
    assert f"{tmp_path}/x." in capsys.readouterr().err


def test_train_takes_what_sweep_takes(run_instead):
    with pytest.raises(SystemExit):
        cli.main(["train", "--devices", "2", "--accept-version-change", "--beta", "2"])
    devices, (configs, _, options) = run_instead
    # one run uses one device, and idle ones cost time
    assert (devices, options.accept_version_change) == (1, True)
    assert configs == [Run.of(beta=2.0)]


FLAGS = [
    (["--clip-norm", "none"], {}),
    (["--clip-norm", "2"], {"clip_norm": 2.0}),
    (["--hidden", "8", "16"], {"hidden": [8, 16]}),
    (["--hidden=8", "--skip"], {"hidden": [8], "skip": True}),
    (["--skip", "--no-dequantize"], {"skip": True}),
    (["--model=pixelcnn", "--window", "full"], {"model": "pixelcnn"}),
    (["--num-epochs", "2.5"], {"num_epochs": 2.5}),
    (["--batch_size", "3"], {"batch_size": 3}),
    (
        ["--schedule=stages", "--stage-betas", "0", "2", "--stage-steps", "10", "20"],
        {"schedule": "stages", "stage_betas": [0, 2], "stage_steps": [10, 20]},
    ),
]


@pytest.mark.parametrize(("words", "settings"), FLAGS, ids=lambda v: str(v)[:40])
def test_flags_are_settings(run_instead, words, settings):
    with pytest.raises(SystemExit):
        cli.main(["train", *words])
    _, (configs, _, _) = run_instead
    assert configs == [Run.of(**settings)]


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_shows_all_of_its_settings(choice, capsys):
    for name, cls in CHOICES[choice].items():
        if name:
            cli.main(["settings", name])
            printed = capsys.readouterr().out
            assert f"{choice}={name}: " in printed
            for setting in cls.settings():
                assert f"  --{setting.replace('_', '-')}" in printed


def entries(page):
    """The entries of a page of help, without the lines that go on with them."""
    text = re.sub(r"\n {10,}", " ", page)
    return [line for line in text.splitlines() if line.startswith("  ")]


def test_help_of_train_is_one_screen_of_sentences(capsys):
    cli.main(["train", "--help"])
    page = capsys.readouterr().out
    assert len(page.splitlines()) <= 60
    assert max(map(len, page.splitlines())) <= 92
    for line in entries(page):
        assert re.fullmatch(r"  --[a-z-]+ +[A-Z].*\.", line), line


@pytest.mark.parametrize("command", ["sweep", "use", "diagnose"])
def test_options_are_sentences_without_a_default_that_is_none(command, capsys):
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    page = capsys.readouterr().out
    assert "None" not in page
    lines = [line.strip("│ ") for line in page.splitlines() if line.startswith("│")]
    for line, after in itertools.pairwise([*lines, "--end"]):
        if after.startswith("--") and not line.startswith(("-h", "FOLDER", "SPEC")):
            assert line.endswith("."), line


@pytest.mark.parametrize("choice", [*CHOICES, "digits", "run", "beta", "warmup_steps"])
def test_a_page_of_settings_is_of_sentences(choice, capsys):
    cli.main(["settings", choice])
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.endswith((".", ":", ","))
    for line in entries("\n".join(lines)):
        assert re.search(r" [A-Z`].*\.$", line), line


def test_the_page_of_ones_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_page.py").write_text(
        "from vae_jax.records import data, record\n"
        "from vae_jax.remedies import Remedy\n"
        "@record('remedy', 'floor')\n"
        "class Floor(Remedy):\n"
        "    'A floor.'\n"
        "    floor: float = data('Nats.', low=0)\n"
    )
    cli.main(["settings", "own_page:Floor"])
    assert capsys.readouterr().out.splitlines() == [
        "remedy=own_page:Floor: A floor.",
        "  --floor               Nats. Needed.",
    ]
    with pytest.raises(SystemExit):
        cli.main(["settings", "own_page:Roof"])
    assert "it has no 'Roof'" in capsys.readouterr().err


@pytest.mark.parametrize(("asked", "made"), [(1, 1), (2, 2), (8, 3)])
def test_a_sweep_has_no_more_devices_than_runs(run_instead, tmp_path, asked, made):
    spec = tmp_path / "s.toml"
    spec.write_text("[[grid]]\nseed = [0, 1, 2]")
    with pytest.raises(SystemExit):
        cli.main(["sweep", str(spec), "--devices", str(asked)])
    assert run_instead[0] == made


def stored(out, rows, num_members):
    """A run folder in which some of the members are finished."""
    members = [f"member-{number}" for number in range(num_members)]
    manifest = {"spec": {"configs": []}, "versions": {}, "members": members}
    results.create_or_open(out, manifest)
    measured = {"status": "finished", "first_bad_step": None, "rate": 1.0, "beta": 1.0}
    if rows:
        named = [{"member": n, "member_id": members[n], **measured} for n in rows]
        results.commit_shard(out, named)


def test_a_sweep_without_a_finished_shard_says_so(tmp_path, capsys):
    stored(tmp_path / "run", [], 4)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["diagnose", str(tmp_path / "run")])
    assert stopped.value.code == 2
    assert "no results yet: 0 of 4 members are finished" in capsys.readouterr().err


def test_half_a_sweep_says_how_much_it_is(tmp_path, capsys):
    stored(tmp_path / "run", [0, 1], 4)
    cli.main(["diagnose", str(tmp_path / "run")])
    printed = capsys.readouterr().out
    # rows of one's own program need no verdict
    assert "member 1: finished\n" in printed
    assert "2 of 4 members are finished." in printed
    with pytest.raises(SystemExit):
        cli.main(["diagnose", str(tmp_path / "run"), "--member", "3"])
    expected = "`member` must be one of those finished, 0, 1; got 3."
    assert expected in capsys.readouterr().err


def test_a_misspelt_flag_suggests_the_right_one(capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--latent-dimm", "3"])
    assert "--latent-dim" in capsys.readouterr().err


def test_a_refusal_takes_under_three_seconds_from_a_cold_start(tmp_path):
    """Of CPU: what else this machine does is no fault of ours."""
    times = []
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = command("train", "--beta", "-1", cwd=tmp_path)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(
            after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        )
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
    sizes = "1200 to train on, 300 to validate by, 297 to test on"
    assert f"digits: {sizes}; 8x8, grey levels 0 to 16" in printed


def test_doctor_names_versions_and_devices():
    done = command("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("jax: ", "devices: ", "cache: ", "digits", "All well."):
        assert word in done.stdout
