"""A sweep whose step takes half a second, as does a part of its start and its evaluation.

Arguments: the folder, seconds a step, seconds that starting and evaluating take.
"""

import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import jax
import jax.numpy as jnp
import small

from vae_jax import sweeps

FOLDER, STEP, ENDS = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])


def waiting(seconds, value):
    """The value, after a while that compiled code spends elsewhere."""

    def wait(seen):
        time.sleep(seconds)
        return seen

    return jax.pure_callback(wait, jax.ShapeDtypeStruct((), jnp.float32), value)


def step(state, t, key, hyper, data):
    new, info = small.step(state, t, key, hyper, data)
    return new | {"waited": state["waited"]}, small.Info(waiting(STEP, info.loss))


def init(key, hyper, data):
    state = small.init(key, hyper, data)
    zero = 0 * waiting(ENDS, jnp.float32(0))
    return state | {"waited": zero}


def evaluate(state, key, hyper, data):
    found = small.evaluate(state, key, hyper, data)
    return found | {"size": waiting(ENDS, found["size"])}


PROGRAM = small.PROGRAM._replace(init=init, step=step, evaluate=evaluate)


def make_job(config):
    return small.make_job(config)._replace(program=PROGRAM)


if __name__ == "__main__":
    # a shell ignores Ctrl-C for what it starts in the background, and a run keeps to that
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sweeps.setup_jax(1)
    config = small.BASE.changed(num_steps=20, log_every=10)
    print("begins", flush=True)
    sweeps.run([config], FOLDER, sweeps.Options(keep_state=True), make_job=make_job)
