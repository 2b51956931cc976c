"""What the records of a run must be, each by itself and the remedies together."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, get_args, get_origin

from vae_jax.priors import PriorChoice
from vae_jax.records import SPEC, Record
from vae_jax.remedies import Remedy

HOOKS = (
    *("wrap", "law", "penalty", "regulariser", "auxiliary", "feedback", "objective"),
    *("betas", "program", "around"),
)
"""What a remedy may change."""

TERMS = "penalty", "regulariser", "auxiliary", "law"
"""Hooks that change a term of the ELBO."""


def check_parts(run: Record) -> None:
    """Every part is a record of its choice, and no two have a setting of one name.

    Raises:
        ValueError: names the part, or the setting and whose it is.
    """
    whose = dict.fromkeys(type(run).settings(), "the run itself")
    for field in fields(run):  # type: ignore[arg-type]
        if field.name in whose:
            continue
        given, kind = getattr(run, field.name), field.type
        many = get_origin(kind) is tuple
        if many and not isinstance(given, tuple):
            raise ValueError(
                f"`{field.name}` must be a tuple of records; got {given!r}."
            )
        for one in given if many else (given,):
            _check_kind(one, field.name, get_args(kind)[0] if many else kind)
            _check_settings(one, field.name, whose)


def _check_kind(one: Any, place: str, kind: Any) -> None:
    if not isinstance(one, kind) or one.choice is None:
        raise ValueError(
            f"`{place}` must be a {kind.__name__}, made by `@record(choice, name)`; got "
            f"{one!r}."
        )


def _check_settings(one: Record, place: str, whose: dict[str, str]) -> None:
    """The settings of a part, which have their names alone in the text form."""
    said = f"{one.choice}={one.chosen_name!r}"
    for field in fields(one):  # type: ignore[arg-type]
        spec, name = field.metadata.get(SPEC), field.name
        if spec is None:
            raise ValueError(
                f"{said} must have plain settings alone, made by `data` or `static`; got "
                f"`{name}`."
            )
        if name in whose:
            raise ValueError(
                f"`{name}` is a setting of {whose[name]} and of {said}: a run knows a "
                "setting by its name. Call yours otherwise."
            )
        whose[name] = said
        # of beta and of the learning rate a program sees rows, which are made before
        is_row = place in ("beta", "optimizer")
        if spec.is_data and not is_row and isinstance(getattr(one, name), str):
            raise ValueError(
                f"`{name}` of {said} is text, which shapes a program; got `data`. Make it "
                "`static`."
            )


def is_idle(one: Remedy, remedies: Sequence[Remedy]) -> bool:
    """Whether a remedy does nothing, by itself or where another takes its place.

    >>> from vae_jax.remedies import FreeBits
    >>> is_idle(FreeBits(0.0), []), is_idle(FreeBits(0.1), [])
    (True, False)
    """
    others = [other for other in remedies if other is not one and not other.is_off]
    taken = any(o.sets == one.sets or has_hook(o, "objective") for o in others)
    return one.is_off or (one.yields and taken)


def has_hook(one: Remedy, hook: str) -> bool:
    """Whether a remedy has a hook of its own.

    >>> from vae_jax.remedies import FreeBits
    >>> has_hook(FreeBits(0.1), "penalty"), has_hook(FreeBits(0.1), "objective")
    (True, False)
    """
    return getattr(type(one), hook) is not getattr(Remedy, hook)


def check_remedies(remedies: Sequence[Remedy], prior: PriorChoice) -> None:
    """Nothing is set twice.

    Raises:
        ValueError: names two remedies, or a remedy and the prior.

    >>> from vae_jax.priors import StandardPrior
    >>> check_remedies([], StandardPrior())
    """
    for one in remedies:
        if not any(has_hook(one, hook) for hook in HOOKS):
            raise ValueError(
                f"{one.said} must change something by a method of its own, one of "
                f"{', '.join(HOOKS)}; got none of them."
            )
    setting: dict[str, Remedy] = {}
    for one in remedies:
        other = setting.setdefault(one.sets or type(one).__name__, one)
        if other is not one:
            _refuse_both(f"set {one.sets}", other, one)
        if one.needs_standard_prior and not prior.is_standard:
            raise ValueError(
                f"{one.said} is defined against N(0, I); got "
                f"prior={prior.chosen_name!r}. Use prior='standard'."
            )
    for hook in ("penalty", "feedback", "objective", "program"):
        having = [one for one in remedies if has_hook(one, hook)]
        if len(having) > 1:
            _refuse_both(f"have a {hook} of its own", *having[:2])


def check_objective(remedies: Sequence[Remedy]) -> None:
    """What takes the place of the ELBO knows no term of it.

    Raises:
        ValueError: names both.

    >>> check_objective([])
    """
    made = [one for one in remedies if has_hook(one, "objective")]
    for one in remedies:
        if made and one not in made and any(has_hook(one, hook) for hook in TERMS):
            raise ValueError(
                f"{made[0].said} takes the place of the ELBO, of which {one.said} changes "
                "a term. Leave one out."
            )


def _refuse_both(what: str, one: Remedy, other: Remedy) -> None:
    raise ValueError(
        f"only one remedy may {what}; got {one.said} and {other.said}. Leave one out."
    )
