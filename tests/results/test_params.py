"""Parameters come back as the tree that they were, and bound to their member."""

import hashlib
import json
import subprocess
import sys
from collections import OrderedDict, namedtuple
from pathlib import Path
from typing import Any, NamedTuple

import flax
import jax
import ml_dtypes
import numpy as np
import pytest
import safetensors
import safetensors.numpy

from vae_jax.results import DamagedFile, ForeignFile
from vae_jax.results._params import params_path, read_about, read_params, write_params

ABOUT = {"spec": "1a2b", "member": "3"}


class Layer(NamedTuple):
    kernel: Any
    bias: Any


def array(*shape, dtype=np.float32):
    return np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)


def there_and_back(folder, tree, like=None):
    digest = write_params(folder, "p.safetensors", tree, ABOUT)
    return read_params(folder / "p.safetensors", digest, ABOUT, like)


def assert_same(a, b):
    """By hand: JAX cannot sort keys of several types."""
    assert type(a) is type(b)
    if isinstance(b, np.ndarray):
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    elif b is not None:
        keys = b if hasattr(b, "keys") else range(len(b))
        assert list(a) == list(b) if hasattr(b, "keys") else len(a) == len(b)
        for key in keys:
            assert_same(a[key], b[key])


TREES = {
    "haiku": {"linear/~/w": {"w": array(2)}, "linear": {"~": {"w": {"w": array(3)}}}},
    "a slash": {"a/b": array(2), "a": {"b": array(3)}},
    "a dot": {"a.b": array(2), "a": {"b": array(3)}, "a.b#2": array(1)},
    "a list": [array(2), [array(1), ()], []],
    "a tuple": (array(2), (array(1),)),
    "number keys": {0: array(1), "0": array(2), -1: {1.5: array(3), True: array(4)}},
    "tuple keys": {("a", 1): array(1), "a,1": array(2), (("b",), None): array(3)},
    "odd keys": {"": array(1), "__metadata__": array(2), b"\xff": array(3)},
    "a key that UTF-8 cannot hold": {"\ud800": array(1), "\\ud800": array(2)},
    "None": {"a": None, "b": array(1), "c": [None, {}]},
    "ordered": OrderedDict(z=array(1), a=array(2)),
    "a NamedTuple": {"dense": Layer(array(2, 3), None)},
    "one array": array(4),
    "no array": {},
}


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
def test_the_tree_comes_back(tmp_path, tree):
    assert_same(there_and_back(tmp_path, tree), tree)
    assert_same(there_and_back(tmp_path, tree, like=tree), tree)


def test_keys_keep_their_types(tmp_path):
    tree = {1: array(1), "1": array(1), (1, "1", b"1"): array(1)}
    assert list(there_and_back(tmp_path, tree)) == list(tree)
    assert list(map(type, there_and_back(tmp_path, tree))) == [int, str, tuple]


def test_names_are_those_that_torch_expects(tmp_path):
    tree = {"layers": [{"weight": array(2, 2)}], "out.bias": array(1), "h": Layer(1, 2)}
    tree["h"] = Layer(array(1), array(1))
    write_params(tmp_path, "p", tree, ABOUT)
    with safetensors.safe_open(tmp_path / "p", framework="numpy") as file:
        assert sorted(file.keys()) == [
            "h.bias",
            "h.kernel",
            "layers.0.weight",
            "out.bias",
        ]
        assert (file.get_tensor("layers.0.weight") == [[0, 1], [2, 3]]).all()
        assert ABOUT.items() <= file.metadata().items()


DTYPES = [np.dtype(f"{k}{n}") for k in "iu" for n in (1, 2, 4, 8)]
DTYPES += [np.dtype(name) for name in ("?", "f2", "f4", "f8", "c8", "c16")]
DTYPES += [
    np.dtype(kind)
    for name, kind in vars(ml_dtypes).items()
    if name.startswith(("bfloat", "float", "int", "uint"))
]


def test_every_dtype_keeps_its_bits(tmp_path):
    rng = np.random.default_rng(0)
    tree = {}
    for dtype in DTYPES:
        raw = rng.integers(0, 256, (6, dtype.itemsize), np.uint8)
        if dtype.itemsize == 1:  # narrow numbers fill their byte in one way alone
            raw = np.array([0, 1, 1, 0, 1, 0]).astype(dtype).view(np.uint8)
        values = raw.view(dtype).reshape(2, 3)
        tree[dtype.name] = [values, values[0, :1].reshape(()), values[:0]]
    assert len(tree) > 25
    with np.errstate(invalid="ignore"):
        assert_same(there_and_back(tmp_path, tree), tree)
    assert len(safetensors.numpy.safe_open(tmp_path / "p.safetensors", "np").keys())


def test_negative_narrow_integers(tmp_path):
    tree = {"x": np.array([-8, 7, -1], ml_dtypes.int4)}
    assert_same(there_and_back(tmp_path, tree), tree)
    stored = safetensors.numpy.load_file(tmp_path / "p.safetensors")
    assert stored["x"].tolist() == [-8, 7, -1]


def test_views_and_foreign_byte_orders_are_stored_by_value(tmp_path):
    base = array(4, 3)
    tree = {"view": base.T[::2], "big": base.astype(">f4"), "scalar": np.float32(2.5)}
    back = there_and_back(tmp_path, tree)
    assert (back["view"] == base.T[::2]).all()
    assert (back["big"] == base).all()
    assert back["big"].dtype == np.dtype(np.float32)
    assert back["scalar"] == 2.5
    back["view"][0] = 7.0  # the reader's own, to write in


@pytest.mark.parametrize(
    ("leaf", "said"),
    [
        (0.5, "must be an array; got float"),
        ("text", "must be an array; got str"),
        (np.array(["text"]), "must be an array of numbers; got <U4"),
        (np.array(["2026-01-01"], "M8[D]"), r".* of numbers; got datetime64\[D\]"),
        (np.array([None]), "must be an array of numbers; got object"),
        (np.ma.array([1.0, 2.0], mask=[0, 1]), ".* of numbers; got masked"),
        (np.zeros(2, [("a", "f4")]), r".* of numbers; got \[\('a', '<f4'\)\]"),
        (np.zeros(2, np.longdouble), ".* of numbers; got float128"),
        (jax.random.key(0), "must be an array of numbers; got key<fry>"),
    ],
)
def test_what_is_no_array_of_numbers_is_named(tmp_path, leaf, said):
    with pytest.raises(TypeError, match=rf"`dense\.0` {said}"):
        write_params(tmp_path, "p", {"dense": [leaf]}, ABOUT)
    assert list(tmp_path.iterdir()) == []


def test_keys_that_no_file_can_hold_are_named(tmp_path):
    with pytest.raises(TypeError, match="frozenset"):
        write_params(tmp_path, "p", {frozenset(): array(1)}, ABOUT)


# classes


def test_a_class_of_no_module_has_an_equal_in_its_place(tmp_path):
    Local = namedtuple("Local", ["w", "_1"], rename=True)  # noqa: PYI024
    tree = Local(array(2), array(3))
    back, again = there_and_back(tmp_path, tree), there_and_back(tmp_path, tree)
    assert back._fields == Local._fields
    assert type(back).__name__ == "Local"
    assert type(back) is type(again)
    assert type(there_and_back(tmp_path, tree, like=tree)) is Local


def test_a_class_whose_fields_have_changed_is_not_used(tmp_path, monkeypatch):
    digest = write_params(tmp_path, "p", Layer(array(2), array(3)), ABOUT)
    Changed = namedtuple("Layer", ["bias", "kernel"])  # noqa: PYI024
    monkeypatch.setattr(sys.modules[__name__], "Layer", Changed)
    back = read_params(tmp_path / "p", digest)
    assert back._fields == ("kernel", "bias")
    assert back.kernel.shape == (2,)


READ = """
import sys
from pathlib import Path
from vae_jax.results._params import read_params
tree = read_params(Path(sys.argv[1]), sys.argv[2])
print(type(tree).__module__, tree._fields, "this" in sys.modules, "jax" in sys.modules)
"""


def test_reading_imports_no_module_that_the_file_names(tmp_path):
    Zen = namedtuple("Zen", ["kernel"])  # noqa: PYI024
    Zen.__module__ = "this"
    digest = write_params(tmp_path, "p", Zen(array(2)), ABOUT)
    command = [sys.executable, "-c", READ, str(tmp_path / "p"), digest]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "('kernel',) False" in said


def test_registered_nodes_need_like(tmp_path):
    tree = {"params": flax.core.freeze({"b": None, "w": array(2)})}
    with pytest.raises(ValueError, match=r"`params` is a flax.*FrozenDict.*`like`"):
        there_and_back(tmp_path, tree)
    like = jax.eval_shape(lambda: tree)
    back = there_and_back(tmp_path, tree, like)
    assert type(back["params"]) is flax.core.FrozenDict
    assert_same(back, tree)


@pytest.mark.parametrize(
    ("like", "said"),
    [
        ({"a": [array(2)]}, r"the tree was a dict of \['a', 'b'\]; .*\['a'\]"),
        ({"a": (array(2),), "b": None}, r"`a` was a list of \[0\]; it is .*tuple"),
        ({"a": [array(2)], "b": array(1)}, "`b` was None; it is ndarray"),
        ({"a": [None], "b": None}, r"`a\.0` was a leaf; it is NoneType"),
        ({"a": [[array(2)]], "b": None}, r"`a\.0` was a leaf; it is .*list"),
        ({"a": [array(3)], "b": None}, r"`a\.0` was stored as float32 \(2,\).*\(3,\)"),
        ({"a": [array(2, dtype=int)], "b": None}, r"`a\.0` .* int64"),
    ],
)
def test_another_structure_is_refused(tmp_path, like, said):
    with pytest.raises(ValueError, match=said):
        there_and_back(tmp_path, {"a": [array(2)], "b": None}, like)


# files


def test_the_seal_is_that_of_the_file_and_repeats(tmp_path):
    about = {f"knob{i}": str(i) for i in range(9)}
    names = ["one-{digest}.safetensors", "two"]
    digests = {write_params(tmp_path, name, {"x": array(3)}, about) for name in names}
    assert len(digests) == 1
    digest = digests.pop()
    content = (tmp_path / f"one-{digest[:12]}.safetensors").read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest
    assert (tmp_path / "two").read_bytes() == content


def test_what_it_says_of_itself(tmp_path):
    write_params(tmp_path, "p", {"x": array(3)}, ABOUT | {"beta": "4.0"})
    assert read_about(tmp_path / "p") == ABOUT | {"beta": "4.0"}


def test_the_file_of_another_member_is_said(tmp_path):
    digest = write_params(tmp_path, "p", {"x": array(3)}, ABOUT)
    with pytest.raises(ForeignFile, match=r"`member` is '3', where '4' was expected"):
        read_params(tmp_path / "p", digest, {"member": "4"})
    with pytest.raises(ForeignFile, match="`total` is None"):
        read_params(tmp_path / "p", digest, {"total": "8"})


def test_any_changed_byte_is_damage(tmp_path):
    digest = write_params(tmp_path, "p", {"x": array(3)}, ABOUT)
    content = (tmp_path / "p").read_bytes()
    for place in range(0, len(content), 5):
        changed = bytearray(content)
        changed[place] ^= 1
        (tmp_path / "p").write_bytes(changed)
        with pytest.raises(DamagedFile, match="does not match its SHA-256"):
            read_params(tmp_path / "p", digest)
    for size in (0, 4, 20, len(content) - 1):
        (tmp_path / "p").write_bytes(content[:size])
        with pytest.raises(DamagedFile, match="SHA-256"):
            read_params(tmp_path / "p", digest)


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, b"\2" + bytes(7) + b"{}", b"[]"])
def test_what_was_never_such_a_file_is_said(tmp_path, content):
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(DamagedFile, match="holds no parameters"):
        read_about(tmp_path / "p")
    with pytest.raises(DamagedFile, match="holds no parameters"):
        read_params(tmp_path / "p", hashlib.sha256(content).hexdigest())


def test_a_missing_file_is_damage_and_a_missing_folder_is_not(tmp_path):
    with pytest.raises(DamagedFile, match="it is missing"):
        read_params(tmp_path / "p", "0")
    with pytest.raises(FileNotFoundError):
        read_params(tmp_path / "none" / "p", "0")


@pytest.mark.parametrize("error", [PermissionError(13, "denied"), OSError(5, "I/O")])
def test_what_cannot_be_read_is_not_damage(tmp_path, monkeypatch, error):
    digest = write_params(tmp_path, "p", {"x": array(3)}, ABOUT)

    def refuse(path):
        raise error

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(type(error)) as caught:
        read_params(tmp_path / "p", digest)
    assert caught.value is error


@pytest.mark.parametrize("name", ["../p", "/p", "a/b", "..", ".", "", "a\\b", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="plain name"):
        params_path(tmp_path, name)
    with pytest.raises(ValueError, match="plain name"):
        write_params(tmp_path, name, {"x": array(3)}, ABOUT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("about", "error"), [({"member": 3}, TypeError), ({"vae_jax.tree": ""}, ValueError)]
)
def test_what_cannot_stand_in_about(tmp_path, about, error):
    with pytest.raises(error, match="about"):
        write_params(tmp_path, "p", {"x": array(3)}, about)


def test_the_header_is_json_that_anybody_reads(tmp_path):
    write_params(tmp_path, "p", {"x": array(3)}, ABOUT)
    content = (tmp_path / "p").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert header["x"]["dtype"] == "F32"
    assert json.loads(header["__metadata__"]["vae_jax.dtypes"]) == {"x": "float32"}
