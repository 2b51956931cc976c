"""Perplexity, with its two conventions said: which tokens count, and which unit."""

from typing import SupportsFloat

import numpy as np


def perplexity(nll_sum_nats: SupportsFloat, num_target_tokens: SupportsFloat) -> float:
    """Per token: `exp(total NLL in nats / number of target tokens)`.

    Targets are all words and EOS, not BOS and not PAD: the sum of a batch's mask. Sum
    both over the whole set first; a mean of batches' perplexities is another number.
    With a bound in place of the NLL, distortion + rate of a VAE, it is an upper bound.
    A uniform guess among V ids has the perplexity V. In bits it is 2 to the power of
    bits per target, the same number.

    Infinite beyond 709 nats a token; NaN of NaN.

    Jelinek, Mercer, Bahl and Baker (1977), "Perplexity, a measure of the difficulty of
    speech recognition tasks".

    Args:
        nll_sum_nats: negative log-likelihood of all sentences together, in nats.
        num_target_tokens: EOS included.

    Raises:
        ValueError: no targets, or a negative NLL, which discrete tokens cannot have.

    >>> round(perplexity(11 * np.log(50), 11), 6)
    50.0
    """
    nll, count = float(nll_sum_nats), float(num_target_tokens)
    if not count > 0:
        raise ValueError(
            f"`num_target_tokens` must be positive; got {count}. Is the mask all 0?"
        )
    if count == np.inf:
        raise ValueError(f"`num_target_tokens` must be finite; got {count}.")
    if nll < 0:
        raise ValueError(
            "`nll_sum_nats` must be a negative log-likelihood, which is at least 0 for "
            f"tokens; got {nll}. Is it the log-likelihood? Change its sign."
        )
    with np.errstate(over="ignore"):
        return float(np.exp(nll / count))
