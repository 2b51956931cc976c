"""Examples that come with a condition: the pair flows where the example alone does.

A conditional model is told c, a label or a vector of covariates, beside x. Both are leaves
of one example, so that whatever takes rows, batches or halves of examples takes those of
both, and knows nothing of it.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.types import Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Conditioned:
    """Examples and the condition of each.

    Attributes:
        x: `(n, *event)`, as the model would see it alone; None where there is no example,
            as for a decoder that does not read it.
        condition: whole numbers, `(n,)`, or covariates, `(n, covariates)`.

    >>> pair = Conditioned(jnp.zeros((5, 8, 8)), jnp.arange(5))
    >>> len(pair), pair[1:3].condition.tolist()
    (5, [1, 2])
    """

    x: Any
    condition: Any

    def __len__(self) -> int:
        """How many examples."""
        return len(self.condition)

    def __getitem__(self, rows: Any) -> "Conditioned":
        """Some of the examples, each with its condition."""
        taken: Conditioned = jax.tree.map(lambda leaf: leaf[rows], self)
        return taken


def plain(examples: Any) -> Any:
    """The examples without their conditions; others as they are.

    >>> plain(Conditioned(jnp.zeros((5, 2)), jnp.arange(5))).shape, plain("x")
    ((5, 2), 'x')
    """
    return examples.x if isinstance(examples, Conditioned) else examples


def on_device(examples: Any) -> Any:
    """The examples as arrays of JAX, with their conditions if they have them.

    >>> import numpy as np
    >>> on_device(Conditioned(np.zeros((5, 2)), np.arange(5)))[:2].x.shape
    (2, 2)
    """
    if isinstance(examples, Conditioned):
        return jax.tree.map(jnp.asarray, examples)
    return jnp.asarray(examples)


def features(condition: Any, size: int, dtype: Any) -> Array:
    """A row of numbers for each condition: covariates as they are, a label as one of K.

    Args:
        condition: whole numbers from 0 to `size - 1`, or `size` covariates a row.
        size: labels or covariates.
        dtype: of the result.

    Raises:
        ValueError: covariates of another number, or more than one label an example.

    >>> features(jnp.array([0, 2]), 3, jnp.float32).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    given = jnp.asarray(condition)
    if jnp.issubdtype(given.dtype, jnp.integer) and given.ndim == 1:
        return jax.nn.one_hot(given, size, dtype=dtype)
    if given.ndim != 2 or given.shape[1] != size:
        raise ValueError(
            f"`condition` must be one whole number an example, or {size} covariates, "
            f"(batch, {size}); got {given.dtype} of the shape {given.shape}."
        )
    return given.astype(dtype)
