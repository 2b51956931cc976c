"""Whether a likelihood is a density of what a data set holds."""

from vae_jax.configs import Run
from vae_jax.data import Dataset, Kind, extremes
from vae_jax.records import CHOICES

WORDS = {
    "binary": "0 and 1",
    "unit": "numbers from 0 to 1",
    "real": "real numbers",
    "signed": "grey levels",
    "counts": "counts",
    "tokens": "words",
    "levels": "grey levels",
}
"""What a likelihood wants, and what data are, in words."""

FIRST = "gaussian_optimal"
"""Of pictures: its noise variance is fitted, so that no setting of it can be wrong."""

FITS: dict[Kind, tuple[str, ...]] = {
    "levels": ("unit", "real", "signed"),
    "unit": ("unit", "real"),
    "real": ("real",),
    "counts": ("counts",),
    "tokens": ("tokens",),
}
"""What numbers may be used as; binarised, also as 0 and 1."""


def check_values(run: Run, dataset: Dataset) -> None:
    """Refuse a likelihood of other data than these.

    Raises:
        ValueError: names the likelihood, what the data hold, and those that fit.

    >>> from vae_jax import data
    >>> check_values(Run(), data.load("digits"))
    """
    fits, wants = offered(run, dataset), run.likelihood.wants
    of_codes = dataset.holds == "real" and run.prior.encodes
    if wants in fits and not of_codes:
        return
    low, high = extremes(dataset.train.images)
    held = f"{dataset.name} holds {WORDS[dataset.holds]}, {low:g} to {high:g}"
    if of_codes:
        raise ValueError(
            f"the pseudo-inputs of prior={run.prior.chosen_name!r} are numbers from 0 to "
            f"1; {held}. Choose another prior."
        )
    names = likelihoods(run, fits)
    first = ""
    if dataset.holds == "levels" and FIRST in names:
        first = f" A good first choice for pictures is --likelihood {FIRST}."
    raise ValueError(
        f"`likelihood={run.likelihood.chosen_name!r}` is a density of {WORDS[wants]}; "
        f"{held}. {_choose(run, names)}{other_ways(run, dataset)}.{first}"
    )


def likelihoods(run: Run, fits: tuple[str, ...]) -> list[str]:
    """The names of the densities of such data that this model can return.

    >>> likelihoods(Run(), ("counts",))[0]
    'poisson'
    """
    known = CHOICES["likelihood"].items()
    return [n for n, cls in known if cls.wants in fits and run.model.returns(cls.head)]


def _choose(run: Run, names: list[str]) -> str:
    if names:
        return f"Choose {' or '.join(names)}"
    return f"model={run.model.chosen_name!r} returns none of them: choose another model"


def offered(run: Run, dataset: Dataset) -> tuple[str, ...]:
    """What the data may be used as, by a likelihood's `wants`.

    >>> from vae_jax import data
    >>> offered(Run(), data.load("digits"))
    ('unit', 'real', 'signed', 'binary')
    """
    fits = FITS[dataset.holds]
    binarised = getattr(run.data, "binarize", None) in ("static", "dynamic")
    if dataset.holds == "levels" and dataset.max_value == 1:
        binarised = True
    if binarised and dataset.holds in ("levels", "unit"):
        return (*fits, "binary")
    if run.data.is_own and dataset.kind is None:  # its own `prepare` decides
        return tuple(WORDS)
    return fits


def other_ways(run: Run, dataset: Dataset) -> str:
    """What else may be meant: the same numbers, taken otherwise."""
    wants = run.likelihood.wants
    if wants == "binary" and dataset.holds in ("levels", "unit"):
        return (
            ", or binarize='static' or 'dynamic', which on average over its draws is the "
            "cross-entropy of the grey values"
        )
    if dataset.holds == "counts":
        return ", or take them otherwise: data_values='levels' or 'real'"
    if wants == "counts" and dataset.holds == "levels":
        return ", or data_values='counts'"
    return ""
