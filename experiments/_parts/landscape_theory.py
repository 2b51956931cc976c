"""The closed forms behind `ppca_landscape`: surfaces, curvatures, and numbers of units."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from vae_jax import analytic, data

DIRECTIONS = (5, 7)
"""Numbers of the eigenvectors that the column is moved along, from 1."""

OTHERS = 4
"""Columns that are at their optimum: all eigenvectors before those."""

LEVELS = (8, 6, 4)
"""Numbers of the eigenvalues that the noise variance is: both directions are unstable, one
of them, none."""

REACH, POINTS = 0.6, 61
"""Half width of the plane, and points along each of its sides."""


def images_of(name: str, folder: Path | None = None) -> np.ndarray:
    """All of the digits, and the official training part of the other sets, from 0 to 1."""
    dataset = data.load_dataset(name, folder=folder)
    parts = [dataset.train, dataset.validation]
    parts += [dataset.test] if name == "digits" else []
    images = np.concatenate([part.images for part in parts])
    return images.reshape(len(images), -1) / float(dataset.max_value)


def along_plane(eigenvalues: np.ndarray, variance: float) -> Callable[[Any, Any], Any]:
    """The log marginal likelihood as a function of the two coordinates of a column.

    In the frame of the eigenvectors, where the covariance is diagonal; in nats.
    """
    stationary = analytic.ppca(eigenvalues, OTHERS, variance).weights
    empty = jnp.zeros((len(eigenvalues), OTHERS + 1))
    weights = empty.at[:OTHERS, :OTHERS].set(jnp.diag(stationary))
    first, second = (number - 1 for number in DIRECTIONS)

    def value(a: Any, b: Any) -> Any:
        moved = weights.at[first, OTHERS].set(a).at[second, OTHERS].set(b)
        return analytic.ppca_log_likelihood(moved, np.diag(eigenvalues), variance)

    return value


def surfaces(eigenvalues: np.ndarray) -> dict[str, np.ndarray]:
    """What is gained over the plane, in nats: number of the eigenvalue -> a square."""
    steps, found = np.linspace(-REACH, REACH, POINTS), {}
    with jax.enable_x64(True):
        for level in LEVELS:
            value = along_plane(eigenvalues, float(eigenvalues[level - 1]))
            over = jax.jit(jax.vmap(jax.vmap(value, (None, 0)), (0, None)))
            gained = np.asarray(over(steps, steps) - value(0.0, 0.0))
            found[str(level)] = gained.astype(np.float32)
    return found


def curvatures(eigenvalues: np.ndarray) -> pd.DataFrame:
    """Second derivatives at the collapsed column, and the top along the first axis."""
    with jax.enable_x64(True):
        return pd.DataFrame([corner(eigenvalues, level) for level in LEVELS])


def corner(eigenvalues: np.ndarray, level: int) -> dict[str, float]:
    """The same of one noise variance, beside what theory says."""
    variance = float(eigenvalues[level - 1])
    value = along_plane(eigenvalues, variance)
    row: dict[str, float] = {"level": level, "variance": variance}
    for axis, number in enumerate(DIRECTIONS):
        own = float(eigenvalues[number - 1])
        bent = jax.grad(jax.grad(value, axis), axis)(0.0, 0.0)
        row[f"curvature {number}"] = float(bent)
        row[f"curvature {number} theory"] = (own - variance) / variance**2
    top = math.sqrt(max(float(eigenvalues[DIRECTIONS[0] - 1]) - variance, 0.0))
    row |= {"top": top, "gain at top": float(value(top, 0.0) - value(0.0, 0.0))}
    row |= {"slope at top": float(jax.grad(value)(top, 0.0))}
    return row | saddles(eigenvalues, variance)


def saddles(eigenvalues: np.ndarray, variance: float) -> dict[str, float]:
    """In how many unused directions likelihood and ELBO rise, and in how many both do.

    By second derivatives of either, the ELBO's in (decoder, encoder). The direction whose
    eigenvalue is the variance is flat for both, and left out.
    """
    apart = np.abs(eigenvalues / variance - 1) > 1e-9
    unused = np.flatnonzero(apart & (np.arange(len(eigenvalues)) >= OTHERS))
    of_likelihood = likelihood_bends(eigenvalues, variance)(unused)
    of_elbo = elbo_bends(eigenvalues, variance)(unused)
    # a pixel that never changes is flat for the encoder: rounding has no sign
    rises = np.asarray(of_likelihood) > 0, np.asarray(of_elbo) < -1e-9 / variance
    counts = {"likelihood saddles": rises[0].sum(), "elbo saddles": rises[1].sum()}
    both = {"saddles of both": (rises[0] & rises[1]).sum()}
    return {name: float(count) for name, count in (counts | both).items()}


def likelihood_bends(eigenvalues: np.ndarray, variance: float) -> Any:
    """Second derivative of the likelihood as a column leaves 0 along each direction."""
    stationary = analytic.ppca(eigenvalues, OTHERS, variance).weights
    empty = jnp.zeros((len(eigenvalues), OTHERS + 1))
    weights = empty.at[:OTHERS, :OTHERS].set(jnp.diag(stationary))

    def value(size: Any, direction: Any) -> Any:
        moved = weights.at[direction, OTHERS].set(size)
        return analytic.ppca_log_likelihood(moved, np.diag(eigenvalues), variance)

    return jax.jit(jax.vmap(lambda one: jax.grad(jax.grad(value))(0.0, one)))


def elbo_bends(eigenvalues: np.ndarray, variance: float) -> Any:
    """The least second derivative of the negative ELBO, as unit and encoder leave 0."""
    best = analytic.linear_vae_optimum(eigenvalues, OTHERS, 1.0, variance)
    empty = jnp.zeros((len(eigenvalues), OTHERS + 1))
    decoder = empty.at[:OTHERS, :OTHERS].set(jnp.diag(best.weights))
    encoder = empty.T.at[:OTHERS, :OTHERS].set(jnp.diag(best.encoder))
    own = jnp.append(best.posterior_variance, 1.0)

    def value(pair: Any, direction: Any) -> Any:
        terms = analytic.linear_vae_objective(
            decoder.at[direction, OTHERS].set(pair[0]),
            encoder.at[OTHERS, direction].set(pair[1]),
            own,
            np.diag(eigenvalues),
            1.0,
            variance,
        )
        return terms.objective

    def least(direction: Any) -> Any:
        bent = jax.hessian(value)(jnp.zeros(2), direction)
        return jnp.linalg.eigvalsh(bent)[0]

    return jax.jit(jax.vmap(least))


def over_units(eigenvalues: np.ndarray, frozen_at: int, most: int) -> pd.DataFrame:
    """Likelihood and best ELBO with the best variance, and with that of one number."""
    with jax.enable_x64(True):
        frozen = float(analytic.ppca(eigenvalues, frozen_at).variance)
        rows = [with_units(eigenvalues, units, frozen) for units in range(1, most + 1)]
    above = int((eigenvalues > frozen).sum())
    return pd.DataFrame(rows).assign(eigenvalues_above=above)


def with_units(eigenvalues: np.ndarray, units: int, frozen: float) -> dict[str, float]:
    """The same of one number of units, in nats per example."""
    free = analytic.ppca(eigenvalues, units)
    held = analytic.ppca(eigenvalues, units, frozen)
    of_free, of_held = (
        analytic.linear_vae_optimum(eigenvalues, units, 1.0, fit.variance)
        for fit in (free, held)
    )
    return {
        "units": units,
        "variance": float(free.variance),
        "log_likelihood": float(free.log_likelihood),
        "elbo": float(of_free.elbo),
        "frozen_variance": frozen,
        "frozen_log_likelihood": float(held.log_likelihood),
        "frozen_elbo": float(of_held.elbo),
        "frozen_active": int(np.asarray(of_held.active).sum()),
    }
