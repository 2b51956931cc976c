"""How well a share is known from a number of seeds."""

import math

Z95 = 1.959964
"""Standard deviations of a normal law that leave out one case in 20."""


def wilson_interval(hits: int, total: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's interval of a share, of which `hits` in `total` were seen.

    `(p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)`: all shares that
    are within `z` of their own standard errors of what was seen. Wilson (1927), J. Am.
    Stat. Assoc. 22.

    >>> low, high = wilson_interval(7, 12)
    >>> print(f"{low:.3f} {high:.3f}")
    0.320 0.807
    """
    share, square = hits / total, z * z / total
    middle = share + square / 2
    half = z * math.sqrt(share * (1 - share) / total + square / (4 * total))
    # at no hit, and at nothing but hits, rounding would leave the range of a share
    low, high = (middle - half) / (1 + square), (middle + half) / (1 + square)
    return max(low, 0.0), min(high, 1.0)
