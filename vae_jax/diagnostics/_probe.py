"""What a linear classifier reads off the posterior means: is z about anything we can name?

Multinomial logistic regression from the means to the labels, convex and solved to a stated
distance from its optimum, judged on other examples. It sees the means and not the noise
around them: read it beside the mutual information.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.sparse.linalg import cg
from jaxtyping import Array, Float, Int, Num

from vae_jax import checks
from vae_jax.diagnostics._checks import as_examples, rounding, standard_error
from vae_jax.types import ArrayLike

TOLERANCE = 1e-6
"""Nats per example that the training loss may be above its minimum, as Newton's decrement
estimates it; ten roundings of a loss of 1."""

MAX_STEPS = 50
"""Of Newton's method; five to ten are usual."""

CG_STEPS = 200
"""Of conjugate gradients in each."""

HALVINGS = 8
"""Step sizes tried: 1, 1/2, ..., 1/128."""


class LinearProbe(NamedTuple):
    """A linear classifier on the test examples; cross-entropies in nats.

    Attributes:
        accuracy: share of the labels that are right.
        baseline: accuracy of always naming the most frequent label of the training set.
        cross_entropy: mean of `-log p(label)`.
        label_entropy: of the frequencies of the labels.
        information: label entropy - cross-entropy, a lower bound on the information between
            the means and the label, up to sampling. Not above 0 if there is none.
        information_error: its standard error.
        excess: what the training loss was above its minimum before the last step; above
            `TOLERANCE` the fit did not converge.

    >>> LinearProbe._fields[:3]
    ('accuracy', 'baseline', 'cross_entropy')
    """

    accuracy: Float[Array, ""]
    baseline: Float[Array, ""]
    cross_entropy: Float[Array, ""]
    label_entropy: Float[Array, ""]
    information: Float[Array, ""]
    information_error: Float[Array, ""]
    excess: Float[Array, ""]


class Weights(NamedTuple):
    """Of the classifier: logits `means @ slope + bias`."""

    slope: Float[Array, "latent classes"]
    bias: Float[Array, " classes"]


def linear_probe(
    means_train: Float[ArrayLike, "train latent"],
    labels_train: Int[ArrayLike, " train"],
    means_test: Float[ArrayLike, "test latent"],
    labels_test: Int[ArrayLike, " test"],
    num_classes: int,
    l2: Num[ArrayLike, ""] = 1e-3,
) -> LinearProbe:
    """Logistic regression from posterior means to labels, judged on test examples.

    The training loss is `mean(-log softmax(means @ slope + bias)[label]) +
    l2 / 2 |slope|^2`, the bias being free. The means are centred and not scaled: the prior
    sets their scale, and a unit that varies by much less than `sqrt(l2)` goes unused. At
    exact collapse the classifier names the most frequent label, and nothing is NaN.

    Args:
        means_train: to fit on, an example a row.
        labels_train: 0 to `num_classes - 1`; anything else makes the results NaN.
        means_test: to judge on.
        labels_test: as `labels_train`.
        num_classes: of the labels.
        l2: weight of the squared slope, at least 0, and above it if a minimum is to exist
            for labels that a line separates.

    Raises:
        TypeError: labels or `num_classes` that are no whole numbers.
        ValueError: shapes that do not fit, fewer than 2 classes or examples, or an l2 that
            is negative or not one number.

    Alain & Bengio (2016), arXiv:1610.01644, for probes; Xu et al. (2020), arXiv:2002.10689,
    for their cross-entropy as information.

    >>> means = jnp.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> labels = jnp.array([0, 0, 1, 1])
    >>> probe = linear_probe(means, labels, means, labels, 2)
    >>> float(probe.accuracy), float(probe.baseline)
    (1.0, 0.5)
    >>> print(f"{probe.label_entropy:.2f} {probe.information:.2f}")
    0.69 0.69
    """
    train, test = (
        as_examples(name, means)
        for name, means in (("means_train", means_train), ("means_test", means_test))
    )
    if train.shape[1] != test.shape[1]:
        raise ValueError(
            f"`means_test` must have the {train.shape[1]} units of `means_train`; "
            f"got shape {test.shape}."
        )
    num_classes = checks.whole("num_classes", num_classes, 2)
    checks.number("l2", l2, 0, high_open=True)
    targets = as_targets("labels_train", labels_train, train, num_classes)
    # a constant far from zero is centred exactly only if it is taken off first
    centre = train[:1] + jnp.mean(train - train[:1], axis=0, keepdims=True)
    with jax.default_matmul_precision("highest"):
        weights, excess = fit(train - centre, targets, jnp.asarray(l2, train.dtype))
        logits = (test - centre) @ weights.slope + weights.bias[None]
    truth = as_targets("labels_test", labels_test, test, num_classes)
    counts = jnp.sum(targets, axis=0)
    return judge(logits, truth, counts)._replace(excess=excess)


def as_targets(
    name: str, labels: ArrayLike, means: Array, num_classes: int
) -> Float[Array, "examples classes"]:
    """One-hot rows; NaN for a label that is none of the classes."""
    index = as_labels(name, labels)
    if index.shape != means.shape[:1]:
        raise ValueError(
            f"`{name}` must have one label an example, {means.shape[:1]}; "
            f"got {index.shape}."
        )
    known = (index >= 0) & (index < num_classes)
    rows = jax.nn.one_hot(index, num_classes, dtype=means.dtype)
    return jnp.where(known[:, None], rows, jnp.nan)


def as_labels(name: str, labels: ArrayLike) -> Int[Array, " examples"]:
    """Whole numbers; one that 32 bits do not hold is no class, nor wraps to one."""
    known = labels if isinstance(labels, jax.Array) else np.asarray(labels)
    if not jnp.issubdtype(known.dtype, jnp.integer):
        raise TypeError(f"`{name}` must be whole numbers; got {known.dtype}.")
    if isinstance(known, np.ndarray) and known.dtype.itemsize > 4:
        known = np.where((known >= 0) & (known < 2**31), known, -1).astype(np.int32)
    return jnp.asarray(known)


def fit(
    x: Float[Array, "train latent"],
    targets: Float[Array, "train classes"],
    l2: Float[Array, ""],
) -> tuple[Weights, Float[Array, ""]]:
    """Newton's method from the frequencies of the labels, to `TOLERANCE` nats."""
    size, classes = targets.shape
    # one more example of every class: the logarithm of no frequency is infinite
    bias = jnp.log((jnp.sum(targets, axis=0) + 1) / (size + classes))
    start = Weights(jnp.zeros((x.shape[1], classes), x.dtype), bias)

    def unsolved(carry: tuple[Weights, Array, Array]) -> Array:
        _, excess, steps = carry
        return (excess > TOLERANCE) & (steps < MAX_STEPS)

    def step(carry: tuple[Weights, Array, Array]) -> tuple[Weights, Array, Array]:
        weights, _, steps = carry
        move, excess = newton_step(weights, x, targets, l2)
        size = line_search(weights, move, x, targets, l2)
        weights = jax.tree.map(lambda w, m: w + size * m, weights, move)
        return weights, excess, steps + 1

    found, excess, _ = jax.lax.while_loop(
        unsolved,
        step,
        (start, jnp.full((), jnp.inf, x.dtype), jnp.zeros((), jnp.int32)),
    )
    return found, excess


def newton_step(
    weights: Weights, x: Array, targets: Array, l2: Array
) -> tuple[Weights, Float[Array, ""]]:
    """The step, and how far above the minimum the loss is by its quadratic model."""
    size = jnp.asarray(len(x), x.dtype)
    share = jax.nn.softmax(x @ weights.slope + weights.bias[None])

    def pull_back(rows: Array, slope: Array) -> Weights:
        return Weights(x.T @ rows / size + l2 * slope, jnp.sum(rows, axis=0) / size)

    def hessian(move: Weights) -> Weights:
        change = x @ move.slope + move.bias[None]
        mean = jnp.sum(share * change, axis=1, keepdims=True)
        return pull_back(share * (change - mean), move.slope)

    spread = share * (1 - share)
    floor = rounding(x)
    diagonal = Weights(
        jnp.square(x).T @ spread / size + l2 + floor,
        jnp.sum(spread, axis=0) / size + floor,
    )
    gradient = pull_back(share - targets, weights.slope)
    move, _ = cg(
        hessian,
        jax.tree.map(jnp.negative, gradient),
        tol=1e-4,
        maxiter=CG_STEPS,
        M=lambda residual: jax.tree.map(jnp.divide, residual, diagonal),
    )
    decrement = sum(
        (-jnp.sum(g * m) for g, m in zip(gradient, move, strict=True)),
        jnp.zeros((), x.dtype),
    )
    return move, jnp.abs(decrement) / 2


def line_search(
    weights: Weights, move: Weights, x: Array, targets: Array, l2: Array
) -> Float[Array, ""]:
    """The best of the halved step sizes; the whole step if it is as good."""
    here = x @ weights.slope + weights.bias[None]
    change = x @ move.slope + move.bias[None]
    sizes = 0.5 ** jnp.arange(HALVINGS, dtype=x.dtype)

    def loss(size: Array) -> Array:
        log_share = jax.nn.log_softmax(here + size * change)
        penalty = l2 * jnp.sum(jnp.square(weights.slope + size * move.slope)) / 2
        return penalty - jnp.mean(jnp.sum(targets * log_share, axis=1))

    return sizes[jnp.argmin(jax.lax.map(loss, sizes))]


def judge(
    logits: Float[Array, "test classes"],
    targets: Float[Array, "test classes"],
    train_counts: Float[Array, " classes"],
) -> LinearProbe:
    """All numbers of the test set; an accuracy of logits that are NaN is NaN."""
    log_share = jnp.sum(jax.nn.log_softmax(logits) * targets, axis=1)
    frequency = jnp.mean(targets, axis=0)
    log_frequency = jnp.log(jnp.where(frequency > 0, frequency, 1))
    own = jnp.sum(targets * log_frequency[None], axis=1)
    labels = jnp.argmax(targets, axis=1)

    def right(named: Array) -> Array:
        share = jnp.mean(named == labels, dtype=logits.dtype)
        return jnp.where(jnp.isnan(jnp.mean(log_share)), jnp.nan, share)

    return LinearProbe(
        accuracy=right(jnp.argmax(logits, axis=1)),
        baseline=right(jnp.full_like(labels, jnp.argmax(train_counts))),
        cross_entropy=-jnp.mean(log_share),
        label_entropy=-jnp.mean(own),
        information=jnp.mean(log_share - own),
        information_error=standard_error(log_share - own),
        excess=jnp.zeros((), logits.dtype),
    )
