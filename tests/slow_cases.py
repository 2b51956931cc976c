"""Cases of a parametrised test of which the default suite runs some."""

from collections.abc import Iterable
from typing import Any

import pytest


def slow_but(quick: Iterable[Any], cases: Iterable[Any]) -> list[Any]:
    """All cases, of which those that are not quick carry `slow`."""
    kept = list(quick)
    return [
        case if case in kept else pytest.param(case, marks=pytest.mark.slow)
        for case in cases
    ]
