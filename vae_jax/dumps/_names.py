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
    """The name of the means, which are there as `check_named` found."""
    if given is not None:
        return _there(path, held, "mean", given)
    return _only(path, [name for name in MEANS if name in held], "--mean")


def pick_scale(
    path: Path, held: Mapping[str, Stored], given: Mapping[str, str | None]
) -> tuple[str, str, bool]:
    """The name of what says how wide the posterior is, what it is, and whether it was said.

    What it is: `logvar`, `std`, `var` or `log_std`.
    """
    for kind, name in given.items():
        if name is not None:
            return _there(path, held, kind, name), kind, True
    found = [name for name in LOGVARS if name in held]
    return _only(path, found, "--logvar"), "logvar", False


def check_named(
    path: Path,
    held: Mapping[str, Stored],
    mean: str | None,
    given: Mapping[str, str | None],
) -> None:
    """Refuse a file in which means or widths have no known name, both in one message."""
    named = {kind: name for kind, name in given.items() if name is not None}
    if len(named) > 1:
        raise ValueError(
            "one of --logvar, --std, --var and --log-std must be given, not several; got "
            f"{', '.join(f'--{_flag(kind)} {name}' for kind, name in named.items())}."
        )
    found_mean = [name for name in MEANS if name in held]
    no_mean = mean is None and not found_mean
    no_scale = not named and not any(name in held for name in LOGVARS)
    if not no_mean and not no_scale:
        return
    other = _named_otherwise(held) if no_scale else None
    if other is not None and not no_mean:
        raise ValueError(_says_itself(path, *other))
    used = {mean, *found_mean, *named.values()}
    free = [name for name in held if name not in used]
    raise ValueError(
        f"{path} must hold {_wanted(no_mean, no_scale)}; it holds {described(held)}. "
        f"{_fix(no_mean, no_scale, len(free), other)}"
    )


def _named_otherwise(held: Mapping[str, Stored]) -> tuple[str, str] | None:
    """A name that says by itself what it is, and what."""
    for kind, names in SCALES.items():
        for name in names:
            if name in held:
                return kind, name
    return None


def _says_itself(path: Path, kind: str, name: str) -> str:
    return (
        f"`{name}` in {path} is named as {CALLED[kind]} are, and log-variances are wanted. "
        f"Say --{_flag(kind)} {name}, and they are converted; or write log-variances under "
        "the name logvars."
    )


def _wanted(no_mean: bool, no_scale: bool) -> str:
    wanted = []
    if no_mean:
        wanted.append(f"posterior means, named {_either(MEANS)}")
    if no_scale:
        wanted.append(f"log-variances, named {_either(LOGVARS)}")
    return ", and ".join(wanted)


def _fix(
    no_mean: bool, no_scale: bool, free: int, other: tuple[str, str] | None
) -> str:
    """Options for as many arrays as there are, and what has to be written beside them."""
    if free < no_mean + no_scale:
        missing = [
            *(["means"] if no_mean else []),
            *(["log-variances"] if no_scale else []),
        ]
        return f"Write {' and '.join(missing)} into it, under one of these names."
    options = ["--mean NAME for the means"] if no_mean else []
    if other is not None:
        kind, name = other
        options.append(f"--{_flag(kind)} {name} for the {CALLED[kind]}")
    elif no_scale:
        options.append(
            "--logvar, --std, --var or --log-std NAME for the other array, whichever it is"
            if no_mean
            else "--logvar, --std, --var or --log-std NAME, whichever the array is"
        )
    return f"Say {' and '.join(options)}, or write it under one of these names."


def _either(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


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


def described(held: Mapping[str, Stored]) -> str:
    """What there is, with its shapes.

    >>> import numpy as np
    >>> described({"z": Stored((9, 2), "float32", 4, lambda: np.zeros((9, 2)))})
    '`z` (9, 2)'
    """
    if not held:
        return "no array"
    return ", ".join(f"`{name}` {stored.shape}" for name, stored in held.items())
