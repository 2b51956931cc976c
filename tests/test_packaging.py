"""What pyproject.toml promises is what was run: floors, one version, no caps."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import vae_jax
from vae_jax.cli import _doctor

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
REQUIREMENTS = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
STUBS = {"pandas-stubs"}  # for mypy alone, which has them as they are


def test_every_floor_is_the_version_that_is_run():
    floors = dict(requirement.split(">=") for requirement in {*REQUIREMENTS} - STUBS)
    lines = (ROOT / ".ci/constraints-lowest.txt").read_text().splitlines()
    assert dict(line.split("==") for line in lines if line[0] != "#") == floors


def test_no_dependency_has_a_cap():
    capped = [text for text in PROJECT["dependencies"] if re.search("[<~!,]|==", text)]
    assert not capped


def test_there_is_one_version():
    assert "version" in PROJECT["dynamic"]
    assert "version" not in PROJECT
    assert re.fullmatch(r"\d+\.\d+\.\d+", vae_jax.__version__)
    assert metadata.version("vae-jax") == vae_jax.__version__


@pytest.mark.parametrize("folder", [".ci", "experiments", "tests"])
def test_the_source_archive_holds_what_tests_read(folder):
    archive = PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert f"/{folder}" in archive
    assert (ROOT / folder).is_dir()


@pytest.mark.parametrize(
    ("version", "is_old"),
    [("0.10.1", True), ("0.10.2", False), ("0.12.0.1", False), ("1.0.0", False)],
)
def test_doctor_refuses_an_older_jax_only(version, is_old):
    problem = _doctor.check_jax(version)
    assert ("0.10.2 or later" in problem) == is_old


def test_doctor_has_the_floor_of_jax():
    floor = ".".join(map(str, _doctor.OLDEST))
    assert f"jax>={floor}" in PROJECT["dependencies"]
