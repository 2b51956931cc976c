"""Single-cell files: which matrix, which labels, and what is not there."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from vae_jax.userdata import Files

RNG = np.random.default_rng(3)
COUNTS = RNG.poisson(2.0, (40, 6)).astype(np.float32)
FILE = "cells.h5ad"


@pytest.fixture(autouse=True)
def cells(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = anndata.AnnData(
        np.log1p(COUNTS),
        obs=pd.DataFrame(
            {"kind": ["b", "t"] * 20}, index=[f"cell {i}" for i in range(40)]
        ),
        var=pd.DataFrame(index=[f"gene {i}" for i in range(6)]),
    )
    made.raw = made.copy()
    made.layers["counts"] = scipy.sparse.csr_matrix(COUNTS)
    made.write_h5ad(FILE)


def rows(made):
    found = np.concatenate([part.images for part in made[1:4]])
    return found[np.lexsort(found.T)]


def test_a_layer_of_counts():
    made = Files(dataset=FILE, data_key="counts", label_column="kind").load()
    assert made.holds == "counts"
    assert made.label_names == ("b", "t")
    np.testing.assert_array_equal(rows(made), COUNTS[np.lexsort(COUNTS.T)])


@pytest.mark.parametrize("key", [None, "raw"])
def test_other_matrices(key):
    made = Files(dataset=FILE, data_key=key).load()
    assert made.holds == "real"
    logs = np.log1p(COUNTS)
    np.testing.assert_array_equal(rows(made), logs[np.lexsort(logs.T)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data_key": "count"}, "a layer of .*; got 'count'. It has 'counts', 'raw'"),
        ({"label_column": "knd"}, "a column of `obs` of .*; got 'knd'. It has 'kind'"),
    ],
)
def test_what_is_not_there_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        Files(dataset=FILE, **options).load()


def test_another_file_is_named(tmp_path):
    (tmp_path / FILE).write_bytes(b"no cells")
    with pytest.raises(ValueError, match="must be an AnnData file"):
        Files(dataset=FILE).load()
