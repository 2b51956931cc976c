"""Public names are frozen, and each is documented so that it can be used without its code.

`tests/public_names.txt` holds the names. A change of it is a change of the library's
promise: add the name there in the same commit. `tests/public_exceptions.txt` lists what a
name does without, and is checked both ways: counts, shares, moments, kernels and checks
have no unit; a textbook formula has no one source; what needs a trained model, a folder or
a device has its example in the README or in a test.
"""

import importlib
import inspect
import re
from pathlib import Path

import pytest

from vae_jax.records import Record

PACKAGES = (
    "vae_jax",
    "vae_jax.analytic",
    "vae_jax.assembly",
    "vae_jax.checkpoints",
    "vae_jax.configs",
    "vae_jax.data",
    "vae_jax.diagnostics",
    "vae_jax.dumps",
    "vae_jax.engines",
    "vae_jax.figures",
    "vae_jax.folders",
    "vae_jax.gaussian",
    "vae_jax.likelihoods",
    "vae_jax.losses",
    "vae_jax.mapped",
    "vae_jax.models",
    "vae_jax.numerics",
    "vae_jax.own",
    "vae_jax.priors",
    "vae_jax.records",
    "vae_jax.refinement",
    "vae_jax.remedies",
    "vae_jax.results",
    "vae_jax.schedules",
    "vae_jax.sweeps",
    "vae_jax.text",
    "vae_jax.trained",
    "vae_jax.training",
    "vae_jax.vae",
)
FROZEN = Path(__file__).with_name("public_names.txt")
MATHEMATICAL = (  # functions of formulas: an equation, shapes, units, a source
    "analytic",
    "diagnostics",
    "gaussian",
    "likelihoods",
    "losses",
    "priors",
    "refinement",
)
SOURCE = re.compile(r"\(\d{4}[a-z]?\)|arXiv:\d{4}\.\d{4,5}")
UNITS = re.compile(r"\bnats?\b")
EQUATION = re.compile(r"`[^`]*[=+*/|(<>-][^`]*`")
EXCEPTIONS = Path(__file__).with_name("public_exceptions.txt")


def public(package):
    """Names and objects: what is listed, else what a module itself defines."""
    module = importlib.import_module(package)
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
    ]
    return {f"{package}.{name}": getattr(module, name) for name in sorted(names)}


def is_record(value):
    """A choice of a run: found by its name, described by help, and free to be added."""
    return inspect.isclass(value) and issubclass(value, Record)


EVERYTHING = {
    name: value
    for package in PACKAGES
    for name, value in public(package).items()
    if not is_record(value)
}
FUNCTIONS = {name: f for name, f in EVERYTHING.items() if inspect.isfunction(f)}
FORMULAS = sorted(name for name in FUNCTIONS if name.split(".")[1] in MATHEMATICAL)


def documentation(function):
    """Of the function and of its file, which may say once what holds for all in it."""
    module = inspect.getmodule(function)
    return f"{inspect.getdoc(function)}\n{inspect.getdoc(module)}"


def excepted(what):
    """Names that need no such line: `equation`, `units` or `source`, each listed once."""
    rows = [line.split() for line in EXCEPTIONS.read_text().splitlines() if line]
    return {name for name, *kinds in rows if what in kinds}


def test_public_names_are_frozen():
    assert sorted(EVERYTHING) == FROZEN.read_text().split()


def test_a_public_function_shows_how_it_is_used():
    """By a doctest, which runs, or by naming the README, whose blocks run."""
    silent = {
        name
        for name, function in FUNCTIONS.items()
        if ">>>" not in (inspect.getdoc(function) or "")
    }
    assert sorted(silent - excepted("example")) == []


@pytest.mark.parametrize(
    ("what", "pattern"),
    [("equation", EQUATION), ("units", UNITS), ("source", SOURCE)],
)
def test_a_formula_says_its_equation_units_and_source(what, pattern):
    silent = {
        name for name in FORMULAS if not pattern.search(documentation(FUNCTIONS[name]))
    }
    # an exception that is none any more has to go
    assert sorted(silent) == sorted(excepted(what) & set(FORMULAS))


def test_arrays_have_shapes_in_the_signature():
    """Annotated by jaxtyping wherever an array goes in or comes out."""
    bare = {"Array", "ArrayLike", "jax.Array"}
    found = [
        (name, part)
        for name in FORMULAS
        for part in inspect.get_annotations(FUNCTIONS[name]).values()
        if getattr(part, "__name__", str(part)) in bare
    ]
    assert found == []


def test_a_path_may_be_a_text():
    """As of `open`: a `Path` where one is meant is no hurdle."""
    strict = {
        f"{name}({argument})"
        for name, function in FUNCTIONS.items()
        for argument, kind in inspect.get_annotations(function).items()
        if argument != "return" and re.search(r"\bPath\b", str(kind).split("[")[0])
        if "str" not in str(kind)
    }
    assert sorted(strict) == []
