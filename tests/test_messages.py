"""What new users met: messages that name the fix, and what a run says of its data."""

import types

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vae_jax import assembly, cli, data, results, sweeps, userdata
from vae_jax.cli import _flags, _use_actions
from vae_jax.cli._compare import print_comparison
from vae_jax.cli._tables import next_command, verdicts_by
from vae_jax.configs import from_mapping
from vae_jax.results import compare_runs
from vae_jax.results._differences import member_differences
from vae_jax.results._tables import _joined
from vae_jax.sweeps._told import tell_data
from vae_jax.sweeps.devices._options import Options
from vae_jax.sweeps.seen._chunk import Chunk, in_short


def drawn(folder, number, colour=True, seed=0):
    """So many pictures of noise."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for i in range(number):
        levels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(levels if colour else levels[..., 0]).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sweeps, "setup_jax", lambda *_: None)
    return tmp_path


def refused(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_a_folder_or_file_that_is_there_is_named(here, capsys):
    drawn(here / "pics", 12)
    (here / "numbers").write_text("1")
    said = refused(["train", "--dataset", "pics"], capsys)
    assert "`dataset` must be" in said
    assert "A folder `pics` is there: write `pics/`." in said
    assert "tfds build" not in said
    assert "A file `numbers` is" in refused(["train", "--dataset", "numbers"], capsys)
    said = refused(["train", "--dataset", "pics/0.png"], capsys)
    assert "name its folder, `pics/`" in said
    assert "--dataset pics/" in refused(["train", "pics/"], capsys)
    assert "--dataset pics/" in refused(["train", "pics"], capsys)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--beta", "1,2"], "`vae-jax sweep FILE.toml`, with `beta = [1, 2]`"),
        (["--beta", "1", "2"], "`vae-jax sweep FILE.toml`, with `beta = [1, 2]`"),
        (["--picture-size", "32x32"], "Write 32 32, with spaces"),
        (["--likelihod", "x"], "Did you mean `--likelihood`?"),
        (["beta", "2"], "Did you mean `--beta`?"),
    ],
)
def test_flags_say_how_they_are_written(words, message):
    with pytest.raises(ValueError, match=".") as error:
        _flags.read_flags(words, {})
    assert message in str(error.value)


def test_a_short_word_finds_the_choices_that_it_may_mean():
    with pytest.raises(ValueError, match="mean `convolutional` or `pixelcnn`"):
        from_mapping({"model": "cnn"})


def test_only_what_the_model_returns_is_offered(here):
    drawn(here / "pics", 30)
    for model, has in (("mlp", False), ("pixelcnn", True)):
        run = from_mapping({"dataset": "pics/", "model": model, "batch_size": 8})
        with pytest.raises(ValueError, match="--likelihood gaussian_optimal") as error:
            assembly.job(run)
        assert ("logistic_mixture" in str(error.value)) == has


def test_a_split_of_one_example_is_named_beside_the_batch(here):
    drawn(here / "five", 5)
    run = from_mapping({"dataset": "five/", "likelihood": "gaussian_optimal"})
    with pytest.raises(
        ValueError, match="the test split of five/ must hold 2"
    ) as error:
        assembly.job(run)
    for part in ("got 1", "--test-share", "--batch-size 3 (batch_size = 3)"):
        assert part in str(error.value)


def test_a_run_says_what_it_read(here, capsys):
    for i, name in enumerate(("bar", "cross")):
        drawn(here / "pics" / name, 20, seed=i)
    values = {"dataset": "pics/", "likelihood": "gaussian_optimal", "batch_size": 8}
    runs = [from_mapping({**values, "seed": seed}) for seed in (0, 1)]
    inputs = [{"data": {"train": "ab"}}] * 2
    tell_data(here / "out", runs, inputs, Options(progress=True))
    assert capsys.readouterr().err == (
        "pics/: 32 to train on, 4 to validate by, 4 to test on; 8x8x3, colours 0 to "
        "255, 2 classes (bar, cross)\n"
    )
    digest = sweeps.data_digest(inputs[0])
    assert results.kept_about(here / "out", digest)["label_names"] == ["bar", "cross"]
    tell_data(here / "out", runs, inputs, Options(progress=False))
    assert capsys.readouterr().err == ""


def test_mixed_colours_loose_pictures_and_labels_that_disagree_are_told(here):
    drawn(here / "pics" / "a", 12)
    drawn(here / "pics" / "b", 2)  # the first two of a
    drawn(here / "pics" / "c", 4, colour=False, seed=1)
    with pytest.warns(UserWarning, match="pics/: ") as told:
        userdata.Files(dataset="pics/").load()
    said = " ".join(str(one.message) for one in told)
    assert "4 of 18 pictures are grey" in said
    assert "4 of 18 examples equal another one" in said
    drawn(here / "pics", 1, seed=2)
    for same in (0, 1):
        (here / "pics" / "b" / f"{same}.png").unlink()
    with pytest.warns(UserWarning, match="1 of 17 pictures lie beside the 2 folders"):
        loaded = userdata.Files(dataset="pics/", picture_colours="rgb").load()
    assert set(loaded.train.labels) == {-1}


def test_forecast_reads_own_data_as_training_does(here, capsys):
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(60, 3)) @ np.diag([1.0, 10.0, 100.0])
    frame = pd.DataFrame(numbers, columns=list("abc"))
    frame.assign(target=rng.integers(0, 3, 60)).to_csv("wine.csv", index=False)
    words = ["wine.csv", "--label-column", "target", "--standardize"]
    cli.main(["forecast", *words, "--beta", "1", "--variance", "0.1", "0.5"])
    shown = capsys.readouterr().out
    record = userdata.Files(dataset="wine.csv", label_column="target", standardize=True)
    train = record.load().train.images.astype(float)
    trace = np.trace(np.cov(train.T, bias=True))
    assert f"trace: {trace:.4f}" in shown
    assert "48 to train on, 6 to validate by, 6 to test on; 3, real numbers" in shown
    drawn(here / "pics", 30)
    cli.main(["forecast", "./pics/", "--picture-size", "4", "4", "--split", "all"])
    assert "48 pixels" in capsys.readouterr().out
    said = refused(["forecast", "digits", "--hidden", "8"], capsys)
    assert "`hidden` is no setting of the data" in said
    assert "Did you mean `train`" in refused(
        ["forecast", "digits", "--split", "tain"], capsys
    )


def test_pages_name_the_settings_of_own_data(capsys):
    for words in (["train", "--help"], ["settings", "dataset"]):
        cli.main(words)
        assert "`vae-jax settings files`" in capsys.readouterr().out
    cli.main(["settings", "images"])
    assert "--data-folder" in capsys.readouterr().out
    cli.main(["settings"])
    assert "likelihood" in capsys.readouterr().out


def test_a_folder_is_no_file_of_posteriors(here, capsys):
    assert "there is no nothing" in refused(["diagnose", "nothing"], capsys)
    (here / "run").mkdir()
    said = refused(["diagnose", "run", "--layout", "nd"], capsys)
    assert "`vae-jax use run encode" in said


def test_changed_files_are_told_in_words():
    configs = [{"beta": 1.0}]
    old, new = (
        {
            "configs": configs,
            "inputs": [{"data": {"train": d}, "sources": {"mine:Model": d}}],
        }
        for d in ("ab", "cd")
    )
    lines = list(member_differences(old, new))
    assert lines[0] == "the training data have changed since"
    assert lines[1].startswith("mine.py (mine:Model)")
    assert lines[1].endswith("has changed since")
    assert lines[2] == "data train: ab -> cd"


def test_settings_of_later_tables_stand_before_the_status():
    import pyarrow as pa

    one = pa.table({"member": [0], "beta": [1.0], "status": ["finished"]})
    two = one.append_column("nll", pa.array([1.0]))
    own = pa.table(
        {"member": [1], "beta": [1.0], "floor": [2.0], "status": ["finished"]}
    )
    names = _joined([two, own], ["member"]).column_names
    assert names == ["member", "beta", "floor", "status", "nll"]


def test_a_mean_of_unlike_betas_is_left_out():
    def told(betas):
        metrics = {"loss": np.ones((2, 1)), "beta": np.array(betas)[:, None]}
        return in_short(Chunk((0, 1), ("a", "b"), 1, np.array([1]), metrics))

    assert told([0.1, 0.1]) == "loss 1, beta 0.1"
    assert told([0.1, 10.0]) == "loss 1"


def test_a_comparison_has_a_table_of_all_cases_and_warns_of_few_pairs(capsys):
    rows = {"seed": [0, 0], "latent_dim": [2, 4], "status": "finished"}
    one = pd.DataFrame(rows | {"beta": 1.0, "nll": [3.0, 4.0], "nll_error": 0.1})
    other = pd.DataFrame(rows | {"beta": 2.0, "nll": [4.0, 7.0], "nll_error": 0.1})
    one, other = (
        f[[*rows][:2] + ["beta", "status", "nll", "nll_error"]] for f in (one, other)
    )
    found = compare_runs(one, other)
    assert found.overall[0].mean == 2.0
    print_comparison(found, [("a", 1), ("b", 2)])
    said = capsys.readouterr().out
    for part in (
        "A: a (1 member)",
        "latent_dim=2: 1 pair\n",
        "All cases together: 2 pairs",
    ):
        assert part in said
    assert "An interval of fewer than 3 pairs says little" in said
    assert "nll_error" not in said


def test_examples_are_taken_evenly_over_a_split():
    images = np.arange(10)[:, None]
    split = data.Split(images, np.repeat([0, 1], 5))
    member = types.SimpleNamespace(
        dataset=types.SimpleNamespace(test=split),
        condition=None,
        conditions_of=lambda _: None,
        raw=lambda x: x,
    )
    assert _use_actions.examples(member, 2, "test", None).rows.tolist() == [0, 5]
    pairs = _use_actions.pairs(member, 2, "test", None)
    assert pairs.rows.tolist() == [0, 1, 4, 5]


def test_verdicts_are_counted_by_setting_of_any_kind():
    runs = pd.DataFrame({"seed": [0, 1, 2, 3], "beta": [4.0, 0.5, None, 4.0]})
    runs["hidden"] = [[64], [8], [64], [64]]
    runs["latent_dim"] = 8
    runs["status"] = "finished"
    runs["verdict"] = ["collapsed", "healthy", None, "healthy"]
    assert verdicts_by(runs) == [
        "Verdicts by beta: 0.5: 1 healthy; 4.0: 1 collapsed, 1 healthy.",
        "Verdicts by hidden: [64]: 1 collapsed, 1 no verdict, 1 healthy; [8]: 1 healthy.",
    ]
    assert verdicts_by(runs[:1]) == verdicts_by(runs.drop(columns="verdict")) == []


def test_the_command_that_says_why_draws_what_can_be_drawn():
    runs = pd.DataFrame({"member": [0, 1], "status": ["diverged", "finished"]})
    assert next_command("a", runs).endswith(" a --member 1 --picture report.png")
    for name, value in (("prior", "vamp"), ("condition", "label")):
        assert next_command("a", runs.assign(**{name: value})) == "vae-jax diagnose a"
    one = runs[1:].assign(prior="standard", condition=None)
    assert next_command("a", one) == "vae-jax diagnose a --picture report.png"
