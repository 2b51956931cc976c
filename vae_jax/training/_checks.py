"""What is refused before a run is compiled, so that no NaN of the user's is trained on.

A NaN that appears later is the training's own: the data and the settings had none.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.records import rows_of
from vae_jax.training._program import Hyper
from vae_jax.views import Rows, blocks


def check_hyper(hyper: Hyper, num_steps: int) -> None:
    """Refuse rows that are shorter than the run, and settings that are not finite.

    A longer row is that of a longer run, and its rest is not looked at in this one. Traced
    settings pass: their values are not known.

    Raises:
        ValueError: names the setting, its length or the step, and the fix.

    >>> check_hyper(Hyper(beta=jnp.ones(5), learning_rate=jnp.ones(5)), 5)
    """
    rows: dict[str, Any] = {"beta": hyper.beta, "learning_rate": hyper.learning_rate}
    rows |= rows_of(hyper.settings)
    for name, row in rows.items():
        shape = np.shape(row)
        if len(shape) > 1 or (shape and shape[0] < num_steps):
            raise ValueError(
                f"`{name}` must be one number or a row with one for each of the "
                f"{num_steps} steps; got the shape {shape}. Give a longer row, or train "
                "for fewer steps."
            )
    for name, value, where in first_not_finite(hyper):
        step = f" at step {where[0]}" if where else ""
        raise ValueError(f"`{name}` must be finite; got {value}{step}.")


def check_splits(splits: Any) -> None:
    """Refuse data with a NaN or an infinity: one of them is enough to end a run.

    Integers and traced arrays pass.

    Args:
        splits: `Splits`, or any tree of arrays.

    Raises:
        ValueError: names the split and the index.

    >>> check_splits({"train": jnp.zeros((4, 2))})
    """
    for name, value, where in first_not_finite(splits):
        raise ValueError(
            f"`{name}` must be finite; got {value} at index {where}. Mend this example, "
            "or leave it out."
        )


def check_run(hyper: Any, data: Any, num_steps: int) -> None:
    """Both checks, of a run whose settings are a `Hyper`.

    A program of somebody's own may read other settings, and make something of missing
    values.

    >>> check_run({"beta": float("nan")}, None, 5)
    """
    if isinstance(hyper, Hyper):
        check_hyper(hyper, num_steps)
        check_splits(data)


def first_not_finite(tree: Any) -> list[tuple[str, float, tuple[int, ...]]]:
    """Name, value and index of the first number of each array that is not finite.

    >>> first_not_finite({"a": np.array([[0.0, np.inf]]), "b": np.ones(2)})
    [('a', inf, (0, 1))]
    """
    found = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if isinstance(leaf, jax.core.Tracer):
            continue
        dtype = leaf.dtype if isinstance(leaf, Rows) else jnp.result_type(leaf)
        if not jnp.issubdtype(dtype, jnp.floating):
            continue
        start = 0
        for part in blocks(leaf):
            fine = np.isfinite(part)
            if not fine.all():
                where = tuple(int(i) for i in np.argwhere(~fine)[0])
                value = float(part[where])
                where = (start + where[0], *where[1:]) if where else ()
                name = jax.tree_util.keystr(path, simple=True, separator=".")
                found.append((name, value, where))
                break
            start += part.shape[0] if part.ndim else 0
    return found
