"""What is exported runs without this package, to the same numbers, and says what it is."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import flatbuffers
import jax
import numpy as np
import pytest
import safetensors.numpy
from families import ALL, trained
from slow_cases import slow_but

QUICK = ["linear"]
COUNT = 5
PRECISE = 1e-6

ALONE = """
import sys
sys.path.append({flatbuffers!r})

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("vae_jax", "flax", "optax", "safetensors"):
            raise ImportError(name + " must not be needed")

sys.meta_path.insert(0, Refuse())
import jax.export, numpy as np

load = lambda name: jax.export.deserialize(bytearray(open(name, "rb").read()))
given = np.load("given.npz")
x = load("prepare.bin").call(given["stored"])
mean, logvar = load("encoder.bin").call(x)
reads = (x,) if given["reads"] else ()
decoded, parameters = load("decoder.bin").call(given["z"], *reads)
np.savez("found.npz", x=x, mean=mean, logvar=logvar, decoded=decoded, output=parameters[0])
assert not any(name.startswith("vae_jax") for name in sys.modules)
print(load("encoder.bin").platforms)
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return trained("linear").export(tmp_path_factory.mktemp("exports") / "linear")


COMPILED_ALIKE = ("XLA_FLAGS", "JAX_DISABLE_MOST_OPTIMIZATIONS")
"""Convolutions are summed in another order where programs are compiled better."""


def run_alone(code, folder):
    """In a process that has neither this package on its path nor `PYTHONPATH`."""
    kept = {name: os.environ[name] for name in COMPILED_ALIKE if name in os.environ}
    return subprocess.run(
        [sys.executable, "-I", "-c", code],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **kept},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", slow_but(QUICK, ALL))
def test_artifacts_have_the_numbers_of_the_member_without_the_package(name, tmp_path):
    member = trained(name)
    folder = member.export(tmp_path / "out")
    stored = member.dataset.test.images[:COUNT]
    posterior = member.encode(stored)
    seen = stored if member.reads_data else None
    given = {"stored": stored, "z": posterior.mean, "reads": member.reads_data}
    np.savez(folder / "given.npz", **given)
    place = str(Path(flatbuffers.__file__).parents[1])
    done = run_alone(ALONE.format(flatbuffers=place), folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "('cpu', 'cuda', 'tpu')"
    found = np.load(folder / "found.npz")
    # bfloat16 has 8 bits: one rounding of it is 4e-3
    precise = 1e-2 if member.run.model.compute == "bfloat16" else PRECISE
    output = jax.tree.leaves(member.likelihood_parameters(posterior.mean, seen))[0]
    wanted = {
        "x": member.prepare(stored),
        "mean": posterior.mean,
        "logvar": posterior.logvar,
        "decoded": member.decode(posterior.mean, seen),
        "output": output,
    }
    for what, value in wanted.items():
        value = np.asarray(value, np.float64)
        scale = np.abs(value).max()
        np.testing.assert_allclose(
            found[what], value, rtol=precise, atol=precise * scale, err_msg=what
        )


def test_parameters_are_in_a_file_that_others_read(exported):
    tensors = safetensors.numpy.load_file(exported / "params.safetensors")
    leaves = jax.tree.leaves(trained("linear").params)
    assert len(tensors) == len(leaves)
    total = sum(float(np.sum(leaf)) for leaf in leaves)
    assert sum(float(t.sum()) for t in tensors.values()) == pytest.approx(total)
    header = (exported / "params.safetensors").read_bytes()
    size = int.from_bytes(header[:8], "little")
    notes = json.loads(header[8 : 8 + size])["__metadata__"]
    assert json.loads(notes["knobs"])["variance"] == 1.0


def test_the_card_tells_the_row(exported):
    card, row = (exported / "card.md").read_text(), trained("linear").row
    for number in ("rate", "nll", "mutual_information", "active_units"):
        assert f"| {row[number]:.6g} |" in card
    assert f"Verdict: {row['verdict']}" in card
    assert all(reason in card for reason in row["reasons"])
    assert row["data_digest"] in card
    assert f"jax {jax.__version__}" in card
    assert "latent_dim = 2" in card
    # nothing of the machine: no path, and no name of a host
    assert not re.search(r"(^|[\s\"'(])/\w", card)
    assert os.uname().nodename not in card
    assert "data_folder" not in card


@pytest.mark.slow
def test_the_lines_of_the_card_run(exported):
    [code] = re.findall(
        r"```python\n(.*?)```", (exported / "card.md").read_text(), re.S
    )
    assert len(code.strip().splitlines()) == 5
    place = (
        f"import sys; sys.path.append({str(Path(flatbuffers.__file__).parents[1])!r})"
    )
    shown = "\nprint(x.shape, mean.shape, decoded.shape, len(parameters))"
    done = run_alone(f"{place}\n{code}{shown}", exported)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(2, 8, 8) (2, 2) (2, 8, 8) 1"


def test_a_folder_that_holds_something_is_refused(exported):
    before = sorted(path.name for path in exported.iterdir())
    with pytest.raises(FileExistsError, match="must be a new or empty folder"):
        trained("linear").export(exported)
    assert sorted(path.name for path in exported.iterdir()) == before
