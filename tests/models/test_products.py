"""Products of states with a kernel: equal to `@`, and of two matrices in the gradient."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax.models._assemble import dense
from vae_jax.models._products import dot_rows


def states(shape=(2, 3, 4)):
    return jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)


@pytest.mark.parametrize("shape", [(4,), (2, 4), (2, 3, 4), (2, 3, 5, 4)])
def test_equal_to_the_plain_product(shape):
    x, kernel = states(shape), states((4, 6))

    def loss(product):
        return lambda x, kernel: jnp.sum(jnp.sin(product(x, kernel)))

    for found, wanted in zip(
        jax.grad(loss(dot_rows), argnums=(0, 1))(x, kernel),
        jax.grad(loss(jnp.matmul), argnums=(0, 1))(x, kernel),
        strict=True,
    ):
        # sums of at most 30 products of order one, in float32
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_every_product_of_the_gradient_is_of_two_matrices():
    layer = dense(6)
    params = layer.init(jax.random.key(0), states())
    program = jax.make_jaxpr(jax.grad(lambda p: jnp.sum(layer.apply(p, states()))))
    products = [
        [operand.aval.ndim for operand in equation.invars]
        for equation in program(params).eqns
        if equation.primitive.name == "dot_general"
    ]
    assert products
    assert all(sizes == [2, 2] for sizes in products)


def test_layers_are_those_of_flax():
    layer, plain = dense(6, "layer"), nn.Dense(6)
    params = plain.init(jax.random.key(0), states())
    np.testing.assert_allclose(
        layer.apply(params, states()), plain.apply(params, states()), atol=1e-6
    )
