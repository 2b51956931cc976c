"""Examples of single-cell files, `.h5ad`, through the extra `anndata`."""

from pathlib import Path
from typing import Any

import numpy as np

from vae_jax.userdata._raw import WHOLE, Raw

MOST_BYTES = 8 * 2**30
"""Of a dense matrix, which is what a model is given."""


def read_cells(
    path: Path,
    key: str | None = None,
    label_key: str | None = None,
    told: tuple[str, ...] = (),
) -> Raw:
    """The matrix of cells and genes.

    Args:
        path: of the file.
        key: a layer, `raw` for the matrix kept under `raw`, or none for `X`.
        label_key: a column of `obs`.
        told: columns of `obs` that a model is told.

    Raises:
        ValueError: `anndata` is not installed, the file cannot be read, there is no such
            layer or column, or a dense matrix would not fit; names what there is.
    """
    try:
        import anndata
    except ImportError as error:
        raise ValueError(
            f"{path} needs the package anndata, which is not installed. Run "
            "`pip install 'vae-jax[anndata]'`."
        ) from error
    try:
        cells = anndata.read_h5ad(path)
    except (OSError, KeyError) as error:
        raise ValueError(f"{path} must be an AnnData file; got {error}") from error
    matrix, genes = _matrix(path, cells, key)
    if matrix.shape[0] * matrix.shape[1] * 4 > MOST_BYTES:
        raise ValueError(
            f"{path} must fit into memory as a dense matrix; got {matrix.shape} cells and "
            "genes. Keep the highly variable genes."
        )
    dense = matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)
    labels = {}
    if label_key is not None:
        if label_key not in cells.obs:
            raise ValueError(
                f"`label_column` must be a column of `obs` of {path}; got {label_key!r}. "
                f"It has {', '.join(map(repr, cells.obs.columns))}."
            )
        labels = {WHOLE: cells.obs[label_key].astype(str).to_numpy()}
    missing = [name for name in told if name not in cells.obs]
    if missing:
        raise ValueError(
            f"`condition_columns` must be columns of `obs` of {path}; got {missing[0]!r}. "
            f"It has {', '.join(map(repr, cells.obs.columns))}."
        )
    given = {name: _column(cells.obs[name]) for name in told}
    conditions = {WHOLE: given} if told else {}
    return Raw({WHOLE: dense}, labels, tuple(map(str, genes)), conditions)


def _column(column: Any) -> np.ndarray:
    """Numbers as they are, categories and words as words."""
    own: np.ndarray = column.to_numpy()
    return own if own.dtype.kind in "iuf" else column.astype(str).to_numpy().astype(str)


def _matrix(path: Path, cells: Any, key: str | None) -> tuple[Any, Any]:
    if key is None:
        return cells.X, cells.var_names
    if key == "raw" and cells.raw is not None:
        return cells.raw.X, cells.raw.var_names
    if key not in cells.layers:
        # anndata 0.13 has X among the layers, under None
        named = [name for name in cells.layers if name is not None]
        there = [*named, *(["raw"] if cells.raw is not None else [])]
        raise ValueError(
            f"`data_key` must be a layer of {path}; got {key!r}. It has "
            f"{', '.join(map(repr, there)) or 'none'}; without one X is read."
        )
    return cells.layers[key], cells.var_names
