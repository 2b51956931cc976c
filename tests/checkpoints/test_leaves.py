"""Every array of numbers comes back bit for bit; anything else is named."""

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from vae_jax import checkpoints

NARROW = [
    np.dtype(kind)
    for name, kind in vars(ml_dtypes).items()
    if name.startswith(("bfloat", "float", "int", "uint"))
]
PLAIN = [np.dtype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)]
PLAIN += [np.dtype(name) for name in ("?", "f2", "f4", "f8", "c8", "c16")]


def values(dtype):
    ones = np.array([[0, 1, 1], [1, 0, 1]]).astype(dtype)
    return {"matrix": ones, "scalar": ones[0, :1].reshape(()), "empty": ones[:0]}


def bits(tree):
    return [(x.dtype, x.shape, x.tobytes()) for x in jax.tree.leaves(tree)]


def test_every_dtype_of_numbers(tmp_path):
    state = {dtype.name: values(dtype) for dtype in PLAIN + NARROW}
    assert {"int4", "uint4", "float8_e4m3fn", "bfloat16"} <= set(state)
    checkpoints.save(tmp_path, 1, state)
    restored = checkpoints.restore(tmp_path, state).state
    assert bits(restored) == bits(state)
    narrow = {"x": jax.ShapeDtypeStruct((2, 3), jnp.int4)}
    with pytest.raises(checkpoints.TargetMismatch, match="lacks"):
        checkpoints.restore(tmp_path, narrow)


def test_four_bits_on_a_device(tmp_path):
    state = {
        "x": jnp.arange(-8, 8, dtype=jnp.int4),
        "y": jnp.arange(16, dtype=jnp.uint4),
    }
    checkpoints.save(tmp_path, 1, state)
    restored = checkpoints.restore(tmp_path, state).state
    assert isinstance(restored["x"], jax.Array)
    assert restored["x"].tolist() == list(range(-8, 8))
    assert restored["y"].tolist() == list(range(16))


@pytest.mark.parametrize("dtype", [">i4", ">f8", ">u2", ">c8", "<i4"])
def test_a_foreign_byte_order_is_kept_or_read_as_native(tmp_path, dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    checkpoints.save(tmp_path, 1, {"labels": array})
    same = checkpoints.restore(tmp_path, {"labels": array}).state["labels"]
    assert same.dtype == array.dtype
    assert same.tobytes() == array.tobytes()
    native = np.zeros((2, 3), array.dtype.newbyteorder("="))
    other = checkpoints.restore(tmp_path, {"labels": native}).state["labels"]
    assert other.dtype == native.dtype
    assert (other == array).all()


@pytest.mark.parametrize(
    ("leaf", "said"),
    [
        (np.array(["text"]), "an array of numbers; got <U4"),
        (np.array([b"text"]), r"an array of numbers; got \|S4"),
        (
            np.array(["2026-01-01"], "M8[D]"),
            r"an array of numbers; got datetime64\[D\]",
        ),
        (np.array([1], "m8[s]"), r"an array of numbers; got timedelta64\[s\]"),
        (np.array([None]), "an array of numbers; got object"),
        (np.zeros(1, [("a", "f4")]), "an array of numbers; got .*'a'"),
        (np.float32(1.0), "an array; got float32"),
        ("text", "an array; got str"),
    ],
)
def test_what_is_no_array_of_numbers_is_named(tmp_path, leaf, said, capfd):
    with pytest.raises(TypeError, match=rf"`state\['data'\]\[0\]` must be {said}"):
        checkpoints.save(tmp_path / "shard", 1, {"data": [leaf]})
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_a_mask_is_not_lost_silently(tmp_path):
    with pytest.raises(TypeError, match=r"`state\['x'\]` is a masked array"):
        checkpoints.save(tmp_path, 1, {"x": np.ma.array([1.0, 2.0], mask=[0, 1])})


@pytest.mark.parametrize("step", [3, np.int64(3), np.uint8(3), jnp.int32(3)])
def test_whole_numbers_of_any_kind_are_steps(tmp_path, step):
    assert checkpoints.save(tmp_path, step, {}).name == "step-00000003.0"
    restored = checkpoints.restore(tmp_path, {})
    assert type(restored.step) is int
    assert restored.step == 3


@pytest.mark.parametrize(
    ("step", "error", "said"),
    [
        (3.0, TypeError, "`step` must be a whole number; got 3.0, a float"),
        (np.float32(3), TypeError, "`step` must be a whole number.* a float32"),
        (True, TypeError, "`step` must be a whole number; got True, a bool"),
        ("3", TypeError, "`step` must be a whole number; got '3', a str"),
        (None, TypeError, "`step` must be a whole number; got None"),
        (-1, ValueError, "`step` must be at least 0; got -1"),
    ],
)
def test_no_whole_number_is_no_step(tmp_path, step, error, said):
    with pytest.raises(error, match=said):
        checkpoints.save(tmp_path / "shard", step, {"x": np.ones(1)})
    assert list(tmp_path.iterdir()) == []


def test_numbers_of_numpy_are_metadata(tmp_path):
    metadata = {"members": [np.int64(4), np.float32(0.5)], "done": np.True_}
    checkpoints.save(tmp_path, 1, {}, metadata)
    assert checkpoints.restore(tmp_path, {}).metadata == {
        "members": [4, 0.5],
        "done": True,
    }


@pytest.mark.parametrize(
    "value", [np.ones(2), {1, 2}, b"bytes", {("a", 1): 2}, jnp.ones(1)]
)
def test_what_json_cannot_hold_is_said(tmp_path, value):
    with pytest.raises(TypeError, match="`metadata` must be what JSON can hold: "):
        checkpoints.save(tmp_path / "shard", 1, {}, {"x": value})
    assert list(tmp_path.iterdir()) == []
