"""From a report to a word and its reasons; the thresholds are in `_thresholds`.

Rules, the first that holds:

0. *diverged*: the run did not end. Whatever its parameters would measure is no result, so
   that no number of it is looked at.
1. *unreliable*: a number is not finite; or rate, mutual information (MI) and marginal KL
   do not add up; or it cannot be told whether the decoder uses z.
2. *collapsed*: z says nothing about x (MI below `COLLAPSED_NATS`), or the decoder ignores
   what it says (shuffle gap surely below `COLLAPSED_NATS`). The number of active units has
   no say: a batch-normalised encoder has all of them active by construction.
3. *partially collapsed*: fewer than half of the units are in use, or all together carry
   less than one bit.
4. *healthy*.

A conditional VAE is judged by the same rules on what z does beside the condition: MI is
I(z; x | c), and z is shuffled within a condition. What its z repeats of the condition
counts for nothing, nor does a good reconstruction, which c alone may make.
"""

import math
from typing import Literal, NamedTuple

from vae_jax import checks
from vae_jax.diagnostics._conditional_report import ConditionalReport
from vae_jax.diagnostics._numbers import Numbers, as_numbers, not_finite
from vae_jax.diagnostics._report import CollapseReport
from vae_jax.diagnostics._thresholds import (
    COLLAPSED_NATS,
    ONE_BIT,
    RESIDUAL_ERRORS,
    RESIDUAL_ROUNDING,
    SURE_ERRORS,
    USED_SHARE,
    near_ceiling,
)

Label = Literal["collapsed", "partially collapsed", "healthy", "unreliable", "diverged"]


class Verdict(NamedTuple):
    """A word and why.

    Attributes:
        label: "collapsed", "partially collapsed", "healthy", "unreliable" or "diverged".
        reasons: sentences; the first ones decided, the rest are worth knowing.

    >>> Verdict._fields
    ('label', 'reasons')
    """

    label: Label
    reasons: tuple[str, ...]


def verdict(report: CollapseReport | ConditionalReport) -> Verdict:
    """Judge a report of concrete numbers.

    The first of these rules that holds decides:

    1. "unreliable": a number is not finite; or rate, information and marginal KL differ
       from their sum by 5 standard errors; or the shuffle gap, within 2 standard errors,
       may be 0 as well as above 0.1 nats.
    2. "collapsed": information below 0.1 nats, `COLLAPSED_NATS`, or a shuffle gap surely
       below it.
    3. "partially collapsed": fewer than half of the units are in use, which is active (the
       variance of the mean of 0.01 or more) and not collapsed (a KL below eps = 0.01 nats
       on all examples but delta = 0.01 of them), or the information is below one bit,
       0.693 nats.
    4. "healthy".

    All is for a whole latent: of a part, fewer nats need be no fault. Beside a condition
    the numbers are those that z adds to it.

    Args:
        report: as `collapse_report` or `conditional_report` gives it; not traced, and not
            batched.

    Raises:
        ValueError: a field that should be one number is not.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> from vae_jax.diagnostics import collapse_report
    >>> far = jnp.full((50, 2), 3.0)
    >>> found = verdict(collapse_report(jax.random.key(0), far, jnp.zeros((50, 2))))
    >>> found.label
    'collapsed'
    >>> print(found.reasons[0])
    z carries 0.000 nats about x, below 0.1.
    """
    missing = not_finite(report)
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        return Verdict("unreliable", (f"Not finite: {names}.",))
    numbers = as_numbers(report)
    doubts = why_unreliable(numbers)
    if doubts:
        return Verdict("unreliable", (*doubts, *remarks(numbers)))
    causes = why_collapsed(numbers)
    if causes:
        return Verdict("collapsed", (*causes, *remarks(numbers)))
    few = numbers.used < USED_SHARE * numbers.latent
    little = numbers.information < little_below(numbers)
    label: Label = "partially collapsed" if few or little else "healthy"
    return Verdict(label, (*why_in_use(numbers), *remarks(numbers)))


def diverged(first_bad_step: int) -> Verdict:
    """The verdict on a run that stopped being finite: rule 0, whatever nats it measures.

    A run that has not diverged is judged by `verdict`.

    Args:
        first_bad_step: the first step whose loss or gradient was not finite.

    Raises:
        TypeError: no whole number.
        ValueError: a negative step.

    >>> diverged(7).label
    'diverged'
    >>> print(diverged(7).reasons[0])
    The loss or its gradient was not finite at step 7: the run ended there.
    """
    step = checks.whole("first_bad_step", first_bad_step, 0)
    return Verdict(
        "diverged",
        (
            f"The loss or its gradient was not finite at step {step}: the run ended there.",
            "It is no model to be judged, and its metrics are left out.",
        ),
    )


def little_below(n: Numbers) -> float:
    """One bit; less where so few examples share a condition that they cannot show it."""
    return ONE_BIT if n.condition is None else min(ONE_BIT, near_ceiling(n.ceiling))


def why_unreliable(n: Numbers) -> list[str]:
    """What keeps the numbers from being read."""
    reasons = []
    scale = 1 + abs(n.rate) + abs(n.marginal)
    if abs(n.residual) > RESIDUAL_ERRORS * n.residual_error + RESIDUAL_ROUNDING * scale:
        reasons.append(
            f"Rate {n.rate:.3f} is not the sum of information {n.information:.3f} and "
            f"marginal KL {n.marginal:.3f}: {n.residual:.3f} nats are left over, "
            f"standard error {n.residual_error:.3f}."
        )
    if n.gap is not None and n.information >= COLLAPSED_NATS:
        margin = SURE_ERRORS * n.gap_error
        if n.gap - margin <= 0 and n.gap + margin >= COLLAPSED_NATS:
            reasons.append(
                f"Whether the decoder uses z{n.beside} cannot be told: shuffling z"
                f"{n.within} costs {n.gap:.3f} nats, standard error {n.gap_error:.3f}. "
                "Give more examples, or train longer."
            )
    return reasons


def why_collapsed(n: Numbers) -> list[str]:
    """Why z is not used, if so."""
    reasons = []
    if n.information < COLLAPSED_NATS:
        # adding zero turns -0.000 into 0.000
        reasons.append(
            f"z carries {round(n.information, 3) + 0.0:.3f} nats about x{n.beside}, "
            f"below {COLLAPSED_NATS:g}."
        )
        reasons += why_repeated(n)
        if n.active:
            # a batch-normalised encoder has all of them active
            normalised = " (batch-normalised means are active by construction)"
            reasons.append(
                f"{n.active} of {n.latent} units count as active{n.within}, but the spread "
                "of their means drowns in the posterior's own noise"
                f"{normalised if n.active == n.latent else ''}."
            )
        else:
            reasons.append(f"No unit is active{n.within}.")
    if n.gap is not None and n.gap + SURE_ERRORS * n.gap_error < COLLAPSED_NATS:
        reasons.append(
            f"The decoder ignores z{n.beside}: the z of {n.other} costs "
            f"{round(n.gap, 3) + 0.0:.3f} nats of log-likelihood, "
            f"below {COLLAPSED_NATS:g}."
        )
    elif reasons and n.condition is not None and n.gap is not None:
        reasons.append(
            f"The z of {n.other} costs {n.gap:.3f} nats of log-likelihood, standard error "
            f"{n.gap_error:.3f}."
        )
    return reasons


def why_repeated(n: Numbers) -> list[str]:
    """What z says of the condition, where it says something."""
    if n.condition is None or n.condition.repeated < COLLAPSED_NATS:
        return []
    # mixtures of few examples make it too large, by as much as its error says
    if n.condition.repeated < SURE_ERRORS * n.condition.repeated_error:
        return []
    return [
        f"z repeats the condition: it carries {n.condition.repeated:.3f} nats about it, "
        "which the decoder is given anyway."
    ]


def why_in_use(n: Numbers) -> list[str]:
    """What z does where the posterior is not collapsed."""
    little = "; less than one bit" if n.information < little_below(n) else ""
    # a standard error around what is cut off would mislead
    capped = n.information > near_ceiling(n.ceiling)
    least = "at least " if capped else ""
    error = "" if capped else f" (standard error {n.information_error:.3f})"
    reasons = [
        f"z carries {least}{n.information:.3f} nats about x{n.beside}{error}{little}."
    ]
    few = "; fewer than half" if n.used < USED_SHARE * n.latent else ""
    reasons.append(f"{n.used} of {n.latent} units are in use{few}.")
    if n.active == 0:
        reasons.append(
            f"No unit counts as active{n.within} although z is informative: the means vary "
            "on a scale below the threshold of active units."
        )
    if n.gap is not None:
        reasons.append(
            f"The decoder uses z{n.beside}: the z of {n.other} costs {n.gap:.3f} nats."
        )
    return reasons + why_repeated(n)


def remarks(n: Numbers) -> list[str]:
    """What a reader should know of the numbers, whatever the label."""
    notes = []
    per_condition = "" if n.condition is None else " of each condition"
    at_ceiling = n.information > near_ceiling(n.ceiling)
    if at_ceiling:
        notes.append(
            f"The information is at its ceiling, log {math.exp(n.ceiling):.0f} = "
            f"{n.ceiling:.2f} nats: the true value may be larger, and the marginal KL "
            f"smaller by as much. The verdict stays; more examples{per_condition} raise "
            "the ceiling."
        )
    distance = abs(n.information - COLLAPSED_NATS)
    if distance < SURE_ERRORS * n.information_error:
        notes.append(
            f"The information, {n.information:.3f} nats, is within {SURE_ERRORS:g} "
            f"standard errors of the line at {COLLAPSED_NATS:g}. Give more examples."
        )
    # at the ceiling what is no information is not known
    if n.marginal > max(n.information, COLLAPSED_NATS) and not at_ceiling:
        notes.append(
            f"Most of the rate of {n.rate:.3f} nats is no information: {n.marginal:.3f} "
            f"nats are the distance of the aggregate posterior{per_condition} from the "
            "prior."
        )
    return notes + remarks_on_conditions(n)


def remarks_on_conditions(n: Numbers) -> list[str]:
    """Who was compared with whom."""
    if n.condition is None:
        return []
    notes = []
    if n.condition.number == 1:
        notes.append("There is one condition, beside which everything is.")
    if n.condition.alone:
        notes.append(
            f"Examples alone in their condition were left out: {n.condition.alone}."
        )
    return notes
