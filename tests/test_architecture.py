"""Imports point down, heavy packages have one importer, and files keep their shape."""

import ast
import functools
import inspect
from pathlib import Path

import pytest

from vae_jax.configs import owners
from vae_jax.records import CHOICES
from vae_jax.remedies import Remedy

PACKAGE = Path(__file__).parents[1] / "vae_jax"

LAYERS = {
    "types": 0,
    "checks": 0,
    "damage": 0,
    "conditions": 1,
    "keys": 0,
    "tokens": 0,
    "views": 0,
    "mapped": 0,
    "records": 0,
    "numerics": 1,  # on top of the array aliases alone
    "own": 1,
    "gaussian": 2,
    "likelihoods": 2,
    "refinement": 2,
    "schedules": 2,
    "vae": 2,
    "losses": 3,
    "diagnostics": 3,
    "models": 3,
    "analytic": 3,
    "data": 3,
    "priors": 3,
    "text": 4,
    "userdata": 4,
    "training": 4,
    "remedies": 5,
    "checkpoints": 5,
    "results": 5,
    "dumps": 5,
    "folders": 6,
    "configs": 6,
    "assembly": 7,
    "sweeps": 8,
    "figures": 8,
    "trained": 9,
    "engines": 9,
    "report": 9,
    "cli": 10,
    "__main__": 11,
}
FORBIDDEN = {"training": {"models", "data", "text"}}
ONLY_IMPORTER = {
    "flax": {"models"},
    "orbax": {"checkpoints"},
    "tensorflow_datasets": {"data/_tfds.py", "text/_tfds.py"},
    "matplotlib": {"figures"},
    "tyro": {"cli"},
    "grain": {"sweeps/devices/_feed.py"},
    "pyarrow": {"results", "dumps/_parquet.py", "userdata/_parquet.py"},
    "safetensors": {"results", "dumps/_safetensors.py"},
    "tensorboard": {"sweeps/seen/_tensorboard.py"},
    "wandb": {"sweeps/seen/_wandb.py"},
    "rich": {"sweeps/seen/_live.py"},
    "ray": {"engines/_ray.py"},
    "submitit": {"engines/_slurm.py"},
    "vl_convert": {"report/_library.py"},
}
MAX_LINES = 300  # the house rule
MAX_BODY = 60


def modules():
    return sorted(PACKAGE.rglob("*.py"))


@functools.cache
def tree(path):
    """What a file says, read once for all that is asked of it."""
    return ast.parse(path.read_text())


def unit(path):
    """The layer entry that a file belongs to: its first folder or its own name."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imported(path):
    """Every module that a file imports, at the top or inside a function."""
    for node in ast.walk(tree(path)):
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


def faults(said_of):
    """All that is wrong with any module, told at once: one test, not one a file."""
    return [fault for path in modules() for fault in said_of(path)]


def upward(path):
    """Imports of a layer that is not below, or that this layer is not to know."""
    own = unit(path)
    for other in inner_units(path) - {own}:
        if own != "__init__" and LAYERS[other] >= LAYERS[own]:
            yield f"{path.name}: {own} imports {other}"
        if other in FORBIDDEN.get(own, ()):
            yield f"{path.name}: {own} must not import {other}"


def test_imports_point_down():
    assert faults(upward) == []


def heavy(path):
    """Heavy packages that another module has to itself."""
    relative = str(path.relative_to(PACKAGE))
    for name in {name.split(".")[0] for name in imported(path)} & set(ONLY_IMPORTER):
        if not {unit(path), relative} & ONLY_IMPORTER[name]:
            yield f"{relative}: {name}"


def test_heavy_packages_have_one_importer():
    assert faults(heavy) == []


def long(path):
    """A file or a function of too many lines."""
    lines = len(path.read_text().splitlines())
    if lines > MAX_LINES:
        yield f"{path.name}: {lines} lines"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            body = [n for n in node.body if not is_docstring(n)]
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            if lines > MAX_BODY:
                yield f"{path.name}: {node.name} has {lines} lines"


def test_files_and_functions_are_short():
    assert faults(long) == []


def is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_no_module_shares_its_name_with_a_function():
    for path in modules():
        names = {
            node.name for node in tree(path).body if isinstance(node, ast.FunctionDef)
        }
        assert path.stem not in names


WITHOUT_NAMES = ("records", "configs", "assembly", "sweeps", "cli", "remedies")
"""Rooms through which every remedy goes, and none of which knows one by its name."""

REMEDIES = sorted(
    {
        cls
        for choice in CHOICES.values()
        for cls in choice.values()
        if issubclass(cls, Remedy)
    },
    key=lambda cls: cls.__name__,
)


def names_in(path):
    """Identifiers and whole strings of a file; not what stands in sentences."""
    for node in ast.walk(tree(path)):
        for field in ("id", "attr", "arg", "value"):
            if isinstance(found := getattr(node, field, None), str):
                yield found


@pytest.mark.parametrize("cls", REMEDIES, ids=lambda cls: cls.__name__)
def test_a_remedy_is_known_in_its_own_file_alone(cls):
    """Its name, and its settings; a remedy is added and taken away in one place."""
    own = Path(inspect.getfile(cls))
    assert own.parent == PACKAGE / "remedies"
    known = {cls.__name__, cls.name, *cls.settings()}
    # a setting that others have too, as a ramp has, what threads call theirs, what a
    # verdict has, and what a data set has
    shared = {n for n in cls.settings() if len({o.__module__ for o in owners(n)}) > 1}
    shared |= {"target", "label", "covariates"}
    for path in modules():
        if unit(path) in WITHOUT_NAMES and path != own:
            found = (known - shared) & set(names_in(path))
            assert not found, f"{path.relative_to(PACKAGE)} knows {found}"


def test_there_is_a_row_of_the_readme_for_every_remedy():
    rows = [
        line
        for line in (PACKAGE.parent / "README.md").read_text().splitlines()
        if line.startswith("| ")
    ]
    for cls in REMEDIES:
        key = cls.name if cls.choice == "remedy" else cls.choice
        assert any(f"`{key}`" in line for line in rows), f"no row names `{key}`"


def test_no_choice_is_told_by_its_name():
    """A record says what is true of it; nobody compares its name with a word."""
    for path in modules():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Compare) and any(map(is_word, operands(node))):
                told = [ast.unparse(side) for side in operands(node)]
                told = [name for name in told if tells_a_choice(name)]
                assert not told, f"{path.relative_to(PACKAGE)}: {told}"


def operands(node):
    """What is compared with each other, a collection of words in the place of a word."""
    return [
        side
        for side in (node.left, *node.comparators)
        if isinstance(
            side, ast.Attribute | ast.Constant | ast.Tuple | ast.List | ast.Set
        )
    ]


def is_word(node):
    parts = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    texts = [getattr(part, "value", None) for part in parts]
    # a colon is what every path has, and no name
    return all(isinstance(text, str) and text != ":" for text in texts)


def tells_a_choice(name):
    """`config.model`, or what the record of a run, a part or a remedy is called."""
    first, *rest = name.split(".")
    if first not in ("run", "config", "settings", "one", "part", "remedy", "self"):
        return False
    called = rest[-1] in ("name", "chosen_name", "choice")
    return called or (first in ("run", "config") and len(rest) == 1)
