"""A function of the user's is found, is as its file says now, and is known by its text."""

import hashlib
import importlib
import sys
import types

import pytest

from vae_jax import assembly, own
from vae_jax.configs import Run
from vae_jax.own import _modules as _own_modules

GOOD = """
from vae_jax import models
def good(config, event_shape):
    return models.mlp(event_shape, config.latent_dim, likelihood=config.likelihood)
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a file into the working directory; modules that it makes are forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)

    def written(text, name="mymodel.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    yield written
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(tmp_path)):
            del sys.modules[name]


def returned(path, *values):
    return own.user_function(path)(*values)


def test_the_working_directory_is_searched(write):
    write("def good(config, event_shape):\n    return 3")
    assert returned("mymodel:good", None, (2,)) == 3


def test_an_edited_file_is_loaded_anew_though_size_and_second_are_the_same(write):
    for value in (3, 4, 5):
        write(f"def good(config, event_shape):\n    return {value}")
        assert returned("mymodel:good", None, (2,)) == value


def test_an_edited_import_of_the_module_is_loaded_anew(write):
    write("from parts.layer import width\ndef good(c, e):\n    return width")
    write("", "parts/__init__.py")
    for value in (16, 32):
        write(f"width = {value}", "parts/layer.py")
        assert returned("mymodel:good", None, (2,)) == value


def test_a_module_that_the_user_imported_before_the_edit_is_loaded_anew(write):
    write("def good(c, e):\n    return 1")
    sys.path.insert(0, ".")
    importlib.invalidate_caches()
    importlib.import_module("mymodel")
    write("def good(c, e):\n    return 2")
    assert returned("mymodel:good", None, (2,)) == 2


def test_another_folder_with_a_module_of_the_same_name(write, tmp_path, monkeypatch):
    for number, folder in enumerate(("first", "second")):
        write(f"def good(c, e):\n    return {number}", f"{folder}/mymodel.py")
    for number, folder in enumerate(("first", "second")):
        monkeypatch.chdir(tmp_path / folder)
        assert returned("mymodel:good", None, (2,)) == number


def test_an_unchanged_module_is_one_object(write):
    write("def good(c, e):\n    return 1")
    first = own.user_function("mymodel:good")
    assert own.user_function("mymodel:good") is first


def test_a_digest_is_of_the_module_and_of_its_own_imports(write):
    module = write("import numpy\nimport helper\nimport json\ndef good(c, e): ...")
    helper = write("def f():\n    import lazily", "helper.py")
    lazily = write("x = 1", "lazily.py")
    write("unrelated = 1", "other.py")
    parts = [("helper", helper), ("lazily", lazily), ("mymodel", module)]
    lines = "".join(
        f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n"
        for name, path in parts
    )
    expected = hashlib.sha256(lines.encode()).hexdigest()
    assert own.source_digest("mymodel:good") == expected
    assert own.source_digest(own.user_function("mymodel:good")) == expected
    lazily.write_text("x = 2")
    assert own.source_digest("mymodel:good") != expected
    lazily.write_text("x = 1")
    assert own.source_digest("mymodel:good") == expected


def test_relative_imports_and_parents_belong_to_the_digest(write):
    write(
        "from . import helper\nfrom .sub.deep import f\ndef good(c, e): ...", "pk/m.py"
    )
    for name in ("pk/__init__.py", "pk/helper.py", "pk/sub/deep.py"):
        write("def f(): ...", name)
    seen = {own.source_digest("pk.m:good")}
    for name in ("pk/__init__.py", "pk/helper.py", "pk/sub/deep.py"):
        write("def f(): 1", name)
        seen.add(own.source_digest("pk.m:good"))
    assert len(seen) == 4


def test_a_function_without_a_file_is_known_by_its_code():
    def made(text):
        space = {"__name__": "__main__"}
        exec(text, space)
        return own.source_digest(space["f"])

    first = made("def f(c):\n    return c.beta * 2.0")
    assert made("def f(c):\n    return c.beta * 2.0") == first
    assert made("def f(c):\n    return c.beta * 3.0") != first
    assert made("def f(c):\n    return c.variance * 2.0") != first
    nested = made("def f(c):\n    return [g for g in c if g in {'a', 'b'}]")
    assert nested != made("def f(c):\n    return [g for g in c if g in {'a', 'c'}]")


def test_only_functions_that_a_config_names_have_a_digest(write):
    write("def good(c, e): ...")
    assert assembly.named_sources(Run.of()) == {}
    assert assembly.named_sources(Run.of(model="mymodel:good")) == {
        "mymodel:good": own.source_digest("mymodel:good")
    }


def test_a_script_keeps_the_digest_that_it_began_with(write, monkeypatch):
    script = write("def good(config, event_shape): ...", "script.py")
    main = types.ModuleType("__main__")
    main.__file__, main.__package__ = str(script), None
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(_own_modules, "MAIN", _own_modules._bytes_of_main())
    exec(compile(script.read_text(), script, "exec"), vars(main))
    first = own.source_digest("__main__:good")
    assert first == own.source_digest(main.good)
    script.write_text(script.read_text() + "# edited")
    assert own.source_digest("__main__:good") == first
    monkeypatch.setattr(_own_modules, "MAIN", script.read_bytes())
    assert own.source_digest("__main__:good") != first


REFUSED = {
    "no function": (
        "",
        "x = 1",
        "`model` must name what is in mymodel; got .*'good'",
    ),
    "a near miss": ("", "def godo(c, e): ...", "Did you mean `godo`"),
    "a class": ("", "class good: ...", "a class"),
    "a number": ("", "good = 3", "called with .config, event_shape.; got .*int"),
    "one argument": ("", "def good(config): ...", r"signature is \(config\)"),
    "three": ("", "def good(a, b, c): ...", r"signature is \(a, b, c\)"),
    "keyword": ("", "def good(a, b, *, c): ...", "missing a required.* 'c'"),
    "raises": ("", "1 / 0", 'raises ZeroDivisionError:\n(.*\n)*.*mymodel.py", line 1'),
    "syntax": ("", "def good(:", "raises SyntaxError:\n(.*\n)*.*mymodel.py"),
    "exits": ("", "raise SystemExit(0)", "raises SystemExit"),
    "imports": ("", "import nowhere_at_all", "raises ModuleNotFoundError"),
    "no module": ("nowhere:good", "", "no module 'nowhere' in the working directory"),
    "no submodule": ("mymodel.sub:good", "", "no module"),
    "two colons": ("mymodel:good:x", "", "dots in the module and a name"),
    "no name": ("mymodel:", "", "dots in the module and a name"),
    "a path": ("./mymodel.py:good", "", "dots in the module and a name"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_such_function_is_refused(case, write):
    path, text, message = REFUSED[case]
    write(text)
    with pytest.raises(ValueError, match=message):
        own.user_function(path or "mymodel:good")


def test_after_a_refusal_the_mended_file_is_taken(write):
    write("import nowhere_at_all")
    with pytest.raises(ValueError, match="nowhere_at_all"):
        own.user_function("mymodel:good")
    write("def good(c, e):\n    return 7")
    assert returned("mymodel:good", None, (2,)) == 7


MADE = {
    "raises inside": (
        "def good(config, event_shape):\n    return config.latent_dim / 0",
        r"(?s)was called with \(config, event_shape\) and raises ZeroDivisionError: "
        r'division by zero\..*mymodel.py", line 2, in good',
    ),
    "no model": (
        "def good(config, event_shape):\n    return 3",
        "return a vae_jax.VAE",
    ),
    "no functions": (
        "from vae_jax import VAE\ndef good(c, e):\n    return VAE(1, 2, 3)",
        "of three functions",
    ),
    "another latent size": (
        GOOD.replace("config.latent_dim", "3"),
        r"latent_dim\), \(2, 8\) for two.*got DiagGaussian of .*2, 3",
    ),
    "another likelihood": (
        GOOD.replace("config.likelihood", "'gaussian_learned'"),
        "what its decode returns does not fit likelihood='bernoulli': ",
    ),
    "no knobs": (
        GOOD.replace("    return", "    vae =")
        + "    return vae._replace(encode=lambda params, x: vae.encode(params, x))",
        r"its encode was called with \(params, x, key=None, knobs=Knobs\(\)\) and raises "
        "TypeError",
    ),
    "no posterior": (
        GOOD.replace("    return", "    vae =")
        + "    return vae._replace(encode=lambda params, x, **_: x)",
        "its encode must return a vae_jax.DiagGaussian",
    ),
    "raises in decode": (
        GOOD.replace("    return", "    vae =")
        + "    def decode(params, z, x, **_):\n        return z + 'a'\n"
        "    return vae._replace(decode=decode)",
        '(?s)its decode was called with .* raises TypeError:.*mymodel.py", line 6',
    ),
}


@pytest.mark.parametrize("case", MADE)
def test_what_makes_no_model_is_refused(case, write):
    text, message = MADE[case]
    write(text)
    with pytest.raises(ValueError, match=message):
        assembly.job(Run.of(model="mymodel:good"))


OPTIMIZERS = {
    "raises": (
        "def good(learning_rate):\n    return 1 / 0",
        r"(?s)`optimizer` mymodel:good was called with \(learning_rate\) and raises "
        "ZeroDivisionError.*mymodel.py",
    ),
    "a number": (
        "def good(learning_rate):\n    return 3",
        "must return an optax.GradientTransformation; got 3",
    ),
    "a plain number of the rate": (
        "import optax\ndef good(learning_rate):\n"
        "    return optax.adam(float(learning_rate))",
        "raises ConcretizationTypeError.*",
    ),
    "sums in its update": (
        "import jax, optax\ndef good(learning_rate):\n"
        "    def update(gradients, state, params=None):\n"
        "        return jax.tree.map(lambda g: g.sum(), gradients), state\n"
        "    return optax.GradientTransformation(lambda params: (), update)",
        "its update must return one array a parameter, of its shape; got ",
    ),
    "an update without params": (
        "import optax\ndef good(learning_rate):\n"
        "    return optax.GradientTransformation(lambda params: (), lambda g, s: (g, s))",
        r"(?s)its update was called with \(gradients, state, params\) and raises TypeError",
    ),
}


@pytest.mark.parametrize("case", OPTIMIZERS)
def test_what_makes_no_optimizer_is_refused(case, write):
    text, message = OPTIMIZERS[case]
    write(text)
    with pytest.raises(ValueError, match=message):
        assembly.job(Run.of(optimizer="mymodel:good"))


def test_a_users_function_is_the_optimizer(write):
    write("import optax\ndef good(learning_rate):\n    return optax.sgd(learning_rate)")
    mine = assembly.job(Run.of(optimizer="mymodel:good"))
    assert mine.hyper.learning_rate.shape == (mine.hyper.beta.shape[0],)


def test_a_users_function_is_the_model(write):
    write(GOOD)
    assert assembly.kit(Run.of(model="mymodel:good")).vae.prior is None
