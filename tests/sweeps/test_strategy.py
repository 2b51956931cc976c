"""Operations counted by hand: what decides between `vmap` and `lax.map` on CPU."""

import jax
import jax.numpy as jnp
import pytest

from vae_jax.sweeps.devices._strategy import choose_strategy, step_flop

SIDE = 4
PRODUCT = 2 * SIDE**3
X = jnp.ones((SIDE, SIDE))


def looped(x, turns=7):
    return jax.lax.scan(lambda c, _: (jnp.tanh(c @ x), None), x, length=turns)[0]


COUNTED = {
    "a product": (lambda x: x @ x, PRODUCT),
    "sums are no products": (lambda x: x + jnp.tanh(x), 0),
    "every turn of a loop": (looped, 7 * PRODUCT),
    # forward, and two products a turn backward
    "its gradient": (jax.grad(lambda x: looped(x).sum()), 7 * 3 * PRODUCT),
    "a loop in a loop": (
        lambda x: jax.lax.scan(lambda c, _: (looped(c, 3), None), x, length=5)[0],
        15 * PRODUCT,
    ),
    "what is computed again": (jax.checkpoint(lambda x: x @ x), PRODUCT),
    "members": (lambda x: jax.vmap(lambda y: y @ x)(jnp.stack([x] * 3)), 3 * PRODUCT),
    "the dearest branch": (
        lambda x: jax.lax.cond(x[0, 0] > 0, lambda: x @ x @ x, lambda: x @ x),
        2 * PRODUCT,
    ),
    "a call": (jax.jit(lambda x: x @ x), PRODUCT),
    "a convolution": (
        lambda x: jax.lax.conv_general_dilated(
            x[None, :, :, None],
            jnp.ones((3, 3, 1, 5)),
            (1, 1),
            "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        ),
        2 * SIDE**2 * 5 * 9,
    ),
}


@pytest.mark.parametrize("name", COUNTED)
def test_operations_are_those_counted_by_hand(name):
    function, expected = COUNTED[name]
    assert step_flop(function, X) == expected


def test_a_long_loop_of_small_products_is_not_a_small_step():
    # on CPU, which the tests run on
    assert choose_strategy(lambda x: looped(x, 10), X) == "vmap"
    assert choose_strategy(lambda x: looped(x, 100_000), X) == "map"
