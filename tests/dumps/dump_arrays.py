"""A posterior of known health, and files of it as other frameworks write them."""

import ml_dtypes
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy

UNITS = 4
EXAMPLES = 60


def posterior(shape=(EXAMPLES, UNITS)):
    """Half of the last axis in use, half collapsed but for rounding."""
    rng = np.random.default_rng(0)
    means, logvars = rng.normal(size=shape), rng.normal(-2, 0.1, size=shape)
    means[..., shape[-1] // 2 :] *= 1e-3
    logvars[..., shape[-1] // 2 :] = (
        1e-3 * rng.normal(size=means.shape)[..., shape[-1] // 2 :]
    )
    return means.astype(np.float32), logvars.astype(np.float32)


def likelihoods(rng=None):
    """Under own z, and 3 nats less under that of the example before."""
    rng = rng or np.random.default_rng(1)
    own = rng.normal(-20, 1, EXAMPLES).astype(np.float32)
    shuffled = own - 3 - rng.random(EXAMPLES, np.float32)
    partner = np.roll(np.arange(EXAMPLES), 1)
    return {
        "log_likelihood": own,
        "log_likelihood_shuffled": shuffled,
        "partner": partner,
    }


def write_npz(path, arrays):
    np.savez(path, **arrays)


def write_compressed(path, arrays):
    np.savez_compressed(path, **arrays)


def write_safetensors(path, arrays):
    safetensors.numpy.save_file(arrays, path)


def nested(array):
    """An array as a column: numbers, lists, lists of lists."""
    return array if array.ndim == 1 else array.tolist()


def write_parquet(path, arrays):
    columns = {name: pa.array(nested(array)) for name, array in arrays.items()}
    pq.write_table(pa.table(columns), path, row_group_size=25)


def write_numbered(path, arrays):
    """A column a unit, as a data frame has them."""
    columns = {}
    for name, array in arrays.items():
        if array.ndim == 1:
            columns[name] = array
        else:
            columns |= {f"{name}_{i}": array[:, i] for i in range(array.shape[1])}
    pq.write_table(pa.table(columns), path)


WRITERS = {
    "npz": write_npz,
    "compressed npz": write_compressed,
    "safetensors": write_safetensors,
    "parquet": write_parquet,
    "numbered parquet": write_numbered,
}

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
