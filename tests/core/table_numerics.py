"""What the functions of `vae_jax.numerics` promise; references in numpy and float64."""

import numpy as np
from entries import Entry

POSITIVE = np.array([0.3, 1.0, 5.0])
ANY = np.array([[-30.0, -1.5, -0.104], [0.0, 0.7, 25.0]])


def bounded(raw, low, high):
    below = high - np.logaddexp(0, high - raw)
    return low + np.logaddexp(0, below - low)


ENTRIES = [
    Entry("numerics.as_float", arrays={"x": ANY}, reference=lambda x: x),
    Entry(
        "numerics.bounded_logvar",
        arrays={"raw": ANY},
        settings={"low": -20.0, "high": 4.0},
        reference=bounded,
        atol=1e-5,  # numbers of size 50 in between
        outside={"low": (np.inf, -np.inf, 4.0, 5.0), "high": (-np.inf, np.inf)},
        steep={"raw": 1e4},
    ),
    Entry(
        "numerics.check_same_shape",
        fixed={"name": "logvar", "other": "mean", "array": ANY, "reference": ANY},
    ),
    Entry(
        "numerics.expm1_minus",
        arrays={"x": np.array([-30.0, -0.999, -1e-3, 0.5, 2.0, 30.0])},
        reference=lambda x: np.expm1(np.longdouble(x)) - np.longdouble(x),
        steep={"x": 30.0},
    ),
    Entry(
        "numerics.log1mexp",
        arrays={"x": POSITIVE},
        reference=lambda x: np.log(-np.expm1(-x)),
    ),
    Entry(
        "numerics.log_mean_exp",
        arrays={"x": ANY},
        fixed={"axis": 1},
        reference=lambda x, axis: np.log(np.mean(np.exp(x), axis=axis)),
        outside={"axis": (2, -3, 1.0, None), "x": (np.ones((2, 0)),)},
        steep={"x": 1e4},
    ),
    Entry(
        "numerics.softplus_inverse",
        arrays={"y": POSITIVE},
        reference=lambda y: np.log(np.expm1(y)),
    ),
]
