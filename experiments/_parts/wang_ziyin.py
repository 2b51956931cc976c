"""Wang & Ziyin (2022), arXiv:2205.04009: their data, their model, and their own rows."""

import io
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from vae_jax import data
from vae_jax.vae import VAE, DiagGaussian, Knobs

SINGULAR_VALUES = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
THRESHOLDS = SINGULAR_VALUES**2
"""The eigenvalues of the data: where beta passes one, a unit collapses."""

NO_KNOBS = Knobs()
EXAMPLES, DRAW = 4096, 2022
"""Rows of the sample, as theirs, and the seed of its draw."""

PUBLISHED = """\
beta,total,reconstruction,weighted_rate
0,0.0000012,0.0000012,0
1,7.3409,2.5005,4.8405
2,11.2939,4.5067,6.7872
3,14.3247,6.5497,7.7750
4,16.6528,8.5327,8.1201
5,18.4655,9.9734,8.4921
6,20.0021,11.4951,8.5070
7,21.1874,12.9661,8.2212
8,22.3739,14.4876,7.8863
9,23.5007,16.1610,7.3397
10,23.9586,17.0431,6.9155
11,24.7565,18.1363,6.6202
12,25.1948,19.0216,6.1733
13,25.8625,20.1852,5.6773
14,26.0127,21.0873,4.9254
15,26.5523,22.1935,4.3587
16,26.5207,22.9350,3.5857
17,26.7923,23.5896,3.2027
18,26.9223,24.1141,2.8082
19,27.1735,24.7107,2.4628
20,27.4304,25.3395,2.0910
21,27.3064,25.6991,1.6073
22,27.4710,26.2227,1.2482
23,27.4286,26.8784,0.5502
24,27.4885,27.1922,0.2962
25,27.4894,27.4347,0.0547
26,27.4978,27.4778,0.0199
27,27.5118,27.4896,0.0221
28,27.5035,27.4919,0.0117
29,27.5070,27.4984,0.0086
30,27.5088,27.5019,0.0069
"""
"""Their `output/linear_losses.csv` (repository zihao-wang/LinearVAE), to four digits."""


def authors() -> pd.DataFrame:
    """What the authors measured with their linear model of five units."""
    return pd.read_csv(io.StringIO(PUBLISHED))


def sample() -> data.Dataset:
    """`x = diag(5, 4, 3, 2, 1) n` with standard normal n, three draws as three splits."""
    draw, size = np.random.default_rng(DRAW), len(SINGULAR_VALUES)
    splits = [
        data.Split(
            (draw.normal(size=(rows, size)) * SINGULAR_VALUES).astype(np.float32),
            np.full(rows, -1, np.int32),
        )
        for rows in (EXAMPLES, EXAMPLES // 8, EXAMPLES // 8)
    ]
    return data.Dataset("wang_ziyin", *splits, max_value=1, kind="real")


def linear(config: Any, event_shape: tuple[int, ...]) -> VAE:
    """Their linear VAE: the posterior's variance may depend on x, and theory says it won't.

    `q(z|x) = N(V x, diag(exp(L x + b)))`, `p(x|z) = N(W z, variance)`; every weight begins
    uniform between -1 and 1 over the root of its inputs.
    """
    features, units = math.prod(event_shape), config.latent_dim
    shapes = {
        "mean": (features, units),
        "logvar": (features, units),
        "decoder": (units, features),
    }

    def init(key: Any) -> Any:
        keys = jax.random.split(key, len(shapes))
        drawn = {
            name: jax.random.uniform(one, shape, jnp.float32, -1, 1) / shape[0] ** 0.5
            for one, (name, shape) in zip(keys, shapes.items(), strict=True)
        }
        decoder = {"weights": drawn.pop("decoder")}
        return {"encoder": drawn | {"bias": jnp.zeros(units)}, "decoder": decoder}

    def encode(
        params: Any, x: Any, *, key: Any = None, knobs: Knobs = NO_KNOBS
    ) -> DiagGaussian:
        del key, knobs
        own, flat = params["encoder"], jnp.reshape(x, (len(x), features))
        logvar = flat @ own["logvar"] + own["bias"][None]
        return DiagGaussian(flat @ own["mean"], logvar)

    def decode(
        params: Any, z: Any, x: Any = None, *, key: Any = None, knobs: Knobs = NO_KNOBS
    ) -> DiagGaussian:
        del x, key
        mean = z @ params["decoder"]["weights"]
        shape = (len(z), *event_shape)
        noise = jnp.log(jnp.asarray(knobs.variance, mean.dtype))
        return DiagGaussian(jnp.reshape(mean, shape), noise)

    return VAE(init, encode, decode)
