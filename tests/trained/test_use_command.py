"""`vae-jax use`: what it writes, where, and what it refuses."""

from pathlib import Path

import jax
import numpy as np
import pytest
from families import TEXT, stored_run
from PIL import Image
from slow_cases import slow_but

from vae_jax import gaussian
from vae_jax import trained as use
from vae_jax.cli import _picture
from vae_jax.cli._main import main
from vae_jax.configs import Run


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    runs = [Run.of(hidden=(4,), latent_dim=2, beta=beta) for beta in (1.0, 2.0)]
    out = tmp_path_factory.mktemp("images") / "run"
    return stored_run(out, runs, nll={0: 3.0, 1: 2.0})


@pytest.fixture(scope="module")
def sentences(tmp_path_factory):
    run = Run.of(latent_dim=2, hidden=(4,), model="lstm", embedding=3, **TEXT)
    return stored_run(tmp_path_factory.mktemp("text") / "run", [run])


@pytest.fixture(autouse=True)
def as_it_is(monkeypatch, tmp_path):
    """JAX stays as the suite has set it up; files go to an empty folder."""
    monkeypatch.setattr("vae_jax.sweeps.setup_jax", lambda devices=None: None)
    monkeypatch.chdir(tmp_path)


def run(*words):
    main(["use", *map(str, words)])


def refused(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_encode_writes_the_posterior_of_a_split(images, capsys):
    run(images, "encode", "--best", "nll", "--split", "validation")
    assert capsys.readouterr().out.endswith("Results: run-1-encode.npz\n")
    found, member = np.load("run-1-encode.npz"), use.open_run(images)[1]
    split = member.dataset.validation
    mean, logvar = member.encode(split.images)
    np.testing.assert_array_equal(found["mean"], mean)
    np.testing.assert_array_equal(found["logvar"], logvar)
    np.testing.assert_array_equal(found["labels"], split.labels)


@pytest.mark.parametrize(
    "action", slow_but(["reconstruct"], ["sample", "reconstruct", "interpolate"])
)
def test_a_picture_is_drawn(action, images):
    run(images, action, "--member", 0, "--count", 3)
    with Image.open(f"run-0-{action}.png") as picture:
        shade = np.asarray(picture.convert("L"))
    assert shade.shape[1] > 100
    # an image has black and white in it, and labels are on white
    assert shade.min() < 50
    assert shade.max() > 200


@pytest.mark.slow
def test_arrays_are_what_the_member_says(images):
    run(
        images,
        "interpolate",
        "--member",
        0,
        "--count",
        2,
        "--steps",
        5,
        "--out",
        "a.npz",
    )
    found, member = np.load("a.npz"), use.open_run(images)[0]
    x = member.dataset.test.images
    first = 2 * (np.arange(2) * (len(x) // 2) // 2)  # two pairs evenly over the split
    path = member.interpolate(x[first], x[first + 1], 5)
    np.testing.assert_array_equal(found["paths"], path)
    run(images, "sample", "--member", 0, "--seed", 3, "--out", "s.npz")
    np.testing.assert_array_equal(
        np.load("s.npz")["samples"], member.sample(jax.random.key(3), 8)
    )


@pytest.mark.slow
def test_sentences_are_text(sentences):
    run(sentences, "sample", "--count", 4, "--top-p", 0.9)
    lines = Path("run-0-sample.txt").read_text().splitlines()
    assert len(lines) == 4
    assert all(0 <= int(word) <= 5 for line in lines for word in line.split())
    run(sentences, "reconstruct", "--count", 2)
    first = Path("run-0-reconstruct.txt").read_text().splitlines()
    assert first[0] == "5 4 4 4 4 4 4 4 4 4"
    assert first[2] == ""


def test_nothing_is_overwritten(images, capsys, tmp_path):
    (tmp_path / "mine.png").write_text("mine")
    said = refused(capsys, images, "sample", "--member", 0, "--out", "mine.png")
    assert "`out` must be the name of a new file; got mine.png, which exists" in said
    assert (tmp_path / "mine.png").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sample"], "`member` must be given for a run of several, or `best`; 2"),
        (["sample", "--member", "5"], "got 5: member 5 is not of this run"),
        (["sample", "--member", "0", "--best", "nll"], "both say which member"),
        (["sample", "--member", "0", "--prefer", "lowest"], "`prefer` is of --best"),
        (["sample", "--member", "0", "--steps", "3"], "`steps` is of interpolate; got"),
        (["encode", "--member", "0", "--seed", "3"], "`seed` is of sample; got"),
        (["encode", "--member", "0", "--out", "a.png"], "must end in .npz for encode"),
        (
            ["sample", "--member", "0", "--out", "a.txt"],
            "end in .png or .npz for images",
        ),
        (["sample", "--member", "0", "--out", "no/a.png"], "a folder that exists"),
        (["sample", "--member", "0", "--top-p", "0.5"], "`top_p` is of sentences"),
        (
            ["encode", "--member", "0", "--count", "999"],
            "1 to 297 examples of the test",
        ),
        (["sample", "--member", "0", "--count", "0"], "must be at least 1; got 0"),
        (["sample", "--best", "rate"], "`lowest` must be True or False"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(images, capsys, words, message):
    said = refused(capsys, images, *words)
    assert message in said
    assert said.count("\n") == 1
    assert not any(path.suffix for path in Path.cwd().iterdir())


def test_sentences_are_no_picture(sentences, capsys):
    said = refused(capsys, sentences, "sample", "--out", "a.png")
    assert "must end in .txt or .npz for sentences" in said


@pytest.mark.slow
def test_an_export_goes_to_a_new_folder(images, capsys):
    run(images, "export", "--best", "nll")
    assert capsys.readouterr().out.endswith("Results: run-1-export\n")
    names = {path.name for path in Path("run-1-export").iterdir()}
    assert names == {
        *("card.md", "params.safetensors"),
        *("prepare.bin", "encoder.bin", "decoder.bin"),
    }
    said = refused(capsys, images, "export", "--best", "nll")
    assert "must be a new or empty folder" in said


def test_the_report_of_a_member_is_drawn(images, capsys):
    main(["diagnose", str(images), "--member", "1", "--picture", "report.png"])
    assert "Picture: report.png" in capsys.readouterr().out
    with Image.open("report.png") as picture:
        assert picture.size[0] > 1000
    with pytest.raises(SystemExit):
        main(["diagnose", str(images), "--picture", "report.png"])
    assert "`--picture` is of one member" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("binarize", ["none", "static", "dynamic"])
def test_the_picture_has_the_rates_of_the_report(binarize, tmp_path):
    """The noise of a binarisation, too, is that of the evaluation."""
    likelihood = "gaussian" if binarize == "none" else "bernoulli"
    run = Run.of(hidden=(4,), latent_dim=2, binarize=binarize, likelihood=likelihood)
    member = use.open_run(stored_run(tmp_path / "run", [run]))[0]
    kl = np.asarray(gaussian.kl_standard(*_picture.posteriors(member))).mean(axis=0)
    np.testing.assert_allclose(kl, member.report().report.kl_per_unit, rtol=1e-5)


@pytest.mark.parametrize("settings", [{"prior": "diagonal"}, {"condition": "label"}])
def test_a_report_of_other_units_is_not_drawn(settings, tmp_path):
    run = Run.of(hidden=(4,), latent_dim=2, **settings)
    member = use.open_run(stored_run(tmp_path / "run", [run]))[0]
    with pytest.raises(ValueError, match="units are compared with N.0, 1."):
        _picture.draw_member(member, tmp_path / "report.png")
