"""The examples of a few steps in the place of a training set that stays on the host."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, NoReturn

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from vae_jax.conditions import on_device


class Window(NamedTuple):
    """The batches of consecutive steps, for each seed that runs here.

    Attributes:
        seeds: of the runs, `(slots,)`; one may stand there twice.
        first: the step of the first batch.
        batches: `(slots, steps, batch, *event)`, as stored, in the order in which these
            runs visit them.

    >>> Window._fields
    ('seeds', 'first', 'batches')
    """

    seeds: Any
    first: Any
    batches: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Streamed:
    """A training set that is not on the device: its size, and the batches of some steps.

    Attributes:
        num_examples: of the whole set.
        window: the batches; None where no step is taken.
        order: where the examples of one run are among those of the window.

    >>> len(Streamed(60_000))
    60000
    """

    num_examples: int = field(metadata={"static": True})
    window: Any = None
    order: Any = None

    def __len__(self) -> int:
        """Examples of the whole set."""
        return self.num_examples

    def __jax_array__(self) -> NoReturn:
        """There is no such array.

        Raises:
            ValueError: says why.
        """
        raise not_here("a program that reads `data.train` as an array")

    def __getitem__(self, rows: Any) -> NoReturn:
        """Rows of the whole set are not here.

        Raises:
            ValueError: says why.
        """
        raise not_here("a program that takes rows of `data.train` by itself")


def for_seed(data: Any, seed: Int[Array, ""]) -> Any:
    """The data as the run of one seed sees them; all but streamed ones as they are.

    >>> for_seed({"train": 1}, jnp.int32(0))
    {'train': 1}
    """
    train = getattr(data, "train", None)
    if not isinstance(train, Streamed) or train.window is None:
        return data
    slot = jnp.argmax(train.window.seeds == seed).astype(jnp.int32)
    _, num_steps, batch_size, *_ = train.window.batches.shape
    own = jnp.arange(num_steps * batch_size, dtype=jnp.int32)
    return data._replace(train=replace(train, order=slot * len(own) + own))


def batch_of(train: Any, rows: Int[Array, " batch"], step: Int[Array, ""]) -> Any:
    """The examples of a step: rows of the set, or those that were read for this step.

    Raises:
        ValueError: batches of another size were read.

    >>> batch_of(jnp.arange(5), jnp.array([3, 1]), jnp.int32(0)).tolist()
    [3, 1]
    """
    if not isinstance(train, Streamed):
        return on_device(train)[rows]
    if train.window is None or train.order is None:
        raise not_here("a step outside of a sweep")
    _, first, batches = train.window
    if batches.shape[2] != len(rows):
        raise ValueError(
            f"a streamed batch must hold the {len(rows)} examples of a step; got "
            f"{batches.shape[2]}, the `batch_size` of the run. Give both the same."
        )
    # As of a resident set a slice of an order says what is gathered, operation by
    # operation: otherwise what follows is fused in another way, and rounds in another.
    start = ((step - first) * len(rows),)
    here = jax.lax.dynamic_slice(train.order, start, rows.shape)
    examples: Array = batches.reshape(-1, *batches.shape[3:])[here]
    return examples


def whole(train: Any, needed_by: str) -> Any:
    """The whole training set.

    Args:
        train: it, or what stands in its place.
        needed_by: what cannot do without it, for the message.

    Raises:
        ValueError: it is streamed.

    >>> whole(jnp.arange(3), "a test").shape
    (3,)
    """
    if isinstance(train, Streamed):
        raise not_here(needed_by)
    return on_device(train)


def not_here(needed_by: str) -> ValueError:
    """Why a program cannot be run on a training set that is streamed."""
    return ValueError(
        f"`stream` must be 'never' where the whole training set is needed, by {needed_by}; "
        "got a training set that is streamed, of which the device holds the batches of "
        "some steps. Set stream='never', or leave that out."
    )
