"""The count of programs that other tests rest on."""

import jax
import jax.numpy as jnp
import numpy as np
from compiled import Counted


def test_a_program_for_each_shape_and_none_for_other_values():
    def doubled(x):
        return 2 * x

    run = Counted(jax.jit(doubled))
    for x in (np.zeros(3), np.ones(3), np.zeros(4)):
        np.testing.assert_array_equal(run(x), 2 * x)
        jax.jit(jnp.negative)(x)  # another's program is not counted
    assert run.programs == 2
