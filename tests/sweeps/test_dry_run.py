"""Python reads a program once, whoever asks of it: what it needs, and what is compiled."""

from collections import Counter

import jax
import numpy as np
import pytest
from tiny import EXAMPLES, PROGRAM, Settings

from vae_jax import sweeps
from vae_jax.sweeps.devices import _engine
from vae_jax.training import Program

# members differ in beta, and their rate is shared: a Python number, as users may give
HYPERS = [Settings(beta, 0.1) for beta in (0.0, 0.5)]


def counted(read):
    """The tiny program, which says how often each of its functions was called."""

    def saying(name, function):
        def called(*arguments):
            read[name] += 1
            return function(*arguments)

        return called

    pairs = zip(Program._fields, PROGRAM, strict=True)
    return Program(*(saying(*pair) for pair in pairs))


@pytest.mark.parametrize("strategy", ["map", "vmap", None])
def test_a_cohort_reads_its_program_once(strategy):
    read = Counter()
    engine = sweeps.make_engine(
        counted(read), HYPERS, EXAMPLES, 2, 10, len(HYPERS), strategy
    )
    members = _engine.stack_members([0, 1], HYPERS, engine)
    data, step = _engine.place_data(EXAMPLES, engine), np.int32(0)
    carry = jax.eval_shape(engine.start, members, data)
    engine.advance.trace(carry, members, data, step, step)
    engine.evaluate.trace(carry, members, data)
    engine.params.trace(carry, members, data)
    assert read == dict.fromkeys(Program._fields, 1)
