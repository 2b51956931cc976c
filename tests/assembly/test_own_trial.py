"""What is the user's own is tried before it is trained, and each fault names its fix."""

import re
import sys

import jax
import jax.numpy as jnp
import pytest

from vae_jax import assembly
from vae_jax.cli._help import settings_help
from vae_jax.configs import Run

NET = """
import jax, jax.numpy as jnp
from vae_jax import VAE, DiagGaussian
from vae_jax.records import static, record
from vae_jax.models import Model
from vae_jax.vae import Knobs

def make(event_shape, d):
    shape = (-1, *event_shape)
    size = 1
    for side in event_shape:
        size *= side
    def init(key):
        return {"e": jnp.zeros((size, d)), "d": jnp.zeros((d, size))INIT}
    def encode(params, x, *, key=None, knobs=Knobs()):
        mean = x.reshape(-1, size) @ params["e"]
        ENCODE
        return DiagGaussian(mean, 0 * mean)
    def decode(params, z, x=None, *, key=None, knobs=Knobs()):
        out = (z @ params["d"]).reshape(shape)
        DECODE
        return out
    return VAE(init, encode, decode)

def net(config, event_shape):
    CONFIG
    return make(event_shape, config.latent_dim)

@record("model", "own")
class Own(Model):
    "A model of mine."
    kind: str = static("Of it.", "a")
    def build(self, facts, density):
        return make(facts.event_shape, self.latent_dim)
"""
KEY0 = (
    "keep = 1.0 if key is None else jax.random.uniform(key[0], out.shape, out.dtype)\n"
    "        out = out * keep"
)
KNOB = "out = out * jnp.where(knobs.dropout > 0.1, 0.5, 1.0)"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes `mynet.py` into the working directory, and forgets it afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def written(text=NET, name="mynet", **parts):
        for word in ("INIT", "ENCODE", "DECODE", "CONFIG"):
            empty = "" if word == "INIT" else "pass"
            text = text.replace(word, parts.get(word.lower(), empty))
        (tmp_path / f"{name}.py").write_text(text)

    yield written
    for name in ("mynet", "mine"):
        sys.modules.pop(name, None)


def refusal(**settings):
    with pytest.raises(ValueError, match="`") as caught:
        assembly.job(Run.of(num_steps=50, **settings))
    return str(caught.value)


FAULTS = {  # what is wrong, and what the message must say
    "a key for many": (
        {"decode": "out = out if key is None else out * jax.random.bernoulli(key)"},
        "its decode was called with (params, z, x, key=two keys",
        "raises ValueError: bernoulli accepts a single key",
        'mynet.py", line 21, in decode',
        "use key[0] for one mask for all, or jax.vmap",
    ),
    "a split key": (
        {"encode": "_ = None if key is None else jax.random.split(key)"},
        "its encode was called with (params, x, key=two keys",
        "use key[0]",
    ),
    "a key where there is none": (
        {"decode": "out = out * jax.random.bernoulli(key)"},
        "key=None",
        "`key` is None where nothing is drawn",
    ),
    "a branch on a knob": (
        {"decode": "out = out * 2 if knobs.dropout > 0 else out"},
        "raises TracerBoolConversionError",
        'mynet.py", line 21, in decode',
        "choose by `jnp.where`",
    ),
    "a counter": (
        {"init": ', "drop": {"count": jnp.zeros((), jnp.uint32)}'},
        "its init must return parameters alone",
        "got 'drop.count', of dtype uint32",
        "nnx.split(net, nnx.Param, ...)",
    ),
    "a stored key": (
        {"init": ', "rng": key'},
        "got 'rng', of dtype key<fry>",
    ),
    "a function": (
        {"init": ', "act": jnp.tanh'},
        "got 'act', of ",
        "eqx.partition",
    ),
    "a tuple": (
        {"encode": "return mean, mean"},
        "its encode must return a vae_jax.DiagGaussian",
        "got tuple of [(2, 8), (2, 8)]. Wrap it: DiagGaussian(mean, logvar).",
    ),
    "an array": ({"encode": "return mean"}, "got an array of [(2, 8)]. Wrap it"),
    "one example": (
        {"encode": "return DiagGaussian(mean[0], mean[0])"},
        "The first axis is that of the examples.",
    ),
    "flat pixels": (
        {"decode": "out = out.reshape(-1, 64)"},
        "what its decode returns does not fit likelihood='bernoulli'",
        "one array of logits, of shape (2, 8, 8)",
        "got one array of shape (2, 64)",
    ),
    "a pair of logits": (
        {"decode": "return out, out"},
        "one array of logits",
        "got tuple of 2: one array of shape (2, 8, 8), one",
    ),
}


OF_CLASSES = (
    "a key for many",
    "a branch on a knob",
    "a counter",
    "a tuple",
    "flat pixels",
)


@pytest.mark.parametrize(
    ("path", "case"),
    [("mynet:net", case) for case in FAULTS]
    + [("mynet:Own", case) for case in OF_CLASSES],
)
def test_a_fault_of_a_model_names_the_function_and_the_fix(path, case, write):
    parts, *expected = FAULTS[case]
    write(**parts)
    said = refusal(model=path)
    assert said.startswith(f"`model` {path}: ")
    for words in expected:
        assert words in said
    assert "Traceback" not in said


@pytest.mark.parametrize("likelihood", ["gaussian", "gaussian_learned", "laplace"])
def test_a_density_of_a_pair_says_so_of_one_array(likelihood, write):
    write()
    said = refusal(model="mynet:net", likelihood=likelihood)
    assert "must return a pair, (mean, logvar), each of shape (2, 8, 8)" in said
    assert "got one array of shape (2, 8, 8)" in said
    write(
        decode="return out, jnp.zeros(())"
        if likelihood == "gaussian"
        else "return out, out"
    )
    assembly.job(Run.of(model="mynet:net", likelihood=likelihood, num_steps=50))


@pytest.mark.parametrize("decode", [KEY0, KNOB, "pass"])
@pytest.mark.parametrize("path", ["mynet:net", "mynet:Own"])
def test_a_sound_model_passes(path, decode, write):
    write(decode=decode)
    run = Run.of(model=path, num_steps=50, compute="bfloat16", latent_dim=3)
    built = assembly.job(run).program
    key = jax.random.key(0)
    state = jax.eval_shape(
        built.init, key, assembly.hyper(run), assembly.job(run).splits
    )
    assert jax.tree.leaves(state.train.params)[0].dtype == jnp.float32


IGNORED = {"dropout": 0.3, "window": 3, "hidden": (64,), "skip": True, "lipschitz": 2.0}


@pytest.mark.parametrize("name", IGNORED)
def test_a_setting_that_nothing_reads_is_refused(name, write):
    write()
    said = refusal(model="mynet:net", **{name: IGNORED[name]})
    assert f"`{name}` must be left out, or read by `model` mynet:net" in said
    in_knobs = name in ("dropout", "window", "lipschitz")
    assert f"Read `{'knobs' if in_knobs else 'config'}.{name}`" in said


def test_a_setting_that_is_read_is_taken(write):
    write(decode=KNOB, config="config.hidden")
    run = Run.of(model="mynet:net", num_steps=50, dropout=0.3, hidden=(64,))
    assert assembly.hyper(run).knobs.dropout == pytest.approx(0.3)
    assembly.check(run, run.data.load())
    # of runs of one structure each has its own number looked at
    assembly.check(run.changed(dropout=0.0), run.data.load())
    assert "`window`" in refusal(model="mynet:net", hidden=(64,), window=3)


def test_an_attribute_that_config_has_not_lists_those_that_it_has(write):
    write(config="config.dropout")
    said = refusal(model="mynet:net")
    assert "`config` has no `dropout`; it has latent_dim, compute, hidden, " in said
    assert "as `knobs.dropout`" in said
    write(config="config.hiden")
    assert "Did you mean `hidden`?" in refusal(model="mynet:net")
    write(config="assert not hasattr(config, 'nothing') and 'hidden' in dir(config)")
    assembly.job(Run.of(model="mynet:net", num_steps=50))


PARTS = """
import jax.numpy as jnp
from vae_jax.records import data, record, static
from vae_jax.remedies import Remedy
from vae_jax.schedules import BetaSchedule

@record("remedy", "own")
class Own(Remedy):
    "A charge."
    level: float = data("Its level.", 1.0)
    def HOOK:
        CHARGE

class Bare(Remedy):
    "No record."

@record("schedule", "down")
class Down(BetaSchedule):
    "Falls."
    def make(self, num_steps):
        return MAKE

def vector(beta, num_steps):
    return lambda step: jnp.ones(7)

def lost(beta, num_steps):
    return lambda step: jnp.where(step < 3, beta, jnp.nan)

def falling(beta, num_steps):
    return lambda step: beta * jnp.where(step < 6, 1.0, -1.0)
"""
CHARGES = {
    "another signature": (
        "return lambda kl: kl.sum(-1)",
        "was called with (kl, hyper) and raises TypeError",
        "Let it take (kl, hyper).",
    ),
    "a branch": (
        "return lambda kl, hyper: kl.sum(-1) if self.level > 0 else 0 * kl.sum(-1)",
        "raises TracerBoolConversionError",
        'mine.py", line 12',
        "choose by `jnp.where`",
    ),
    "one number": (
        "return lambda kl, hyper: kl.sum()",
        "must return nats of shape (batch,), (2,) here",
        "got shape () of float32",
    ),
    "a unit": ("return lambda kl, hyper: kl", "got shape (2, 8) of float32"),
    "no array": ("return lambda kl, hyper: 0.0", "got 0.0. Sum over the units"),
    "no function": ("return 3", "must return a function; got 3."),
    "raises": ("return [][0]", "raises IndexError", 'mine.py", line 12, in penalty'),
}


def written_parts(write, hook="penalty(self)", charge="return None", make="len"):
    text = PARTS.replace("HOOK", hook).replace("CHARGE", charge).replace("MAKE", make)
    write(text, "mine")


@pytest.mark.parametrize("case", CHARGES)
def test_a_fault_of_a_remedy_names_it_its_hook_and_the_fix(case, write):
    charge, *expected = CHARGES[case]
    written_parts(write, charge=charge)
    said = refusal(remedy="mine:Own")
    assert said.startswith("`remedy` mine:Own: its penalty ")
    for words in expected:
        assert words in said


@pytest.mark.parametrize(
    ("hook", "charge", "message"),
    [
        ("penalty(self, x)", "pass", r"called with \(\) .*Let it take no arguments"),
        (
            "wrap(self, vae, run, facts)",
            "return 3",
            "its wrap must return a vae_jax.vae.VAE",
        ),
        ("betas(self, made)", "return lambda t: -made(t)", "got -1 at step 0"),
        (
            "regulariser(self, facts)",
            "return lambda latent, hyper, keys: latent.z",
            r"its regulariser gives .* got shape \(2, 8\)",
        ),
        (
            "auxiliary(self, facts)",
            "return lambda params, latent, batch: latent.z[:, 0]",
            r"Let it take \(params, latent, batch, hyper\)",
        ),
        (
            "around(self, program, parts)",
            "return None",
            "its around must return a vae_jax.training.Program; got None",
        ),
    ],
)
def test_every_hook_is_named(hook, charge, message, write):
    written_parts(write, hook, charge)
    assert re.search(f"(?s)`remedy` mine:Own.*{message}", refusal(remedy="mine:Own"))


def test_a_sound_remedy_passes(write):
    written_parts(write, charge="return lambda kl, hyper: self.level * kl.sum(-1)")
    assert assembly.job(Run.of(remedy="mine:Own", num_steps=50)).program


@pytest.mark.parametrize("choice", ["remedy", "schedule", "model", "prior"])
def test_a_class_without_the_decorator_is_told_of_it(choice, write):
    written_parts(write)
    assert f'Write `@record("{choice}", "bare")`' in refusal(**{choice: "mine:Bare"})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vector", r"one beta a step, of shape \(50,\) .*got shape \(7,\)"),
        ("lost", "finite and at least 0 at every step; got nan at step 3"),
        ("falling", "finite and at least 0 at every step; got -1 at step 6"),
        ("Down", "its make was called with .num_steps. and raises ZeroDivisionError"),
    ],
)
def test_a_schedule_without_a_beta_a_step_is_refused(name, message, write):
    written_parts(write, make="1 / 0")
    said = refusal(schedule=f"mine:{name}")
    assert re.search(f"`schedule` mine:{name}.*{message}", said)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("mynet.py:net", "Write `mynet:net`."),
        ("./mynet.py:net", "Write `mynet:net`."),
        ("mynett:net", "Did you mean `mynet`?"),
    ],
)
def test_the_name_of_a_module_that_was_meant_is_said(path, message, write):
    write()
    assert message in refusal(model=path)


def test_the_page_of_a_function_says_what_reaches_it(write):
    write()
    page = settings_help("mynet:net")
    held, _, knobs = page.partition("`knobs` of encode and decode hold:")
    assert "`config` holds" in held
    assert "--hidden" in held
    assert "--dropout" in knobs
    assert "--hidden" not in knobs
    written_parts(write)
    assert settings_help("mine:lost").startswith("schedule=mine:lost: A function")


def test_a_dtype_that_meets_another_inside_of_a_model_names_its_line(write):
    write(decode="out = out * jnp.ones(out.shape)")
    assembly.job(Run.of(model="mynet:net", num_steps=50))
    said = refusal(model="mynet:net", compute="bfloat16")
    assert "its decode was called with" in said
    assert 'mynet.py", line 21, in decode' in said
