"""What the values of a posterior must be, and what they look like if they are not that."""

import ml_dtypes
import numpy as np

from vae_jax.dumps._names import CALLED

WIDE, SHARE = 0.5, 0.1
"""A log-variance of 0.5 is a posterior 1.28 times as wide as the prior, which the KL never
pays for; a tenth of the examples cannot be there by noise, with a tenth at -0.5."""

CONSTANT_SIGN = 0.99
"""Of the examples: the log-variance of a unit in use is below 0 on nearly all of them."""

WIDE_NOISE = 0.5
"""Mean posterior variance from which the variance of means, 1 - s, and that of samples, 1,
are far enough apart: 0.25 to either side of the middle, 1.4 standard errors of the
variance of 60 normal values."""


def as_real(name: str, array: np.ndarray) -> np.ndarray:
    """The values in float64, finite.

    Raises:
        ValueError: integers, words or what numpy does not know; NaN or infinity.
    """
    dtype = array.dtype
    if dtype.kind in "biu":
        raise ValueError(
            f"`{name}` must hold real numbers; got {dtype}. A posterior has no whole "
            "numbers: write what the encoder returns, before any rounding, as float32."
        )
    if dtype.kind != "f" and dtype != np.dtype(ml_dtypes.bfloat16):
        raise ValueError(
            f"`{name}` must hold real numbers; got {dtype}. Convert it to float32 "
            "before it is written."
        )
    values = array.astype(np.float64)
    wrong = ~np.isfinite(values)
    if wrong.any():
        place = tuple(int(index) for index in np.argwhere(wrong)[0])
        raise ValueError(
            f"`{name}` must be finite; {int(wrong.sum())} of {wrong.size} values are "
            f"not, the first at index {place}: {values[place]}. Find the example on "
            "which the encoder fails, or what overflows in half precision."
        )
    return values


def check_shapes(
    mean_name: str, mean: tuple[int, ...], scale_name: str, scale: tuple[int, ...]
) -> None:
    """Refuse what lacks its axes, and what does not fit together."""
    for name, shape in ((mean_name, mean), (scale_name, scale)):
        if len(shape) < 2 and (name == mean_name or len(mean) < 2):
            raise ValueError(
                f"`{name}` must have an axis for examples and one for units; got the shape "
                f"{shape}, in which a mean was taken already. Write the value of every "
                "example and unit."
            )
    if mean == scale:
        return
    if np.prod(scale) == np.prod(mean[1:]):
        raise ValueError(
            f"`{scale_name}` must have the shape of `{mean_name}`, {mean}; got {scale}, "
            "one for all examples. If they are the same for all, write "
            f"np.broadcast_to({scale_name}, {mean_name}.shape)."
        )
    fix = (
        "One of them is transposed."
        if scale == mean[::-1]
        else "Write both from the same pass over the same examples."
    )
    raise ValueError(
        f"`{scale_name}` must have the shape of `{mean_name}`, {mean}; got {scale}. {fix}"
    )


def as_logvars(name: str, kind: str, values: np.ndarray) -> np.ndarray:
    """Log-variances of what was named: `2 log(std)`, `log(var)`, `2 log_std`."""
    if kind == "logvar":
        return values
    if kind == "log_std":
        return 2 * values
    if (values <= 0).any():
        raise ValueError(
            f"`{name}` must be {CALLED[kind]}, above 0; got {values.min():g}. "
            + (
                "Log-variances are named by --logvar."
                if (values < 0).any()
                else "A posterior without any width has an infinite KL."
            )
        )
    logarithms: np.ndarray = np.log(values)
    return 2 * logarithms if kind == "std" else logarithms


def check_not_scales(name: str, logvars: np.ndarray) -> None:
    """Refuse log-variances that are all above 0, as a posterior wider than the prior is.

    Nothing that a KL acts on is that, in every unit of every example; standard deviations
    and variances are all above 0.
    """
    if (logvars > 0).all():
        raise ValueError(
            f"`{name}` must be log-variances; all of its values are above 0 "
            f"({logvars.min():.3g} to {logvars.max():.3g}), as standard deviations and "
            f"variances are. Say --std {name} or --var {name}, whichever they are, or "
            f"--logvar {name} if every posterior is wider than the prior."
        )


def remarks_on_widths(name: str, kind: str, logvars: np.ndarray) -> list[str]:
    """What is believed because --logvar names it, and is hardly so."""
    if kind != "logvar" or not (logvars > 0).all():
        return []
    return [
        f"Warning: `{name}` is believed to hold log-variances, and all are above 0 "
        f"({logvars.min():.3g} to {logvars.max():.3g}): every posterior would be wider "
        f"than the prior. Say --std {name} or --var {name} if they are standard deviations "
        "or variances."
    ]


def remarks_on_samples(name: str, means: np.ndarray, logvars: np.ndarray) -> list[str]:
    """What to say of means that look like samples of z.

    Where q(z) is near the prior, the variance of the means and the mean posterior variance
    s add up to 1, and in a dead unit to the prior's 1 alone. A sample has the noise in it
    already: its own variance is 1, and the sum 1 + s. Units of s above `WIDE_NOISE` tell
    the two apart, and one dead unit with still means is proof of means.
    """
    spread = means.var(axis=0).ravel()
    noise = np.exp(logvars).mean(axis=0).ravel()
    wide = noise > WIDE_NOISE
    # halfway between 1 - s, of means, which is at least 0, and 1, of samples
    if not wide.any() or (np.abs(spread - 1) > np.minimum(noise, 1) / 2)[wide].any():
        return []
    total = float((spread + noise)[wide].mean())
    return [
        f"Warning: `{name}` look like samples of z, not means: in {int(wide.sum())} of "
        f"{len(wide)} units, whose posteriors are nearly as wide as the prior, their "
        f"variance and the posterior's add up to {total:.3g} on average, and to 1 under "
        "the prior. Samples make dead units look alive: write the encoder's mean (means "
        "that are batch-normalised to a variance of 1 look the same)."
    ]


def check_not_swapped(
    mean_name: str, means: np.ndarray, scale_name: str, logvars: np.ndarray
) -> None:
    """Refuse a unit whose log-variance varies around 0 while its mean stays below it."""
    below = (means < 0).mean(axis=0) >= CONSTANT_SIGN
    wide = (logvars > WIDE).mean(axis=0) >= SHARE
    narrow = (logvars < -WIDE).mean(axis=0) >= SHARE
    units = int((below & wide & narrow).sum())
    if units:
        raise ValueError(
            f"`{mean_name}` and `{scale_name}` seem to be swapped: in {units} of "
            f"{below.size} units the means are all below 0 and the log-variances vary "
            f"around it. Say --mean {scale_name} --logvar {mean_name} if they are, --mean "
            f"{mean_name} --logvar {scale_name} if not."
        )


def as_log_likelihood(
    name: str, array: np.ndarray, mean_name: str, shape: tuple[int, ...], examples: int
) -> np.ndarray:
    """One number an example."""
    values = as_real(name, array)
    if values.ndim != 1:
        raise ValueError(
            f"`{name}` must have one number an example, the sum over its pixels or tokens; "
            f"got the shape {values.shape}."
        )
    if len(values) == examples:
        return values
    hint = "Write all from the same pass over the same examples."
    if len(shape) == 2 and len(values) == shape[1]:
        hint = f"`{mean_name}` seems to be transposed: say --layout dn if it is."
    raise ValueError(
        f"`{name}` must have a number for each of the {examples} examples of "
        f"`{mean_name}`; got {len(values)}. {hint}"
    )


def check_sign(own_name: str, own: np.ndarray, other: np.ndarray | None) -> None:
    """Refuse losses in the place of log-likelihoods, as far as their values tell.

    A density may be above 1. But under an example's own z it is not below that under
    another's, by more than its standard error, as `diagnostics.shuffle_gap` has it.
    """
    if other is None:
        if (own > 0).all():
            raise ValueError(
                f"`{own_name}` must be log-likelihoods; all are above 0, as losses are. "
                "Write minus the loss, summed over pixels. If they are densities, write "
                "log_likelihood_shuffled beside them, which shows their sign."
            )
        return
    drop = own - other
    error = np.sqrt(2 * np.var(drop, ddof=1) / len(drop))
    # five of them, as where a residual makes numbers unreliable
    if drop.mean() < -5 * error and drop.mean() < 0:
        raise ValueError(
            f"`{own_name}` is lower under an example's own z than under another's, by "
            f"{-drop.mean():.4g} on average: these are losses, or the two are swapped. "
            "Write minus the loss, or swap their names."
        )
