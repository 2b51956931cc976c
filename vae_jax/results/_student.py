"""Quantiles of Student's t with whole degrees of freedom, without another package."""

import math

HALVINGS = 200
"""Of an interval of floats: more than any has."""


def t_share(t: float, degrees: int) -> float:
    """`P(|T| <= t)` of Student's t: a finite sum for whole degrees of freedom.

    Abramowitz & Stegun (1964), Eqs. 26.7.3 and 26.7.4.

    >>> t_share(1.0, 1)
    0.5
    """
    angle = math.atan(t / math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees % 2
    # cos + 2/3 cos^3 + ... or 1 + 1/2 cos^2 + ..., up to cos^(degrees - 2)
    term, total = (cosine if odd else 1.0), 0.0
    for power in range(odd, degrees - 1, 2):
        total += term
        term *= cosine**2 * (power + 1) / (power + 2)
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def t_quantile(share: float, degrees: int) -> float:
    """The t within which `|T|` lies with this probability.

    Raises:
        ValueError: no degree of freedom, or no share between 0 and 1.

    >>> round(t_quantile(0.95, 2), 3)
    4.303
    """
    if degrees < 1 or not 0 < share < 1:
        raise ValueError(
            "`degrees` must be at least 1 and `share` between 0 and 1; got "
            f"{degrees} and {share}."
        )
    low, high = 0.0, 1.0
    while t_share(high, degrees) < share:
        high *= 2
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if t_share(middle, degrees) < share:
            low = middle
        else:
            high = middle
    return high
