"""What a decoder of the user's own must return for the likelihood of its run."""

from typing import Any

import jax

from vae_jax.configs import Run
from vae_jax.likelihoods import Likelihood

PAIRS = ("gaussian", "gaussian_learned")
"""Heads that are a mean and a log-variance, or a location and a log-scale."""


def check_output(
    run: Run, output: Any, x: Any, what: str, density: Likelihood | None = None
) -> None:
    """Refuse what a decoder returns for two examples where the likelihood needs other.

    Args:
        run: of which the likelihood is one.
        output: of the decoder, as shapes.
        x: two examples.
        what: model it is of, for the message.
        density: that the output must fit; without it only its structure is looked at.

    Raises:
        ValueError: says what the decoder must return, and what it does return.
    """
    head, own = run.likelihood.head, run.likelihood.is_own
    if not own and head in ("bernoulli", *PAIRS) and density is None:
        pair = head in PAIRS
        wanted = [tuple(x.shape)] * (2 if pair else 1)
        parts = output if isinstance(output, tuple | list) else [output]
        shapes = [getattr(part, "shape", None) for part in parts]
        scalars = pair and shapes[1:] == [()]
        if pair != isinstance(output, tuple | list) or (
            shapes != wanted and not (scalars and shapes[:1] == wanted[:1])
        ):
            raise ValueError(_refusal(run, output, x, what))
    if density is None:
        return
    try:
        value = jax.eval_shape(density.log_prob, output, x)
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"{_refusal(run, output, x, what)} {error}") from error
    if getattr(value, "shape", None) != (2,):
        raise ValueError(
            f"{_refusal(run, output, x, what)} Its density must be of shape (2,), a number "
            f"an example; got {getattr(value, 'shape', value)}."
        )


def _refusal(run: Run, output: Any, x: Any, what: str) -> str:
    name = run.likelihood.chosen_name
    return (
        f"{what}: what its decode returns does not fit likelihood={name!r}: it must "
        f"return {needed(run, x)}; got {_described(output)}."
    )


def needed(run: Run, x: Any) -> str:
    """What a likelihood takes from a decoder for two examples, in words."""
    shape, head = f"{tuple(x.shape)}, the examples' own", run.likelihood.head
    if run.likelihood.is_own:
        return "what its `log_prob(output, x)` takes"
    if run.likelihood.wants == "counts":
        return f"one array of logarithms of means, of shape {shape}"
    if head in PAIRS:
        return f"a pair, (mean, logvar), each of shape {shape}"
    if head == "bernoulli":
        return f"one array of logits, of shape {shape}"
    if head == "categorical":
        return f"one array of logits, of shape {(*x.shape, 'words')}"
    return f"what `models.pixelcnn` returns for likelihood={head!r}"


def _described(output: Any) -> str:
    if isinstance(output, tuple | list):
        return f"{type(output).__name__} of {len(output)}: " + ", ".join(
            map(_described, output)
        )
    shape = getattr(output, "shape", None)
    return type(output).__name__ if shape is None else f"one array of shape {shape}"
