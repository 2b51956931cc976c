"""An evaluation that is compiled once for all tests, and one without the report."""

from typing import NamedTuple

import jax
import linear_gaussian as linear
import pytest

from vae_jax import diagnostics
from vae_jax.training import Splits, _evaluate


@pytest.fixture(scope="session")
def evaluate():
    """The whole evaluation, compiled once: all that the tests vary is data."""
    run = jax.jit(linear.make_evaluate(num_samples=4, batch_size=7))

    def call(params, x, hyper=linear.HYPER):
        assert len(x) == linear.SIZE
        return run(linear.run_state(params), linear.MEMBER, hyper, Splits(x, x))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_evaluate, "MAX_DIAGNOSED", linear.DIAGNOSED)
        call(linear.exact_params(), linear.examples(linear.SIZE))
    return call


@pytest.fixture
def no_report(monkeypatch):
    """Without the collapse report, which takes seconds to compile: it has its tests."""

    class Nothing(NamedTuple):
        pass

    monkeypatch.setattr(diagnostics, "collapse_report", lambda *_, **__: Nothing())
