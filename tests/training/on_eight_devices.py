"""Prints, as JSON, how far the wrappings of the step differ on 8 virtual devices.

Run by test_wrappings.py in a process of its own, since the number of devices is fixed
when JAX starts.
"""

import json
import sys
from pathlib import Path

import jax

sys.path.insert(0, str(Path(__file__).parent))

import small_models as small  # noqa: E402

from vae_jax import training  # noqa: E402


def differences(optimizer, rate):
    plain = small.step(optimizer)
    mapped = small.step(optimizer, axis_name="devices")
    reference, info = small.run_steps(training.jit_step(plain), optimizer, rate=rate)
    wrapped = {
        "pmap": training.pmap_step(mapped, "devices"),
        "sharded": training.sharded_step(plain),
    }
    result = {}
    for name, function in wrapped.items():
        params, other = small.run_steps(function, optimizer, rate=rate)
        result[name] = small.largest_difference(reference, params)
        result[name + "_info"] = small.largest_difference(info, other)
    return result


def vmapped_row(optimizer, rate):
    """A row of four members under vmap, against the same member alone."""
    import jax.numpy as jnp
    import numpy as np

    step = jax.jit(jax.vmap(small.step(optimizer), in_axes=(0, None, None, 0)))
    members = [training.member_key(seed) for seed in range(4)]
    states = [training.init_state(small.vae().init(m), optimizer) for m in members]
    state = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    x = jnp.asarray(small.images(), jnp.float32)
    for t in range(20):
        rows = (np.arange(16) + t * 16) % len(x)
        keys = [small.keys(m, t, 16) for m in members]
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *keys)
        state, _ = step(state, x[rows], small.hyper(rate), stacked)
    alone, _ = small.run_steps(
        training.jit_step(small.step(optimizer)), optimizer, rate=rate, seed=2
    )
    return small.largest_difference(
        alone, jax.tree.map(lambda leaf: leaf[2], state.params)
    )


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", 8)
    report = {"devices": jax.device_count()}
    for name, optimizer, rate in (
        ("sgd", small.sgd(), 0.05),
        ("adam", training.adam(clip_norm=1.0), 1e-3),
    ):
        report[name] = differences(optimizer, rate)
        report[name]["vmapped_row"] = vmapped_row(optimizer, rate)
    print(json.dumps(report))
