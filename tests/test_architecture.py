"""Imports point down, heavy packages have one importer, and files keep their shape."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "vae_jax"

LAYERS = {
    "types": 0,
    "checks": 0,
    "keys": 0,
    "tokens": 0,
    "mapped": 0,
    "numerics": 1,  # on top of the array aliases alone
    "gaussian": 2,
    "likelihoods": 2,
    "refinement": 2,
    "schedules": 2,
    "vae": 2,
    "configs": 2,
    "losses": 3,
    "diagnostics": 3,
    "models": 3,
    "analytic": 3,
    "data": 3,
    "priors": 3,
    "text": 4,
    "training": 4,
    "assembly": 5,
    "checkpoints": 5,
    "results": 5,
    "sweeps": 6,
    "figures": 6,
    "cli": 7,
    "__main__": 8,
}
FORBIDDEN = {"training": {"models", "data", "configs", "text"}}
ONLY_IMPORTER = {
    "flax": {"models"},
    "orbax": {"checkpoints"},
    "tensorflow_datasets": {"data/_tfds.py", "text/_tfds.py"},
    "matplotlib": {"figures"},
    "tyro": {"cli"},
    "pyarrow": {"results"},
    "safetensors": {"results"},
}
MAX_LINES = 300  # the house rule
MAX_BODY = 60


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def unit(path):
    """The layer entry that a file belongs to: its first folder or its own name."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imported(path):
    """Every module that a file imports, at the top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inner_units(path):
    names = {
        name.split(".")[1] for name in imported(path) if name.startswith("vae_jax.")
    }
    return {name for name in names if name in LAYERS}


def test_every_module_has_a_layer():
    units = {unit(path) for path in modules()} - {"__init__"}
    assert units == set(LAYERS)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    own = unit(path)
    if own == "__init__":
        return
    for other in inner_units(path) - {own}:
        assert LAYERS[other] < LAYERS[own], f"{path.name}: {own} imports {other}"
        assert other not in FORBIDDEN.get(own, ()), f"{own} must not import {other}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_packages_have_one_importer(path):
    relative = str(path.relative_to(PACKAGE))
    for name in {name.split(".")[0] for name in imported(path)}:
        if name in ONLY_IMPORTER:
            assert {unit(path), relative} & ONLY_IMPORTER[name], f"{relative}: {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_are_short(path):
    assert len(path.read_text().splitlines()) <= MAX_LINES
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            body = [n for n in node.body if not is_docstring(n)]
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            assert lines <= MAX_BODY, f"{path.name}: {node.name} has {lines} lines"


def is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_no_module_shares_its_name_with_a_function():
    for path in modules():
        names = {
            node.name
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.FunctionDef)
        }
        assert path.stem not in names
