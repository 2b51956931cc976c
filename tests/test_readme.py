"""The README cannot lie: its Python runs, its commands exist and are run."""

import itertools
import re
import shlex
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

import vae_jax
from vae_jax import assembly, configs, data, results, sweeps
from vae_jax.cli import _main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.M | re.S)


def commands():
    lines = "".join(blocks("bash")).splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def in_table():
    return re.findall(r"\| `(python -m [^`]+)` \|", README)


def run_python_blocks():
    """What they define; they read what the command line block has written."""
    namespace = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), namespace)  # noqa: S102
    return namespace


def write_posterior(path):
    """What the block of flax leaves behind, for the command after it."""
    values = np.random.default_rng(0).normal(size=(60, 4))
    np.savez(path, means=values, logvars=-2 + 0 * values)


def write_wine(path):
    """Thirteen features of unlike scales, as those that the command is about."""
    from sklearn.datasets import load_wine

    load_wine(as_frame=True).frame.to_csv(path, index=False)


def write_model(path):
    """The block that is said to be a file of its own."""
    [model] = [block for block in blocks("python") if "def small(" in block]
    path.write_text(model)


def write_pictures(folder):
    folder.mkdir()
    for number, pixels in enumerate(np.random.default_rng(0).random((200, 6, 6, 3))):
        Image.fromarray((255 * pixels).astype(np.uint8)).save(folder / f"{number}.png")


def write_images(path):
    digits = data.load("digits").train.images[:400]
    np.savez(path, images=np.float32(digits / 16))


def write_sentences(folder):
    folder.mkdir()
    words = ["so", "it", "goes", "and", "on"]
    lines = itertools.product(words, repeat=4)
    (folder / "lines.txt").write_text("\n".join(map(" ".join, lines)))


def store(out, runs):
    """What the commands leave behind, without the training."""
    jobs = [assembly.job(run) for run in runs]
    digests = sweeps.DataDigests()
    inputs = [sweeps.inputs_of(job, assembly.job, digests) for job in jobs]
    spec = {"configs": [*map(configs.to_mapping, runs)]}
    spec |= {"inputs": inputs, "input_of": [*range(len(runs))]}
    results.create_or_open(out, {"spec": spec, "versions": {}})
    vae = assembly.kit(runs[0]).vae
    keys = jax.vmap(jax.random.key)(np.arange(len(runs)))
    params = [jax.tree.map(np.asarray, vae.init(key)) for key in keys]
    measured = {"rate": 1.0, "nll": 2.0, "mutual_information": 0.5, "active_units": 3}
    measured |= {f"history/{name}": [1, 2] for name in ("step", "beta", "rate")}
    rows = [
        {"member": member, "member_id": f"{member:032x}", "beta": run["beta"]}
        | {"status": "finished", "first_bad_step": None, **measured}
        for member, run in enumerate(runs)
    ]
    knobs = [assembly.hyper(run).knobs._asdict() for run in runs]
    plain = [{name: np.asarray(k).tolist() for name, k in one.items()} for one in knobs]
    results.commit_shard(out, rows, params, plain)


SMALL = types.SimpleNamespace(latent_dim=2, likelihood="bernoulli")
"""What an own model is called with, as far as the one of the README reads it."""


def write_small_runs(root):
    """In place of the commands, which take longer, of the same kind of data and model."""
    images = [configs.Run.of(hidden=(4,), beta=beta) for beta in (0.5, 2.0)]
    sentences = configs.Run.of(
        dataset="text",
        data_folder=str(root / "my_text"),
        vocab_size=2000,
        max_length=20,
        model="lstm",
        likelihood="categorical",
        hidden=(4,),
        embedding=4,
    )
    store(root / "runs" / "sweep", images)
    store(root / "runs" / "my_text", [sentences])


@pytest.mark.slow
def test_the_python_blocks_run_in_order(tmp_path, monkeypatch, capsys):
    write_sentences(tmp_path / "my_text")
    write_small_runs(tmp_path)
    monkeypatch.chdir(tmp_path)
    namespace = run_python_blocks()
    assert sorted(namespace["runs"]["beta"]) == [0.5, 2.0]
    assert set(namespace["vocabulary"].words) == {"so", "it", "goes", "and", "on"}
    assert "mutual_information" in capsys.readouterr().out
    assert namespace["state"].params is not None
    assert namespace["member"].run["beta"] == 0.5
    assert namespace["bounds"].shape == (8,)
    assert (Path("exported") / "card.md").exists()
    # probabilities of pixels, not logits
    assert namespace["reconstructed"].shape == (8, 8, 8)
    assert 0 < namespace["reconstructed"].min() < namespace["reconstructed"].max() < 1
    assert isinstance(namespace["small"](SMALL, (8, 8)), vae_jax.VAE)
    assert set(np.load("posterior.npz")) == {"means", "logvars"}
    # two units under the threshold of 0.2 nats on the batch mean: 0 and 0.2
    assert namespace["penalised"].tolist() == pytest.approx([0.4, 0.4])


def test_blocks_that_need_other_packages_are_short_and_parse():
    """Fenced as `py`: nothing here installs what they import."""
    found = blocks("py")
    assert len(found) == 4
    for block in found:
        compile(block, "README.md", "exec")
        assert len(block.splitlines()) <= 10
    # what they write is what the reader looks for
    assert '{"means": mean, "logvars": logvar, "log_likelihood": under(z)' in found[0]
    assert '{"means": mean, "logvars": logvar}' in found[1]
    assert "means=means, variances=variances)  # --var variances" in found[2]


def test_installation_lines_name_extras_that_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    known = set(project["optional-dependencies"])
    for line in commands():
        if line.startswith("pip install"):
            extras = re.search(r"\[(.*)\]", line).group(1).split(",")
            assert set(extras) <= known, line


def test_every_command_is_run_by_a_test_or_by_ci():
    """A new command in the README has to be added here, with what runs it."""
    run_elsewhere = {
        "python -m pytest -n 2",  # .ci/run
    }
    for line in [*commands(), *in_table()]:
        known = (
            line.startswith("pip install")  # .ci/run, and the test above
            or line in run_elsewhere
            or line in COMMAND_LINE
            or line in EXPERIMENTS
        )
        assert known, line


COMMAND_LINE = [line for line in commands() if line.startswith("vae-jax ")]
EXPERIMENTS = sorted(
    {line for line in [*commands(), *in_table()] if "experiments." in line}
)


def run(arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env=None,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow  # `.ci/run` runs it
def test_the_command_line_block_runs_as_it_stands(tmp_path, monkeypatch):
    for name, text in zip(("mine", "sweep"), blocks("toml"), strict=True):
        (tmp_path / f"{name}.toml").write_text(text)
    write_model(tmp_path / "mymodel.py")
    write_sentences(tmp_path / "my_text")
    write_posterior(tmp_path / "posterior.npz")
    write_wine(tmp_path / "wine.csv")
    write_pictures(tmp_path / "photos")
    write_images(tmp_path / "images.npz")
    for line in COMMAND_LINE:
        done = run(["vae_jax", *shlex.split(line)[1:]], tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    monkeypatch.chdir(tmp_path)
    assert len(run_python_blocks()["runs"]) == 8


@pytest.mark.slow  # minutes together; `.ci/run` runs half of them
@pytest.mark.parametrize("line", EXPERIMENTS)
def test_every_experiment_runs_small(line, tmp_path):
    module = shlex.split(line)[2]
    done = run([module, "--smoke", "--out", str(tmp_path / "run")], ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Results" in done.stdout


def test_fields_of_the_example_sweeps_exist(tmp_path, monkeypatch):
    write_model(tmp_path / "mymodel.py")
    monkeypatch.chdir(tmp_path)
    mine, ready = (sweeps.expand(tomllib.loads(text)) for text in blocks("toml"))
    assert (len(mine), len(ready)) == (6, 8)
    assert all(isinstance(run, configs.Run) for run in (*mine, *ready))


def test_exit_codes_and_the_cache_are_those_of_the_page_of_help():
    page = _main.help_page()
    for words in (
        "129",
        "130",
        "138",
        "141",
        "143",
        "~/.cache/vae_jax",
        "VAE_JAX_CACHE",
    ):
        assert words in page
        assert words in README


def test_local_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert "experiments/README.md" in links
    for link in links:
        assert (ROOT / link).exists(), link
