"""An optimiser of the user's own, tried on the shapes of the parameters."""

from typing import Any

import jax
import optax

from vae_jax.configs import Run
from vae_jax.records import ask, attempt
from vae_jax.training import take_rate


def try_optimizer(run: Run, params: Any, rate: Any) -> None:
    """Trace the state of a run's optimiser and one update, at a rate that is traced.

    Raises:
        ValueError: it raises, or returns updates of another structure or shapes.
    """
    if not run.optimizer.is_own:
        return
    what = f"`optimizer` {run.optimizer.chosen_name}"
    made = take_rate(ask(run.optimizer.make, optax.GradientTransformation))
    state = attempt(lambda: made.init(params), f"{what}: its init", "(params)")
    updates, _ = attempt(
        lambda: made.update(params, state, params, learning_rate=rate),
        f"{what}: its update",
        "(gradients, state, params)",
    )
    wanted, got = _shapes(params), _shapes(updates)
    if wanted != got:
        raise ValueError(
            f"{what}: its update must return one array a parameter, of its shape; got "
            f"{got}, and the parameters are {wanted}."
        )


def _shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path): leaf.shape for path, leaf in leaves}
