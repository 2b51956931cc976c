"""Data of few dimensions: cases of the paper, and what a run is told of its own.

A program is compiled for the largest case; masks, which are data, make it the smaller ones.
Koehler et al. (2022), arXiv:2112.06868.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.configs import Run

PER_CASE = 100
"""A run's seed is that many times the number of its case, and the seed of its data."""


class Case(NamedTuple):
    """Data and model of one run.

    Attributes:
        coordinates: that vary freely; on the sphere one more than its dimension.
        features: of the data, padded with zeros.
        units: of z.
    """

    coordinates: int
    features: int
    units: int


class Source(NamedTuple):
    """One kind of data, and the VAE that is trained on it.

    Attributes:
        shape: of the data: `linear`, `sigmoid` or `sphere`.
        cases: all of them.
        logvar: of the decoder, to begin with.
        hidden: widths of either network; none is linear.
    """

    shape: str
    cases: tuple[Case, ...]
    logvar: float
    hidden: tuple[int, ...] = ()

    def dimensions(self, case: Case) -> int:
        """Of the data of a case: a sphere has one less than coordinates."""
        return case.coordinates - (self.shape == "sphere")

    @property
    def features(self) -> int:
        """Of the largest case."""
        return max(case.features for case in self.cases)

    @property
    def units(self) -> int:
        """Of the largest case."""
        return max(case.units for case in self.cases)


SPHERE = Source(
    "sphere",
    (
        Case(3, 6, 6),
        Case(3, 16, 8),
        Case(5, 10, 10),
        Case(5, 21, 16),
        Case(7, 14, 13),
    ),
    -3.0,
    (64, 64, 64),
)
SOURCES = {
    "linear": Source(
        "linear",
        (
            Case(3, 12, 20),
            Case(3, 20, 20),
            Case(6, 12, 20),
            Case(6, 20, 20),
            Case(9, 12, 20),
            Case(9, 20, 10),
            Case(12, 20, 10),
        ),
        -1.0,
    ),
    "sigmoid": Source(
        "sigmoid",
        (
            Case(3, 7, 6),
            Case(3, 17, 8),
            Case(5, 11, 10),
            Case(5, 22, 16),
            Case(7, 15, 13),
            Case(7, 28, 24),
        ),
        -3.0,
    ),
    "sphere": SPHERE,
    "sphere_narrow": SPHERE._replace(logvar=-6.0),
}
"""The cases of the paper's repository; their networks on the sphere have 200 a layer. The
last is ours: there the decoder's variance begins far below that of the data."""


class Settings(NamedTuple):
    """What a run is told: of one shape in all cases of a source.

    Attributes:
        rate: of learning.
        features, units: 1 where the case has one.
        mixing: A; data are `A n` with standard normal n, on the sphere over their norm.
        slope, place: and `place * sigmoid(slope . n)`.
    """

    rate: np.ndarray
    features: np.ndarray
    units: np.ndarray
    mixing: np.ndarray
    slope: np.ndarray
    place: np.ndarray


def settings_of(kind: str, run: Run) -> Settings:
    """Of one run: its case, and data drawn by its seed."""
    source = SOURCES[kind]
    case, seed = source.cases[run.seed // PER_CASE], run.seed % PER_CASE
    free, size = case.coordinates, source.features
    draw = np.random.default_rng([seed, *case])
    mixing, slope, place = np.zeros((size, size)), np.zeros(size), np.zeros(size)
    mixing[:free, :free] = np.eye(free)
    if source.shape == "linear":
        mixing[:free, :free] = draw.normal(size=(free, free))
    if source.shape == "sigmoid":
        slope[:free], place[free] = draw.normal(size=free), 1.0
    parts = np.asarray(run["learning_rate"]), first(size, case.features)
    parts += first(source.units, case.units), mixing, slope, place
    return Settings(*(part.astype(np.float32) for part in parts))


def first(size: int, count: int) -> np.ndarray:
    """1 in the first places."""
    return (np.arange(size) < count).astype(np.float32)


def examples(kind: str, key: Any, given: Settings, count: int) -> Any:
    """Data of a source, `(count, features)`."""
    n = jax.random.normal(key, (count, len(given.slope)), jnp.float32)
    x = n @ given.mixing.T
    if SOURCES[kind].shape == "sphere":
        return x / jnp.linalg.norm(x, axis=-1, keepdims=True)
    return x + jax.nn.sigmoid(n @ given.slope)[:, None] * given.place[None]
