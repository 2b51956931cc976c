"""The names of a report's numbers among the metrics of a run, and the report of them."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import diagnostics
from vae_jax.diagnostics import CollapseReport, ConditionalReport
from vae_jax.types import PRNGKey

BESIDE = "conditional_"
"""Put before what a report of any model has too, such as `conditional_active_units`."""


OWN = 2**31 - 1
"""Folded into the key: the samples are not those of the report of any model."""


def column_of(field: str) -> str:
    """The column of a number beside the condition.

    >>> column_of("active_units"), column_of("condition_information")
    ('conditional_active_units', 'condition_information')
    """
    return BESIDE + field if field in CollapseReport._fields else field


def conditional_columns(
    key: PRNGKey,
    means: Float[Array, "examples latent"],
    logvars: Float[Array, "examples latent"],
    options: Mapping[str, Any],
    num_cells: int | None = None,
) -> dict[str, Array]:
    """`diagnostics.conditional_report` as columns.

    Args:
        key: of the evaluation, from which that of the samples is made.
        means: of the posterior.
        logvars: of the posterior.
        options: of the report; x among them is `Conditioned`.
        num_cells: that covariates are compared in; see `diagnostics.condition_cells`.
    """
    labels, own = options["x"].condition, jax.random.fold_in(key, OWN)
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        labels = diagnostics.condition_cells(labels, num_cells)
    report = diagnostics.conditional_report(own, means, logvars, labels, **options)
    return {column_of(name): value for name, value in report._asdict().items()}


def report_of(metrics: Mapping[str, Any]) -> CollapseReport | ConditionalReport | None:
    """The report that a run's metrics hold; None where a number is missing.

    Of a run with a condition it is that beside the condition. Its numbers have their own
    names, but those which any report has, `conditional_rate` and so on, since a row has
    both.

    >>> report_of({"rate": 1.0}) is None
    True
    """
    for kind, name_of in ((ConditionalReport, column_of), (CollapseReport, str)):
        columns = {field: name_of(field) for field in kind._fields}
        if set(columns.values()) <= set(metrics):
            made: Any = kind(**{field: metrics[c] for field, c in columns.items()})
            return made  # type: ignore[no-any-return]
    return None
