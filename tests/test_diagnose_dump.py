"""`vae-jax diagnose FILE`: the whole report, and every option that changes nothing."""

import re

import jax
import numpy as np
import pytest

from vae_jax import cli, diagnostics
from vae_jax.cli import _dump
from vae_jax.cli._loss import Loss, describe_beta

N = 60
RNG = np.random.default_rng(0)


def latents(*shape):
    """The last channel, or the last unit, collapsed."""
    means, logvars = RNG.normal(size=(N, *shape)), np.full((N, *shape), -2.0)
    means[..., -1], logvars[..., -1] = 0.0, 0.0
    return {"means": means.astype(np.float32), "logvars": logvars.astype(np.float32)}


def printed(capsys, *words):
    cli.main(["diagnose", *map(str, words)])
    return capsys.readouterr().out


def refused(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["diagnose", *map(str, words)])
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_the_report_of_a_plain_latent(tmp_path, capsys):
    arrays = latents(3)
    own = RNG.normal(-20, 1, N)
    others = {"log_likelihood": own, "log_likelihood_shuffled": own - 3}
    np.savez(tmp_path / "a.npz", **arrays, **others, label=np.arange(N))
    picture = tmp_path / "a.png"
    out = printed(capsys, tmp_path / "a.npz", "--picture", picture)
    key = jax.random.split(jax.random.key(0))[0]
    report = jax.jit(diagnostics.collapse_report)(
        key, arrays["means"], arrays["logvars"]
    )
    assert f"{N} examples of 3 units (layout nd, assumed); means from `means`" in out
    assert "Not read: `label`." in out
    assert re.search(rf"rate +{float(report.rate):.4f}", out)
    information = float(report.mutual_information)
    assert re.search(rf"information +{information:.4f}  \(standard error", out)
    assert re.search(r"cost of another z +3.0000", out)
    assert re.search(rf"distortion +{-own.mean():.4f}", out)
    assert "2 of 3 units are in use." in out
    assert "Units: 3; active 2, collapsed 1, in use 2." in out
    assert "By unit: 2 in use, 1 not in use." in out
    assert re.search(r"\n +2 .* no +yes not in use\n", out)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture) in out


@pytest.mark.slow
def test_channels_of_images_and_which_beta_it_was(tmp_path, capsys):
    arrays = {name: a.transpose(0, 3, 1, 2) for name, a in latents(4, 4, 2).items()}
    std = np.exp(arrays["logvars"] / 2)
    np.savez(tmp_path / "a.npz", mean=arrays["means"], std=std)
    words = "--std std --layout nchw --beta 0.00025 --error mse --reduction mean"
    out = printed(capsys, tmp_path / "a.npz", *words.split(), "--dims", "12288")
    assert "4 x 4 positions with 2 channels" in out
    assert "log-variances from 2 log(`std`)" in out
    assert "By channel: 1 healthy, 1 collapsed." in out
    assert "is beta = 1.536. It is the ELBO of a Gaussian decoder with noise" in out
    assert "beta = 1 is a weight of 0.0001628." in out


@pytest.mark.slow
def test_positions_of_a_sequence_from_fewer_examples(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", **latents(3, 2))
    words = ["--by", "position", "--examples", "30", "--seed", "1"]
    out = printed(capsys, tmp_path / "a.npz", *words)
    assert "Compared with each other: 30 examples" in out
    assert "By position: 3 healthy." in out or "partially collapsed" in out
    assert re.search(rf"log N +{np.log(30):.4f}", out)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--member 0", "`member` is one of a folder of runs"),
        ("--by channel", "`--by` must be 'unit' for a latent without positions"),
        (
            "--examples 61",
            "`--examples` must be from 2 to the 60 that there are; got 61",
        ),
        ("--picture a.jpeg", "`--picture` must end in .png, .pdf or .svg; got a.jpeg"),
        ("--picture nowhere/a.png", "a folder that exists; got nowhere/a.png"),
        ("--reduction mean", "changes nothing without --beta"),
        ("--beta 1", "say --error and --reduction"),
        ("--beta -1 --error mse --reduction sum", "`--beta` must be at least 0"),
        ("--beta 1 --error mse --reduction mean", "`--dims`, the pixels times"),
        ("--beta 1 --error mse --reduction sum --dims 3", "only then; got 3"),
        ("--layout nchw", "a letter an axis of `means`"),
        ("--by units", "`--by` must be one of 'unit', 'channel', 'position'; got"),
        ("--beta 1 --error l2 --reduction sum", "`--error` must be one of 'mse'"),
        ("--beta 1 --error mse --reduction total", "`--batch-size` must be given"),
        (
            "--beta 1 --error mse --reduction mean --dims 0",
            "`--dims` must be at least 1",
        ),
    ],
)
def test_options_that_do_not_fit_a_file(words, expected, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "a.npz", **latents(3))
    assert expected in refused(capsys, "a.npz", *words.split())


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (Loss(0.1, "bce", "mean", "mean", 784, None), "beta = 2.45. beta = 1 is"),
        (
            Loss(10.0, "l1", "mean", None, 1400, None),
            "Laplace decoder of scale 1.4e+04",
        ),
        (Loss(2.0, "half_mse", "sum", None, None, None), "with noise variance 2. beta"),
        (
            Loss(0.0, "mse", "sum", None, None, None),
            "is beta = 0. beta = 1 is a weight",
        ),
        (Loss(0.1, "bce", "mean", "mean", 784, None), "over 32 units and the batch)"),
        (
            Loss(1.0, "mse", "sum", None, None, None),
            "summed over an example, averaged over the batch",
        ),
        (Loss(None, None, None, None, None, None), ""),
    ],
)
def test_which_beta_a_loss_had(loss, expected):
    """Of flax's toy example: 32 units, 784 pixels, both averaged, weight 0.1."""
    assert expected in describe_beta(loss, 32)


@pytest.mark.parametrize("words", ["--beta 1", "--layout nd", "--seed 0"])
def test_options_of_a_file_change_nothing_of_a_folder(words, tmp_path, capsys):
    error = refused(capsys, tmp_path, *words.split())
    assert f"`{words.split()[0]}` is for a file of posteriors" in error


def test_a_source_that_does_not_exist_is_said_to_be_missing(tmp_path, capsys):
    for words in ([], ["--seed", "0"]):
        error = refused(capsys, tmp_path / "a.npz", *words)
        assert re.search(r"`source` must be .*; there is no .*a\.npz", error)


def test_few_enough_examples_that_half_a_minute_is_enough():
    """Evenly, so that a file sorted by class has all of them."""
    assert len(_dump.choose_examples(60000, 8, None)) == 5000
    chosen = _dump.choose_examples(60000, 16384, None)
    assert len(chosen) ** 2 * 16384 <= _dump.MOST_WORK
    assert (chosen[0], chosen[-1]) == (0, 60000 - 60000 // len(chosen) - 1)
    assert set(np.diff(chosen)) <= {60000 // len(chosen), 60000 // len(chosen) + 1}
    assert _dump.choose_examples(10, 1, 10).tolist() == list(range(10))


def test_help_is_whole_sentences(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["diagnose", "--help"])
    assert stopped.value.code == 0
    page = capsys.readouterr().out
    for word in ("means", "log_likelihood_shuffled", "--layout LETTERS", "nchw"):
        assert word in page
    assert "None" not in page
