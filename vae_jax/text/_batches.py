"""Batches of fixed shapes from sentences of unlike lengths.

A compiled step wants few shapes, and padding everything to the longest sentence wastes
most of the work: sentences are sorted into buckets by length, and every batch of a
bucket has its shape.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, get_args

import numpy as np
from jaxtyping import Float32, Int32, Integer

from vae_jax.text._options import TooLong, check_choice
from vae_jax.text._text_set import TextSet, check_text, refuse_too_long
from vae_jax.text._whole import whole, whole_array
from vae_jax.tokens import BOS, PAD


class TextBatch(NamedTuple):
    """Sentences of one bucket.

    Attributes:
        tokens: int32, `(batch, edge)`; rows beyond the bucket's sentences are all PAD.
        mask: float32, `(batch, edge)`: 1 for every target, EOS included, 0 for PAD and
            BOS.

    >>> TextBatch._fields
    ('tokens', 'mask')
    """

    tokens: Int32[np.ndarray, "batch edge"]
    mask: Float32[np.ndarray, "batch edge"]


class NextToken(NamedTuple):
    """What a language model reads, and what it predicts from it.

    Attributes:
        inputs: `(*batch, length - 1)`, without the last id.
        targets: `(*batch, length - 1)`, without the first: `targets[t]` follows
            `inputs[t]`.
        mask: float32, of the same shape: 1 where a target counts.

    >>> NextToken._fields
    ('inputs', 'targets', 'mask')
    """

    inputs: Any
    targets: Any
    mask: Any


def buckets(
    lengths: Integer[np.ndarray, " sentences"],
    edges: Sequence[int],
    *,
    too_long: TooLong = "refuse",
) -> Integer[np.ndarray, " sentences"]:
    """The bucket of every sentence: the first whose edge is at least its length.

    `bucket[i] = min { j : lengths[i] <= edges[j] }`

    Args:
        lengths: ids of each sentence, BOS and EOS included.
        edges: largest length of each bucket, rising.
        too_long: `refuse` what is longer than the last edge, or `cut`: the last bucket
            takes it.

    Raises:
        TypeError: an edge is no whole number.
        ValueError: the edges do not rise, lengths are not whole numbers from 0 on, or a
            sentence is too long and not to be cut.

    >>> buckets(np.array([3, 8, 9]), [4, 8, 16]).tolist()
    [0, 1, 2]
    """
    check_choice("too_long", too_long, get_args(TooLong))
    _check_edges(edges)
    counts = whole_array("lengths", lengths)
    refuse_too_long(counts, edges[-1], too_long)
    found = np.searchsorted(np.asarray(edges), counts, side="left")
    return np.minimum(found, len(edges) - 1)


def bucketed_batches(
    seed: int | Sequence[int],
    text: TextSet,
    batch_size: int,
    edges: Sequence[int],
    *,
    too_long: TooLong = "refuse",
) -> Iterator[TextBatch]:
    """One epoch: every sentence once, in batches of the shape `(batch_size, edge)`.

    The sentences of a bucket are shuffled, then the batches of all buckets are. The last
    batch of a bucket is filled up by rows whose mask is 0, so that sums over mask-weighted
    terms are exact: divide by `mask.sum()`, or by the rows with any mask, never by
    `batch_size`.

    Args:
        seed: of the order; `(seed, epoch)` gives every epoch its own.
        text: sentences padded to any length.
        batch_size: rows of every batch.
        edges: largest length of each bucket, rising; there are as many shapes.
        too_long: `refuse` a sentence longer than the last edge, or `cut` it there, which
            leaves it without EOS.

    Raises:
        TypeError, ValueError: before the first batch: as `buckets` does, or `batch_size`
            is not positive, or `text` is not as `pad_sentences` makes it.

    >>> from vae_jax.text import pad_sentences
    >>> text = pad_sentences([[2, 7, 3], [2, 8, 9, 9, 3]])
    >>> sorted(batch.tokens.shape for batch in bucketed_batches(0, text, 4, [3, 6]))
    [(4, 3), (4, 6)]
    """
    batch_size = whole("batch_size", batch_size, 1)
    check_text(text)
    which = buckets(text.lengths, edges, too_long=too_long)
    plan = _plan(np.random.default_rng(seed), which, batch_size)
    return (_batch(text, rows, batch_size, edges[bucket]) for bucket, rows in plan)


def inputs_and_targets(tokens: Integer[Any, "*batch length"]) -> NextToken:
    """Teacher forcing: `p(tokens[t + 1] | tokens[0 ... t])` for every t.

    Works on numpy and on JAX arrays, traced ones too.

    Args:
        tokens: sentences that begin with BOS, padded.

    Raises:
        ValueError: not whole numbers, outside int32 where the values are at hand, or
            shorter than an input and a target.

    >>> step = inputs_and_targets(np.array([[2, 7, 8, 3, 0]]))
    >>> step.inputs.tolist(), step.targets.tolist(), step.mask.tolist()
    ([[2, 7, 8, 3]], [[7, 8, 3, 0]], [[1.0, 1.0, 1.0, 0.0]])
    """
    if not hasattr(tokens, "ndim"):
        tokens = np.asarray(tokens)
    if not tokens.ndim or tokens.shape[-1] < 2 or tokens.dtype.kind not in "iu":
        raise ValueError(
            "`tokens` must be integers, (*batch, length) with a length of at least 2; "
            f"got {tokens.dtype}, {tokens.shape}."
        )
    if isinstance(tokens, np.ndarray):
        tokens = whole_array("tokens", tokens)
    targets = tokens[..., 1:]
    return NextToken(tokens[..., :-1], targets, _target_mask(targets))


def _target_mask(tokens: Integer[Any, "*shape"]) -> Any:
    return ((tokens != PAD) & (tokens != BOS)).astype(np.float32)


def _plan(
    rng: np.random.Generator, which: Integer[np.ndarray, " sentences"], size: int
) -> list[tuple[int, np.ndarray]]:
    """Bucket and rows of every batch, in the order of the epoch."""
    batches = []
    for bucket in np.unique(which).tolist():
        rows = rng.permutation(np.flatnonzero(which == bucket))
        batches += [(bucket, rows[at : at + size]) for at in range(0, len(rows), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def _batch(text: TextSet, rows: np.ndarray, size: int, edge: int) -> TextBatch:
    tokens = np.full((size, edge), PAD, np.int32)
    width = min(edge, text.tokens.shape[1])
    tokens[: len(rows), :width] = text.tokens[rows, :width]
    return TextBatch(tokens, _target_mask(tokens))


def _check_edges(edges: Sequence[int]) -> None:
    edges = [whole("edges", edge, 0) for edge in edges]
    rising = all(low < high for low, high in zip(edges, edges[1:], strict=False))
    if not edges or edges[0] < 2 or not rising:
        raise ValueError(
            "`edges` must be lengths that rise, the first at least 2 (BOS and one "
            f"target); got {list(edges)}."
        )
