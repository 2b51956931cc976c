"""Means and covariances of data beside a condition, and what the condition leaves over.

The condition c is a vector; labels are one-hot rows. What a linear decoder that is given c
has to learn from z is the residual `x - T c` of the regression on c, with the covariance
`Cov(x | c) = S_xx - S_xc S_cc^+ S_cx`, `T = S_xc S_cc^+`, in units of the data squared.

Dang et al. (2024), arXiv:2306.05023, Theorem 2, which calls it E.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from vae_jax import checks
from vae_jax.analytic._arguments import ROUNDING
from vae_jax.analytic._spectrum import eigenvalues
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike


class JointMoments(NamedTuple):
    """Of data x and condition c.

    Attributes:
        mean: of x.
        condition_mean: of c.
        covariance: of x.
        cross_covariance: of x with c, a row a feature of x.
        condition_covariance: of c; it may be singular, as that of one-hot labels is.

    >>> JointMoments._fields[:2]
    ('mean', 'condition_mean')
    """

    mean: Float[ArrayLike, " features"]
    condition_mean: Float[ArrayLike, " conditions"]
    covariance: Float[ArrayLike, "features features"]
    cross_covariance: Float[ArrayLike, "features conditions"]
    condition_covariance: Float[ArrayLike, "conditions conditions"]


def joint_moments(
    data: Num[ArrayLike, "examples features"],
    conditions: Num[ArrayLike, "examples conditions"],
) -> JointMoments:
    """Means and covariances of a data set and its conditions, divided by N.

    `(1/N) sum_n (x_n - mean)(c_n - mean)'`, and so on. In numpy and float64 whatever JAX's
    precision, as `eigenvalues` is.

    Args:
        data: concrete numbers, an example a row.
        conditions: likewise, of the same examples; labels as one-hot rows.

    Raises:
        ValueError: no matrices of as many examples, or a number that is not finite.
        TypeError: no real numbers.

    >>> found = joint_moments(np.array([[1.0], [3.0]]), np.array([[0], [1]]))
    >>> found.covariance.tolist(), found.cross_covariance.tolist()
    ([[1.0]], [[0.5]])
    """
    rows, given = as_pairs(data, conditions)
    mean, condition_mean = rows.mean(axis=0), given.mean(axis=0)
    rows, given = rows - mean, given - condition_mean
    size = len(rows)
    return JointMoments(
        mean,
        condition_mean,
        rows.T @ rows / size,
        rows.T @ given / size,
        given.T @ given / size,
    )


def conditional_eigenvalues(
    data: Num[ArrayLike, "examples features"],
    conditions: Num[ArrayLike, "examples conditions"],
) -> Float[np.ndarray, " f"]:
    """Eigenvalues of what is left of a data set by the condition, largest first.

    Those of `Cov(x | c) = S_xx - S_xc S_cc^+ S_cx`, the covariance of the residuals of the
    regression on c, in numpy and float64. They take the place of `eigenvalues` in
    `linear_vae_optimum`, `predicted_active_units` and the other closed forms: the water
    level is that of the linear VAE, the spectrum is this one.

    Args:
        data: concrete numbers, an example a row.
        conditions: likewise, of the same examples; labels as one-hot rows.

    Raises:
        ValueError: no matrices of as many examples, or a number that is not finite.
        TypeError: no real numbers.

    >>> x = np.array([[0.0], [2.0], [7.0], [9.0]])
    >>> labels = np.array([0, 0, 1, 1])
    >>> conditional_eigenvalues(x, np.eye(2)[labels]).round(6).tolist()
    [1.0]
    """
    rows, given = as_pairs(data, conditions)
    rows, given = rows - rows.mean(axis=0), given - given.mean(axis=0)
    weights = np.linalg.lstsq(given, rows, rcond=None)[0]
    found: np.ndarray = eigenvalues(rows - given @ weights)
    return found


def as_pairs(
    data: ArrayLike, conditions: ArrayLike
) -> tuple[Float[np.ndarray, "n f"], Float[np.ndarray, "n c"]]:
    """Two matrices of as many rows, finite, in float64."""
    rows, given = checks.known("data", data), checks.known("conditions", conditions)
    if rows.ndim != 2 or rows.size == 0:
        raise ValueError(
            f"`data` must have shape (examples, features); got {rows.shape}."
        )
    if given.ndim != 2 or given.size == 0 or len(given) != len(rows):
        raise ValueError(
            f"`conditions` must have shape ({len(rows)}, conditions), a row an example of "
            f"`data`; got {given.shape}. Give labels as one-hot rows, `np.eye(k)[labels]`."
        )
    for name, array in (("data", rows), ("conditions", given)):
        if not np.isfinite(array).all():
            raise ValueError(
                f"`{name}` must be finite; got a value that is not. Leave the example out."
            )
    return rows, given


def as_moments(moments: JointMoments) -> JointMoments:
    """The moments as arrays of one type, refused where no data have them."""
    arrays = {name: as_float(value) for name, value in moments._asdict().items()}
    features, conditions = arrays["mean"].size, arrays["condition_mean"].size
    shapes = {
        "mean": (features,),
        "condition_mean": (conditions,),
        "covariance": (features, features),
        "cross_covariance": (features, conditions),
        "condition_covariance": (conditions, conditions),
    }
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ValueError(
                f"`moments.{name}` must have the shape {shape}, of {features} features "
                f"and {conditions} conditions; got {arrays[name].shape}."
            )
    _check_joint(moments)
    kind = jnp.result_type(*arrays.values())
    return JointMoments(*(array.astype(kind) for array in arrays.values()))


def joint_covariance(moments: JointMoments) -> Float[Array, "both both"]:
    """Of the vector (x, c)."""
    _, _, own, cross, condition = map(jnp.asarray, moments)
    return jnp.block([[own, cross], [cross.T, condition]])


def _check_joint(moments: JointMoments) -> None:
    """Refuse covariances that no pair of x and c has, where they are known."""
    known = [checks.concrete(f"moments.{k}", v) for k, v in moments._asdict().items()]
    if any(array is None for array in known):
        return
    own, cross, condition = (np.asarray(array) for array in known[2:])
    joint = np.block([[own, cross], [cross.T, condition]])
    if not all(np.isfinite(np.asarray(array)).all() for array in (*known[:2], joint)):
        raise ValueError("`moments` must be finite; got a value that is not.")
    scale = np.sqrt(np.maximum(np.diag(joint), 0))
    scale = np.where(scale > 0, scale, 1)
    joint = joint / scale[:, None] / scale
    if np.abs(joint - joint.T).max() > ROUNDING:
        raise ValueError(
            "`moments` must have symmetric covariances; got one that is not. Take them "
            "from data, as `joint_moments` does."
        )
    least = np.linalg.eigvalsh(joint).min()
    if least < -ROUNDING * len(joint):
        raise ValueError(
            "`moments` must be those of one joint distribution of x and c; the joint "
            f"correlation matrix has the eigenvalue {least:.4g}. Take all of them from the "
            "same data, as `joint_moments` does."
        )


def regression(moments: JointMoments) -> Float[Array, "features conditions"]:
    """`T = S_xc S_cc^+`: the best linear guess of x from c, both centred.

    The conditions are scaled to variance 1 for it, so that their units do not matter.
    """
    _, _, _, cross, condition = map(jnp.asarray, moments)
    own = jnp.diagonal(condition)
    scale = jnp.where(own > 0, jnp.where(own > 0, own, 1) ** -0.5, 0)
    with jax.default_matmul_precision("highest"):
        scaled = condition * jnp.outer(scale, scale)
        solved = (cross * scale[None]) @ jnp.linalg.pinv(scaled, hermitian=True)
    return solved * scale[None]


def conditional_covariance(
    moments: JointMoments,
) -> Float[Array, "features features"]:
    """Covariance of x that is left when c is known, for Gaussian or regressed data.

    `Cov(x | c) = S_xx - S_xc S_cc^+ S_cx`, of what the best linear guess from c misses.

    Args:
        moments: of x and c, as `joint_moments` gives them.

    Raises:
        ValueError: shapes that do not fit, or moments that no data have.

    >>> half = JointMoments(
    ...     np.zeros(1), np.zeros(1), np.eye(1), 0.5 * np.eye(1), np.eye(1)
    ... )
    >>> conditional_covariance(half).tolist()
    [[0.75]]
    """
    known = as_moments(moments)
    own, cross = jnp.asarray(known.covariance), jnp.asarray(known.cross_covariance)
    with jax.default_matmul_precision("highest"):
        left: Array = own - regression(known) @ cross.T
    return (left + left.T) / 2
