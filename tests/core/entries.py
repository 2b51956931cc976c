"""What a public function promises of its arguments: one record each, which a driver reads.

A table `table_PACKAGE.py` holds the records of `vae_jax.PACKAGE` in `ENTRIES`.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

PACKAGES = (
    "analytic",
    "diagnostics",
    "gaussian",
    "likelihoods",
    "losses",
    "numerics",
    "priors",
    "schedules",
)
KINDS = {
    "int32": jnp.int32,
    "uint8": np.uint8,
    "bool": np.bool_,
    "bfloat16": jnp.bfloat16,
    "float64": np.float64,
}
"""The dtypes that every array is given in; complex ones are refused everywhere."""


@dataclass(frozen=True)
class Entry:
    """A valid call, and what becomes of other ones.

    Attributes:
        name: `package.function`.
        arrays: arguments that are arrays, in float64; of labels in integers, of masks in
            booleans. Rounded to integers they must still be a sensible call, since every
            kind of number is tried.
        settings: arguments that are numbers and may be arrays of no dimension.
        fixed: all else: keys, functions, words, whole numbers that shape the result.
        run: calls the function; itself if None. A schedule or a family is built and asked
            here, so that `step` or `x` is an argument like others.
        read: from the result to a pytree of arrays.
        reference: the right result for the same arguments, in float64, if not None.
        rtol: of the float32 result against the reference.
        atol: likewise.
        outside: arguments with a stated range, and values outside it; NaN is tried beside
            them for settings.
        refuses: arguments and the kinds of `KINDS` that are refused; all others are right.
        ndim: settings that may have dimensions, and how many; 0 for all others.
        leading: settings of any dimensions, which become leading axes of the result.
        steep: arguments that are logits or log-variances, and how far out value, gradient
            and second derivative are still finite.
    """

    name: str
    arrays: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    run: Callable[..., Any] | None = None
    read: Callable[[Any], Any] = lambda result: result
    reference: Callable[..., Any] | None = None
    rtol: float = 2e-6
    atol: float = 1e-7
    outside: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    refuses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ndim: Mapping[str, int] = field(default_factory=dict)
    leading: tuple[str, ...] = ()
    steep: Mapping[str, float] = field(default_factory=dict)

    def call(self, **changed: Any) -> Any:
        """The result with some arguments changed, in whatever arrays it comes."""
        arrays = {name: native(value) for name, value in self.arrays.items()}
        function = self.run or public(self.name.split(".")[0])[self.name]
        return self.read(
            function(**{**self.fixed, **self.settings, **arrays, **changed})
        )

    def leaves(self, **changed: Any) -> list[np.ndarray]:
        """The same as numpy's arrays."""
        return [np.asarray(leaf) for leaf in jax.tree.leaves(self.call(**changed))]

    def expected(self) -> list[np.ndarray]:
        """The reference's result."""
        arrays = {name: rounded(value) for name, value in self.arrays.items()}
        right = self.reference(**{**self.fixed, **self.settings, **arrays})
        return [np.asarray(leaf) for leaf in jax.tree.leaves(right)]


def native(value: Any) -> np.ndarray:
    """As a user has it: float32, int32 or booleans."""
    array = np.asarray(value)
    return array.astype(
        {"f": np.float32, "i": np.int32, "b": np.bool_}[array.dtype.kind]
    )


def rounded(value: Any) -> np.ndarray:
    """The numbers of `native` in float64, exactly; labels and masks as they are."""
    array = native(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def cast(value: Any, kind: str) -> np.ndarray:
    """The value in another kind of number; unsigned ones of its size."""
    array = np.asarray(value)
    if kind in ("uint8", "bool"):
        array = np.abs(array) if array.dtype.kind != "b" else array
    if kind in ("int32", "uint8", "bool") and array.dtype.kind == "f":
        array = np.round(array)
    return array.astype(KINDS[kind])


def back(value: np.ndarray, like: Any) -> np.ndarray:
    """The numbers of a cast array in the kind that the function is at home in."""
    return np.asarray(value).astype(native(like).dtype)


def public(package: str) -> dict[str, Callable[..., Any]]:
    """The public functions of a package or module, by `package.name`."""
    module = importlib.import_module(f"vae_jax.{package}")
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
    ]
    found = {name: getattr(module, name) for name in getattr(module, "__all__", own)}
    return {
        f"{package}.{name}": value
        for name, value in found.items()
        if callable(value) and not inspect.isclass(value) and is_ours(value)
    }


def is_ours(value: Any) -> bool:
    """Whether it is defined here, which an alias of a type is not."""
    return getattr(value, "__module__", "").startswith("vae_jax.")


def tables() -> dict[str, list[Entry]]:
    """The entries of every package that has a table."""
    found = {}
    for package in PACKAGES:
        name = f"table_{package}"
        if importlib.util.find_spec(name) is not None:
            found[package] = importlib.import_module(name).ENTRIES
    return found
