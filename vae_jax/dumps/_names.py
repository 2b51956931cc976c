"""Which of a file's arrays is what: by their usual names, or as the user names them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from vae_jax.dumps._stored import Stored

MEANS = ("means", "mean", "mu")
LOGVARS = ("logvars", "logvar", "log_var")
LOG_LIKELIHOOD = "log_likelihood"
SHUFFLED = "log_likelihood_shuffled"
PARTNER = "partner"

SCALES = {
    "std": ("std", "stds", "stddev", "sigma", "sigmas", "scale", "scales"),
    "var": ("var", "vars", "variance", "variances"),
    "log_std": ("log_std", "logstd", "log_sigma", "log_scale"),
}
"""Names that say by themselves that these are no log-variances, by what would name them."""

CALLED = {
    "std": "standard deviations",
    "var": "variances",
    "log_std": "logarithms of standard deviations",
    "logvar": "log-variances",
}


def pick_mean(path: Path, held: Mapping[str, Stored], given: str | None) -> str:
    """The name of the means."""
    if given is not None:
        return _there(path, held, "mean", given)
    found = [name for name in MEANS if name in held]
    if not found:
        raise ValueError(_missing(path, held, "posterior means", MEANS, "--mean NAME"))
    return _only(path, found, "--mean")


def pick_scale(
    path: Path, held: Mapping[str, Stored], given: Mapping[str, str | None]
) -> tuple[str, str, bool]:
    """The name of what says how wide the posterior is, what it is, and whether it was said.

    What it is: `logvar`, `std`, `var` or `log_std`.
    """
    named = {kind: name for kind, name in given.items() if name is not None}
    if len(named) > 1:
        raise ValueError(
            "one of --logvar, --std, --var and --log-std must be given, not several; got "
            f"{', '.join(f'--{_flag(kind)} {name}' for kind, name in named.items())}."
        )
    for kind, name in named.items():
        return _there(path, held, kind, name), kind, True
    found = [name for name in LOGVARS if name in held]
    if found:
        return _only(path, found, "--logvar"), "logvar", False
    for kind, names in SCALES.items():
        for name in names:
            if name in held:
                raise ValueError(
                    f"`{name}` in {path} is named as {CALLED[kind]} are, and log-variances "
                    f"are wanted. Say --{_flag(kind)} {name}, and they are converted; or "
                    "write log-variances under the name logvars."
                )
    raise ValueError(_missing(path, held, "log-variances", LOGVARS, "--logvar NAME"))


def _flag(kind: str) -> str:
    return kind.replace("_", "-")


def _there(path: Path, held: Mapping[str, Stored], option: str, name: str) -> str:
    if name not in held:
        raise ValueError(
            f"`{_flag(option)}` must name an array of {path}, which holds "
            f"{described(held)}; got {name!r}."
        )
    return name


def _only(path: Path, found: Sequence[str], flag: str) -> str:
    if len(found) > 1:
        raise ValueError(
            f"{path} holds {' and '.join(f'`{name}`' for name in found)}, which may stand "
            f"for the same. Say which by {flag}."
        )
    return found[0]


def _missing(
    path: Path, held: Mapping[str, Stored], what: str, names: Sequence[str], flag: str
) -> str:
    return (
        f"{path} must hold {what}, named {', '.join(names[:-1])} or {names[-1]}; it holds "
        f"{described(held)}. Say {flag}, or write it under one of these names."
    )


def described(held: Mapping[str, Stored]) -> str:
    """What there is, with its shapes.

    >>> import numpy as np
    >>> described({"z": Stored((9, 2), "float32", 4, lambda: np.zeros((9, 2)))})
    '`z` (9, 2)'
    """
    if not held:
        return "no array"
    return ", ".join(f"`{name}` {stored.shape}" for name, stored in held.items())
