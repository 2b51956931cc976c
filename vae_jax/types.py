"""Names for the arrays and functions that every module passes around."""

from collections.abc import Callable
from typing import Any

from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Key

PRNGKey = Key[Array, ""]
"""One typed key, as `jax.random.key` makes it."""

PRNGKeys = Key[Array, "batch"]
"""One typed key per example."""

Params = Any
"""A pytree of arrays: nested dicts for the models of this package."""

Schedule = Callable[[ArrayLike], Array]
"""Optimiser step -> value; traceable, no hidden state."""

__all__ = ["Array", "ArrayLike", "PRNGKey", "PRNGKeys", "Params", "Schedule"]
