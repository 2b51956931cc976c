"""States whose bits are known, damage to files, and what a restart makes of it."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import checkpoints

BLOCK = 4096
DAMAGES = ("flip", "swap", "zero", "truncate", "delete")


def make_state(step):
    rng = np.random.default_rng(step)
    key_data = rng.integers(0, 2**32, (4, 2), np.uint32)
    return {
        # more than a few blocks each, so that a swap and a zeroed block change bits
        "params": {"kernel": jnp.asarray(rng.normal(size=(4, 50, 40)), jnp.float32)},
        "moment": jnp.asarray(rng.uniform(size=(4, 3000)), jnp.float32),
        "count": jnp.asarray([step] * 4, jnp.int32),
        "keys": jax.random.wrap_key_data(key_data),
    }


def bits(state):
    raw = state | {"keys": jax.random.key_data(state["keys"])}
    leaves = jax.tree.leaves(raw)
    return [(leaf.dtype, leaf.shape, np.asarray(leaf).tobytes()) for leaf in leaves]


def files_under(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def damage(path, kind, rng):
    """Damage one file; returns whether its content is another now."""
    content = path.read_bytes()
    if kind == "delete" or not content:
        path.unlink()
        return True
    changed = bytearray(content)
    if kind == "flip":
        changed[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    elif kind == "truncate":
        changed = changed[: rng.integers(len(content))]
    else:
        size = min(BLOCK, max(1, len(content) // 4))
        a, b = rng.choice(len(content) // size, size=2, replace=False) * size
        if kind == "swap":
            changed[a : a + size], changed[b : b + size] = (
                content[b : b + size],
                content[a : a + size],
            )
        else:
            changed[a : a + size] = bytes(size)
    path.write_bytes(changed)
    return bytes(changed) != content


def restore(folder):
    """What a restart finds: a step and its bits, with warnings; or the error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            restored = checkpoints.restore(folder, make_state(0))
        except checkpoints.DamagedCheckpoint as error:
            return None, None, str(error)
    messages = "; ".join(str(warning.message) for warning in caught)
    return restored.step, bits(restored.state), messages
