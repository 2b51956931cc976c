"""Matrix products of states that have a time, or a place, beside their batch."""

from typing import Any

import jax
from jaxtyping import Array, Float


def dot_rows(
    inputs: Float[Array, "*batch inputs"],
    kernel: Float[Array, "inputs outputs"],
    dimension_numbers: Any = None,
    **options: Any,
) -> Float[Array, "*batch outputs"]:
    """`inputs @ kernel` as one product of two matrices, whatever axes lead.

    The gradient of a product over three axes has its kernel turned, and the turned form
    takes half as long again on CPU as that of two matrices. As the `dot_general` of a
    `flax.linen.Dense`, whose `dimension_numbers` say what is done here anyway.

    >>> import jax.numpy as jnp
    >>> dot_rows(jnp.ones((2, 3, 4)), jnp.ones((4, 5))).shape
    (2, 3, 5)
    """
    del dimension_numbers
    rows = inputs.reshape(-1, inputs.shape[-1])
    product: Array = jax.lax.dot(rows, kernel, **options)
    return product.reshape(*inputs.shape[:-1], kernel.shape[-1])
