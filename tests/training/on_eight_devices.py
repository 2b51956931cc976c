"""Prints, as JSON, how far the wrappings of the step differ on 8 virtual devices.

Of a small model; with the word `objectives`, of every objective.
Run by test_wrappings.py in a process of its own, since the number of devices is fixed
when JAX starts.
"""

import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

# before anything is computed
jax.config.update("jax_num_cpu_devices", 8)
sys.path.insert(0, str(Path(__file__).parent))

import linear_gaussian as linear  # noqa: E402
import small_models as small  # noqa: E402

from vae_jax import likelihoods, losses, training  # noqa: E402
from vae_jax.training import StepHyper, StepKeys  # noqa: E402

STEPS, BATCH = 20, 16
X = linear.examples(STEPS * BATCH).reshape(STEPS, BATCH, -1)
KEYS = [
    StepKeys.from_key(jax.random.fold_in(training.member_key(0), t), BATCH)
    for t in range(STEPS)
]


def floor(over, mean, rule="max", **options):
    # some batches and many devices' shares of one are above it, and others below
    share = 1.0 if over == "unit" else 1.5

    def charge(kl, hyper):
        threshold = share * hyper.settings["floor"]
        return losses.free_bits(
            kl, threshold, over=over, mean=mean, rule=rule, **options
        )

    return charge


# nothing here says an axis: the step does
PENALTIES = {
    "plain": training.plain_rate,
    **{
        f"free bits {over} {mean} {rule}": floor(
            over, mean, rule, **({"groups": [0, 0]} if over == "group" else {})
        )
        for over in ("unit", "total", "group")
        for mean, rule in (("batch", "max"), ("example", "max"), ("batch", "mask"))
    },
    "free bits total example mask": floor("total", "example", "mask"),
    "capacity": lambda kl, hyper: losses.capacity(kl, 3.0, 2.0),
    "minimum rate": lambda kl, hyper: jnp.square(
        losses.minimum_rate_violation(kl, 3.0)
    ),
}
REGULARISERS = {
    "mmd": training.mmd_regulariser(5.0),
    "total correlation": training.total_correlation_regulariser(2.0, len(X) * BATCH),
}
NAMES = [*PENALTIES, *REGULARISERS]
ALSO_BARE = ("batch norm",)


def choose(index):
    """One program for all: the weights of penalties and regularisers are data."""
    return np.eye(len(NAMES), dtype=np.float32)[index]


def mixed_penalty(kl, hyper):
    every = jnp.stack([charge(kl, hyper) for charge in PENALTIES.values()])
    return hyper.settings["weights"][: len(PENALTIES)] @ every


def mixed_regulariser(latent, hyper, keys):
    every = jnp.stack([own(latent, hyper, keys) for own in REGULARISERS.values()])
    return hyper.settings["weights"][len(PENALTIES) :] @ every


def objectives():
    gaussian, normal = likelihoods.gaussian(), linear.vae()
    return {
        "mixed": training.make_objective(
            normal, gaussian, mixed_penalty, regulariser=mixed_regulariser
        ),
        "batch norm": training.make_objective(
            training.batch_norm_posterior(normal, linear.LATENT), gaussian
        ),
        "optimal variance": training.make_objective(
            normal, gaussian, optimal_variance=True
        ),
    }


def run_steps(step, params, optimizer, hyper, placed=lambda leaf: leaf):
    state = training.init_state(params, optimizer)
    for batch, keys in zip(X, KEYS, strict=True):
        state, info = step(state, placed(batch), hyper, keys)
        jax.block_until_ready(info)  # or collectives of many steps lock each other out
    return jax.tree.map(np.asarray, state.params), info


def explicit():
    mesh = jax.make_mesh((8,), ("batch",), (AxisType.Explicit,))
    over = NamedSharding(mesh, PartitionSpec("batch"))
    return mesh, lambda x: jax.device_put(x, over)


def wrappings(objective, optimizer):
    """Each with how it is given its batch; keys and state are everywhere."""
    whole = training.make_step(objective, optimizer)
    mapped = training.make_step(objective, optimizer, axis_name="devices")
    (mesh, place), by_itself = explicit(), lambda leaf: leaf
    automatic = Mesh(np.array(jax.devices()), ("batch",))
    return training.jit_step(whole), {
        "pmap": (training.pmap_step(mapped), by_itself),
        "auto": (training.sharded_step(whole, automatic), by_itself),
        "explicit": (training.sharded_step(whole, mesh), place),
        "bare": (jax.jit(whole), place),
    }


def refused(objective, optimizer):
    try:
        training.pmap_step(training.make_step(objective, optimizer))
    except ValueError as error:
        return "must be made with the name" in str(error)
    return False


def settings(name):
    """What varies inside one program, and the names of it in the report."""
    hyper = StepHyper(
        beta=np.float32(1.0),
        learning_rate=np.float32(0.02),
        settings={"floor": np.float32(0.6), "weights": choose(0)},
        knobs=linear.KNOBS,
    )
    if name != "mixed":
        return {name: hyper}
    return {
        own: hyper._replace(settings=hyper.settings | {"weights": choose(i)})
        for i, own in enumerate(NAMES)
    }


def report():
    found, optimizer = {}, training.sgd(clip_norm=5.0)
    for program, objective in objectives().items():
        params = linear.exact_params(2.0)
        if program == "batch norm":
            vae = training.batch_norm_posterior(linear.vae(), linear.LATENT)
            params = vae.init(training.member_key(0))
        jitted, others = wrappings(objective, optimizer)
        for name, hyper in settings(program).items():
            expected = run_steps(jitted, params, optimizer, hyper)
            own = {"refused": refused(objective, optimizer)}
            own["moved"] = small.largest_difference(expected[0], params)
            for wrapping, (step, place) in others.items():
                if wrapping == "bare" and name not in ALSO_BARE:
                    continue
                got = run_steps(step, params, optimizer, hyper, place)
                own[wrapping] = small.largest_difference(expected[0], got[0])
                own[wrapping + "_info"] = small.largest_difference(expected[1], got[1])
            found[name] = own
            print(name, own, file=sys.stderr, flush=True)
    return found


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


def small_model():
    """Of SGD: Adam divides by roots of small numbers, and so by their rounding."""
    optimizer, rate, devices = small.sgd(), 0.05, jax.device_count()
    row = vmapped_row(optimizer, rate)
    return {"devices": devices, "vmapped_row": row, **differences(optimizer, rate)}


if __name__ == "__main__":
    print(json.dumps(report() if "objectives" in sys.argv[1:] else small_model()))
