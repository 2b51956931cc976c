"""What a trained member is measured by: bounds, rates, its row again, and the verdict."""

from typing import Any, NamedTuple

import numpy as np

from vae_jax import checks, diagnostics, training
from vae_jax.conditions import Conditioned
from vae_jax.trained._functions import Measured
from vae_jax.trained._inputs import as_given
from vae_jax.trained._loaded import Loaded
from vae_jax.types import Array, PRNGKey


class Judged(NamedTuple):
    """The collapse report of a member, and what it comes to.

    Attributes:
        report: of a conditional member the report on what z says beside the condition.
        verdict: likewise.

    >>> Judged._fields
    ('report', 'verdict')
    """

    report: diagnostics.CollapseReport | diagnostics.ConditionalReport
    verdict: diagnostics.Verdict


class Judging(Loaded):
    """A member that can be measured, as it was when its row was."""

    def log_likelihood(
        self,
        x: Any,
        num_samples: int | None = None,
        key: PRNGKey | None = None,
        *,
        condition: Any = None,
        prepared: bool = False,
    ) -> Array:
        """Importance-weighted bound on `log p(x)` of every example, in nats.

        Burda et al. (2016), Eq. 8, with as many samples as the row by default. Of a
        conditional member on `log p(x|c)`. It is the density of x as the model sees it: of
        the numbers of a file that were standardised, subtract the sum of the logarithms of
        `about.origin.factor`.
        """
        return -self._measured(x, num_samples, key, condition, prepared).nll

    def rate(
        self,
        x: Any,
        key: PRNGKey | None = None,
        *,
        condition: Any = None,
        prepared: bool = False,
    ) -> Array:
        """KL of every example's posterior to the member's own prior, in nats."""
        return self._measured(x, 1, key, condition, prepared).rate

    def evaluate(
        self, x: Any = None, *, condition: Any = None
    ) -> dict[str, np.ndarray]:
        """The metrics of the row, measured again; or those of other examples.

        Args:
            x: at least 2 examples, see the class; the evaluation split of the run by
                default, with its own conditions.
            condition: of each of them, where the model takes one.

        Raises:
            ValueError: see the class; or `condition` without x.
        """
        job = self.job_here()
        splits = job.splits
        if x is not None:
            stored = as_given(x, self.about)
            told = self.told(condition, len(stored))
            given: Any = stored
            if told is not None:
                given = Conditioned(stored, np.asarray(told))
            splits = splits._replace(evaluation=given)
        elif condition is not None:
            raise ValueError(
                "`condition` is of the examples `x`; got none of them. The evaluation "
                "split has its own conditions. Leave it out."
            )
        hyper = job.hyper._replace(knobs=self.knobs)
        key = training.member_key(self.run.seed)
        found = self.functions.evaluate(self.placed, key, hyper, splits)
        return {name: np.asarray(value) for name, value in found.items()}

    def report(self, x: Any = None, *, condition: Any = None) -> Judged:
        """The report that the row is judged by and the verdict, of `evaluate`."""
        report = training.report_of(self.evaluate(x, condition=condition))
        assert report is not None
        return Judged(report, diagnostics.verdict(report))

    def _measured(
        self,
        x: Any,
        num_samples: int | None,
        key: PRNGKey | None,
        condition: Any,
        prepared: bool,
    ) -> Measured:
        seen = self.seen_by(x, condition, prepared=prepared, key=key)
        keys = self.keys(key, len(seen))[1]
        given = self.run.eval_samples if num_samples is None else num_samples
        num = checks.whole("num_samples", given, 1)
        called = self.settings, self.knobs, self.placed, keys, seen, num
        return self.functions.measure(*called)
