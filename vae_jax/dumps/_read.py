"""A posterior from a file, checked so far that its report can be believed."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vae_jax.dumps import _values
from vae_jax.dumps._files import list_arrays, load_array
from vae_jax.dumps._layout import Layout, arranged, as_layout, as_letters
from vae_jax.dumps._names import (
    LOG_LIKELIHOOD,
    PARTNER,
    SHUFFLED,
    check_named,
    pick_mean,
    pick_scale,
)


class Dump(NamedTuple):
    """What a file holds of a posterior, as float32 of (examples, *positions, channels).

    Attributes:
        means: of the posterior.
        logvars: its log-variances.
        log_likelihood: of every example under its own z; None if it was not written.
        shuffled: of every example under the z of another one; likewise.
        partner: whose z that was; likewise.
        layout: which axis is what.
        sources: what the means and the log-variances were made of, in words.
        unused: names in the file of which nothing was read.
        remarks: sentences on values that look like something else.

    >>> Dump._fields[:2]
    ('means', 'logvars')
    """

    means: np.ndarray
    logvars: np.ndarray
    log_likelihood: np.ndarray | None
    shuffled: np.ndarray | None
    partner: np.ndarray | None
    layout: Layout
    sources: str
    unused: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def read_dump(
    path: str | os.PathLike[str],
    *,
    mean: str | None = None,
    logvar: str | None = None,
    std: str | None = None,
    var: str | None = None,
    log_std: str | None = None,
    layout: str | None = None,
) -> Dump:
    """Read the posterior of every example of a data set, whatever framework wrote it.

    The file is npz, Parquet or safetensors, with means, not samples of z (`means`, `mean`
    or `mu`), and log-variances (`logvars`, `logvar` or `log_var`) of one shape, an example
    an entry of the first axis; and, as far as they were written, `log_likelihood`, under a
    sample of each example's own z, `log_likelihood_shuffled`, under the z of another
    example, and `partner`, the index of that example.

    What was named by an argument is believed; what was not is refused where its values
    say that it is something else.

    Args:
        path: the file.
        mean: name of the means, if it is another one.
        logvar: name of the log-variances, if it is another one.
        std: name of standard deviations, in their place.
        var: name of variances, in their place.
        log_std: name of logarithms of standard deviations, in their place.
        layout: a letter an axis: `nd`, `ntd`, `nhwc`, `nchw`, ...; n is the examples, c or
            d the channels or units, t, h and w positions; capital letters are the same.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file or what it holds is not that; names the array, what was
            expected and what to do.

    >>> import tempfile
    >>> values = np.linspace(-1, 1, 18).reshape(9, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "posterior.npz"
    ...     np.savez(path, mu=values, sigma=np.exp(values))
    ...     dump = read_dump(path, std="sigma")
    >>> dump.sources, bool(np.allclose(dump.logvars, 2 * values))
    ('means from `mu`, log-variances from 2 log(`sigma`)', True)
    """
    path = Path(path)
    held = list_arrays(path)
    layout = as_letters(layout)
    given = {"logvar": logvar, "std": std, "var": var, "log_std": log_std}
    check_named(path, held, mean, given)
    mean_name = pick_mean(path, held, mean)
    scale_name, kind, said = pick_scale(path, held, given)
    if mean_name == scale_name:
        raise ValueError(
            f"`mean` and `{kind}` must name two arrays of {path}; got `{mean_name}` twice."
        )
    used = [mean_name, scale_name, LOG_LIKELIHOOD, SHUFFLED, PARTNER]
    raw = {name: load_array(path, name, held[name]) for name in used if name in held}
    shape = raw[mean_name].shape
    _values.check_shapes(mean_name, shape, scale_name, raw[scale_name].shape)
    examples = _count(mean_name, shape, layout)
    likelihoods = _likelihoods(raw, mean_name, shape, examples)
    axes = as_layout(layout, shape, mean_name)
    means = arranged(_values.as_real(mean_name, raw[mean_name]), axes)
    scales = arranged(_values.as_real(scale_name, raw[scale_name]), axes)
    if not said:
        _values.check_not_scales(scale_name, scales)
    logvars = _values.as_logvars(scale_name, kind, scales)
    if not said and mean is None:
        _values.check_not_swapped(mean_name, means, scale_name, logvars)
    return Dump(
        _single(mean_name, means),
        _single(scale_name, logvars),
        *likelihoods,
        axes,
        f"means from `{mean_name}`, log-variances from {_formula(kind, scale_name)}",
        tuple(name for name in held if name not in used),
        (
            *_values.remarks_on_widths(scale_name, kind, logvars),
            *_values.remarks_on_samples(mean_name, means, logvars),
        ),
    )


def _count(name: str, shape: tuple[int, ...], layout: str | None) -> int:
    """How many examples there are, which are too few where there is one."""
    at = layout.find("n") if layout is not None and len(layout) == len(shape) else 0
    examples = shape[max(at, 0)]
    if examples < 2 or 0 in shape:
        raise ValueError(
            f"`{name}` must hold at least 2 examples and a unit, and some hundreds to say "
            f"much; got the shape {shape}. Write the posteriors of a whole test set."
        )
    return examples


def _likelihoods(
    raw: dict[str, np.ndarray], mean_name: str, shape: tuple[int, ...], examples: int
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Under own and shuffled z, and whose z those were; None of what is not there."""
    for name, needed in ((SHUFFLED, LOG_LIKELIHOOD), (PARTNER, SHUFFLED)):
        if name in raw and needed not in raw:
            raise ValueError(
                f"`{name}` says nothing without `{needed}`. Write both, or leave it out."
            )
    own, other = (
        _values.as_log_likelihood(name, raw[name], mean_name, shape, examples)
        if name in raw
        else None
        for name in (LOG_LIKELIHOOD, SHUFFLED)
    )
    if own is not None:
        _values.check_sign(LOG_LIKELIHOOD, own, other)
    return own, other, raw.get(PARTNER)


def _single(name: str, values: np.ndarray) -> np.ndarray:
    """In float32, which is what JAX computes in, if nothing overflows."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    if not np.isfinite(single).all():
        raise ValueError(
            f"`{name}` must fit into float32; got {np.abs(values).max():g}."
        )
    return single


def _formula(kind: str, name: str) -> str:
    return {
        "logvar": f"`{name}`",
        "std": f"2 log(`{name}`)",
        "var": f"log(`{name}`)",
        "log_std": f"2 `{name}`",
    }[kind]
