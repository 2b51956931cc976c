import errno
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from vae_jax import checkpoints


class State(NamedTuple):
    params: Any
    count: Any
    keys: Any


def make_state(seed=0):
    key = jax.random.key(seed)
    return State(
        params={
            "dense": {"kernel": jax.random.normal(key, (5, 3)), "bias": jnp.zeros(3)},
            "half": jax.random.normal(key, (4,), jnp.bfloat16),
            "nothing": jnp.zeros((0, 2)),
        },
        count=jnp.asarray(seed, jnp.int32),
        keys=jax.random.split(key, 4),
    )


def bits(leaf):
    raw = leaf
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        raw = jax.random.key_data(leaf)
    return str(leaf.dtype), leaf.shape, np.asarray(raw).tobytes()


def assert_same(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    assert list(map(bits, jax.tree.leaves(a))) == list(map(bits, jax.tree.leaves(b)))


def steps(folder):
    return sorted(path.name for path in Path(folder).glob("step-*"))


def test_a_state_comes_back_bit_for_bit(tmp_path):
    state = make_state(3)
    checkpoints.save(tmp_path, 12, state, {"seen": [1.5, None], "pair": (1, 2)})
    restored = checkpoints.restore(tmp_path, make_state(0))
    assert restored.step == 12
    assert restored.metadata == {"seen": [1.5, None], "pair": [1, 2]}
    assert_same(restored.state, state)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(restored.state))


def test_special_values_keep_their_bits(tmp_path):
    # a signalling NaN, -0.0, the smallest subnormal, infinities
    words = np.array([0x7F800001, 0x80000000, 1, 0x7F800000, 0xFF800000], np.uint32)
    state = {"x": words.view(np.float32)}
    checkpoints.save(tmp_path, 0, state)
    assert_same(checkpoints.restore(tmp_path, state).state, state)


def test_no_folder_and_an_empty_folder_hold_nothing(tmp_path):
    assert checkpoints.restore(tmp_path / "none", make_state()) is None
    assert checkpoints.restore(tmp_path, make_state()) is None


def test_a_shape_struct_is_target_enough(tmp_path):
    state = make_state(1)
    checkpoints.save(tmp_path, 1, state)
    target = jax.eval_shape(lambda: make_state(0))
    assert_same(checkpoints.restore(tmp_path, target).state, state)


def test_numpy_targets_stay_numpy(tmp_path):
    state = {"x": np.arange(3, dtype=np.float64), "y": jnp.ones(2)}
    checkpoints.save(tmp_path, 1, state)
    restored = checkpoints.restore(tmp_path, state).state
    assert type(restored["x"]) is np.ndarray
    assert isinstance(restored["y"], jax.Array)
    assert_same(restored, state)


def test_metadata_with_number_keys_verifies(tmp_path):
    # JSON sorts 2 before 10, and their strings the other way round
    checkpoints.save(tmp_path, 1, {"x": np.ones(1)}, {"n": {10: "a", 2: "b"}})
    restored = checkpoints.restore(tmp_path, {"x": np.ones(1)})
    assert restored.metadata == {"n": {"10": "a", "2": "b"}}


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg", "unsafe_rbg"])
def test_keys_keep_their_kind(tmp_path, impl):
    state = {"key": jax.random.key(7, impl=impl)}
    checkpoints.save(tmp_path, 1, state)
    restored = checkpoints.restore(tmp_path, state).state
    assert jax.random.key_impl(restored["key"]) == impl
    assert jax.random.bits(restored["key"]) == jax.random.bits(state["key"])


def test_keys_of_another_kind_are_refused(tmp_path):
    checkpoints.save(tmp_path, 1, {"key": jax.random.key(7)})
    target = {"key": jax.random.key(7, impl="rbg")}
    with pytest.raises(checkpoints.TargetMismatch, match=r"key<fry>.*key<rbg>"):
        checkpoints.restore(tmp_path, target)


def test_a_leaf_that_is_no_array_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"`state\['x'\]` must be an array; got float"):
        checkpoints.save(tmp_path, 1, {"x": 0.5})
    assert steps(tmp_path) == []


def test_metadata_that_is_not_json_is_refused(tmp_path):
    with pytest.raises(TypeError, match="JSON"):
        checkpoints.save(tmp_path, 1, {"x": np.ones(1)}, {"a": np.ones(2)})
    assert steps(tmp_path) == []


def test_the_newest_two_are_kept(tmp_path):
    for step in (1, 2, 30, 4000):
        checkpoints.save(tmp_path, step, make_state(step))
    assert steps(tmp_path) == ["step-00000030.0", "step-00004000.0"]
    assert checkpoints.restore(tmp_path, make_state()).step == 4000


def test_saving_a_step_again_replaces_it(tmp_path):
    checkpoints.save(tmp_path, 1, make_state(1))
    checkpoints.save(tmp_path, 2, make_state(2))
    for seed in (3, 4):
        checkpoints.save(tmp_path, 2, make_state(seed))
    assert steps(tmp_path) == ["step-00000001.0", "step-00000002.2"]
    assert_same(checkpoints.restore(tmp_path, make_state()).state, make_state(4))


class Before(NamedTuple):
    mean: Any
    spread: Any


class After(NamedTuple):
    spread: Any
    mean: Any


def test_fields_in_another_order_find_their_own_values(tmp_path):
    checkpoints.save(tmp_path, 1, Before(mean=np.zeros(2), spread=np.ones(2)))
    target = After(spread=np.empty(2), mean=np.empty(2))
    restored = checkpoints.restore(tmp_path, target).state
    assert restored.spread.tolist() == [1.0, 1.0]
    assert restored.mean.tolist() == [0.0, 0.0]


def damage(save):
    record = save / "record.json"
    record.write_text(record.read_text().replace('"sha256": "', '"sha256": "0'))


def test_a_damaged_newest_falls_back_with_a_warning(tmp_path):
    checkpoints.save(tmp_path, 1, make_state(1))
    damage(checkpoints.save(tmp_path, 2, make_state(2)))
    with pytest.warns(RuntimeWarning, match=r"step 2 is damaged.*back to step 1"):
        restored = checkpoints.restore(tmp_path, make_state())
    assert restored.step == 1
    assert_same(restored.state, make_state(1))


def test_going_on_after_a_fall_back_drops_the_damaged_one(tmp_path):
    checkpoints.save(tmp_path, 10, make_state(1))
    damage(checkpoints.save(tmp_path, 20, make_state(2)))
    checkpoints.save(tmp_path, 15, make_state(3))
    assert steps(tmp_path) == ["step-00000010.0", "step-00000015.0"]
    assert checkpoints.restore(tmp_path, make_state()).step == 15


def test_nothing_but_damage_is_an_error(tmp_path):
    for step in (1, 2):
        damage(checkpoints.save(tmp_path, step, make_state(step)))
    with pytest.raises(
        checkpoints.DamagedCheckpoint, match=r"step 2 .*step 1 .*move that folder away"
    ):
        checkpoints.restore(tmp_path, make_state())


def test_one_save_under_the_name_of_another_is_damage(tmp_path):
    checkpoints.save(tmp_path, 1, make_state(1)).rename(tmp_path / "step-00000009.0")
    with pytest.raises(checkpoints.DamagedCheckpoint, match="step 9"):
        checkpoints.restore(tmp_path, make_state())


def test_an_unfinished_save_never_counts_and_is_cleaned(tmp_path):
    save = checkpoints.save(tmp_path, 1, make_state(1))
    # all that a kill just before the rename leaves: a whole save, not yet named
    save.rename(tmp_path / ".saving-abc123")
    assert checkpoints.restore(tmp_path, make_state()) is None
    checkpoints.save(tmp_path, 1, make_state(2))
    assert not list(tmp_path.glob(".saving-*"))


def test_remove_leaves_what_is_not_ours(tmp_path):
    folder = tmp_path / "shard"
    checkpoints.save(folder, 1, make_state())
    (folder / "notes.txt").write_text("mine")
    checkpoints.remove(folder)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    (folder / "notes.txt").unlink()
    checkpoints.save(folder, 1, make_state())
    checkpoints.remove(folder)
    assert not folder.exists()


def test_other_errors_are_not_called_a_full_disk(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file") as caught:
        checkpoints.save(tmp_path / "file", 1, make_state())
    assert caught.value.errno == errno.EEXIST


def test_a_sharding_places_every_leaf(tmp_path):
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("member",))
    sharding = NamedSharding(mesh, PartitionSpec("member"))
    state = {"x": jnp.ones((2, 3)), "keys": jax.random.split(jax.random.key(0), 2)}
    checkpoints.save(tmp_path, 1, state)
    restored = checkpoints.restore(tmp_path, state, sharding=sharding).state
    assert {leaf.sharding for leaf in restored.values()} == {sharding}
    assert_same(restored, state)


def test_a_restored_state_can_be_donated(tmp_path):
    state = {"x": jnp.ones((64, 64))}
    checkpoints.save(tmp_path, 1, state)
    restored = checkpoints.restore(tmp_path, state).state
    doubled = jax.jit(lambda s: {"x": s["x"] + s["x"]}, donate_argnums=0)(restored)
    assert (doubled["x"] == 2).all()


def test_the_record_names_every_leaf(tmp_path):
    save = checkpoints.save(tmp_path, 5, make_state())
    leaves = json.loads((save / "record.json").read_text())["record"]["leaves"]
    kernel = next(leaf for leaf in leaves if "kernel" in leaf["path"])
    assert kernel["path"] == "state.params['dense']['kernel']"
    assert (kernel["dtype"], kernel["shape"]) == ("float32", [5, 3])


# whose a save is


def test_a_target_may_depend_on_the_metadata(tmp_path):
    state = {"x": np.arange(6.0).reshape(3, 2)}
    checkpoints.save(tmp_path, 1, state, {"members": [4, 7, 9]})
    restored = checkpoints.restore(
        tmp_path, lambda metadata: {"x": np.zeros((len(metadata["members"]), 2))}
    )
    assert_same(restored.state, state)


@jax.tree_util.register_dataclass
@dataclass
class Module:
    weight: Any

    def __call__(self, metadata):
        raise AssertionError("a module is a target and no maker of one")


def test_a_callable_module_is_a_target(tmp_path):
    checkpoints.save(tmp_path, 1, Module(np.ones(2)))
    restored = checkpoints.restore(tmp_path, Module(np.zeros(2)))
    assert restored.state.weight.tolist() == [1.0, 1.0]


def test_peek_lists_the_saves_whose_record_is_whole(tmp_path):
    for step in (1, 2):
        checkpoints.save(tmp_path, step, {"x": np.ones(1)}, {"pair": (step, 0)})
    paths = [tmp_path / "step-00000002.0", tmp_path / "step-00000001.0"]
    assert checkpoints.peek(tmp_path) == [
        checkpoints.Peek(2, {"pair": [2, 0]}, paths[0]),
        checkpoints.Peek(1, {"pair": [1, 0]}, paths[1]),
    ]
    damage(paths[0])
    assert [peek.step for peek in checkpoints.peek(tmp_path)] == [1]
    assert checkpoints.peek(tmp_path / "none") == []


def test_a_save_of_another_shard_is_refused_and_left(tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    checkpoints.save(ours, 1, make_state(1), {"spec": "a", "members": (0, 1)})
    save = checkpoints.save(theirs, 2, make_state(2), {"spec": "a", "members": [2, 3]})
    shutil.copytree(save, ours / save.name)
    expect = {"spec": "a", "members": (np.int64(0), 1)}
    message = (
        r"step-00000002.* belongs elsewhere: its `members` is \[2, 3\], where \[0, 1\]"
    )
    with pytest.raises(checkpoints.ForeignCheckpoint, match=message):
        checkpoints.restore(ours, make_state(), expect=expect)
    assert len(steps(ours)) == 2
    shutil.rmtree(ours / save.name)
    assert checkpoints.restore(ours, make_state(), expect=expect).step == 1
    with pytest.raises(checkpoints.ForeignCheckpoint, match="`total` is missing"):
        checkpoints.restore(ours, make_state(), expect={"total": 8})
