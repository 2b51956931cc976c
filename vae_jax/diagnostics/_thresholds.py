"""Every threshold of a report and of its verdict, with its origin."""

import math
from typing import Any

ACTIVE_THRESHOLD = 0.01
"""Variance of a unit's posterior mean over the data from which it is active: Burda et al.
(2016), arXiv:1509.00519."""

EPS, DELTA = 0.01, 0.01
"""Nats of a unit's KL, and the share of the examples that may have more, of a collapsed
one: the tables of Lucas et al. (2019), arXiv:1911.02469."""

COLLAPSED_NATS = 0.1
"""Below this much information, or benefit to the decoder, z is not used. A convention; the
collapsed runs of He et al. (2019, Table 1, arXiv:1901.05534) print 0.0."""

SURE_ERRORS = 2.0
"""Standard errors on either side of a value: 95 % of a normal distribution."""

RESIDUAL_ERRORS = 5.0
"""Standard errors that the residual may reach: one false alarm in two million if normal, so
that a sweep of thousands of runs, with tails heavier than normal, raises next to none."""

RESIDUAL_ROUNDING = 1e-4
"""Share of the sizes involved that rounding may leave where the standard error is zero:
sums of up to a thousand float32 terms."""

CEILING_MARGIN = 1.0
"""Nats. Closer to log N, an example's own component makes up more than 1/e of the mixture
on (geometric) average, and the value says more about N than about the code."""

USED_SHARE = 0.5
"""Of the units. A convention: surplus units are switched off at the optimum, too (the
linear VAE switches off all below its water level), so that some being off is no fault."""

ONE_BIT = math.log(2)
"""Nats. With less, z does not even tell two kinds of example apart: `exp(MI)`, the number
of inputs that a code can distinguish, is below two."""


def near_ceiling(ceiling: Any) -> Any:
    """Information from which a value says more about the examples than about the code.

    >>> near_ceiling(8.0), near_ceiling(1.0)
    (7.0, 0.5)
    """
    return max(ceiling - CEILING_MARGIN, ceiling / 2)
