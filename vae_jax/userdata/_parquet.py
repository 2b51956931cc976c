# mypy: disable-error-code="no-untyped-call,attr-defined,name-defined"
# pyarrow is not annotated
"""Large Parquet files: read in blocks, once, into an array that is mapped."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vae_jax.data import file_digest
from vae_jax.userdata._converted import Contents, converted
from vae_jax.userdata._raw import Raw
from vae_jax.userdata._tables import Columns, parted
from vae_jax.views import Rows, is_large

if TYPE_CHECKING:
    import pandas as pd

BUFFER = 2**16
"""Bytes read of a column at a time; without it whole groups of rows are read. A page of
each column and its dictionary are held as well, 2.3 MB as most programs write them."""

BLOCK_NUMBERS = 2**20
"""Numbers of a block."""

LAYOUT = 1
"""Raised when a file becomes other numbers."""


def mapped_parquet(path: Path, columns: Columns) -> Raw | None:
    """The examples of a large Parquet file, which stay in a mapped array made of it.

    Its numbers are those of `read_table`. None of a file that is smaller.

    Args:
        path: of the file.
        columns: which of its columns are what.

    Raises:
        ValueError: see `read_table`.
        OSError: the array cannot be kept.

    >>> mapped_parquet(Path("nowhere.parquet"), Columns())  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FileNotFoundError: ...
    """
    with _named(path), _opened(path) as file:
        rows = file.metadata.num_rows
        there = list(file.schema_arrow.empty_table().to_pandas().columns)
    features = columns.features(path, there)
    if not rows or not features:
        return None
    with _named(path):
        first = next(_tables(path, features, 1))
    one = columns.numbers(path, first, features)
    contents = Contents(
        {"layout": LAYOUT, "file": file_digest(path), **columns.known_by(features)},
        (rows, *one.shape[1:]),
        one.dtype,
    )
    if not is_large(rows * one.nbytes) or not one.size:
        return None
    array = converted(str(path), contents, _blocks(path, columns, features, one))
    with _named(path):
        others = _others(path, columns)
    names = () if columns.data_column else tuple(map(str, features))
    return parted(path, Rows(array), columns, others, names)


def _blocks(
    path: Path, columns: Columns, features: list[Any], one: np.ndarray
) -> Iterator[np.ndarray]:
    """The examples in blocks, each as the first of them is."""
    start = 0
    tables = _tables(path, features, max(1, BLOCK_NUMBERS // one.size))
    while True:
        with _named(path):
            table = next(tables, None)
        if table is None:
            return
        block = columns.numbers(path, table, features, start)
        if (block.shape[1:], block.dtype) != (one.shape[1:], one.dtype):
            raise ValueError(
                f"the examples of {path} must be as many numbers each, without gaps; got "
                f"{one.dtype} of the shape {one.shape[1:]}, and {block.dtype} of "
                f"{block.shape[1:]} from row {start} on. Mend them, or leave them out."
            )
        yield block
        start += len(block)


def _tables(path: Path, features: list[Any], size: int) -> Iterator["pd.DataFrame"]:
    with _opened(path) as file:
        for batch in file.iter_batches(
            batch_size=size, columns=list(map(str, features))
        ):
            yield pa.Table.from_batches([batch]).to_pandas()


def _others(path: Path, columns: Columns) -> "pd.DataFrame":
    """The columns that stand beside the examples."""
    import pandas as pd

    return pd.read_parquet(path, columns=columns.beside)


def _opened(path: Path) -> pq.ParquetFile:
    return pq.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """What pyarrow says of a damaged file, as a sentence about it."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:  # the system's word, not about what is in it
            raise
        raise _no_table(path, error) from error
    except pa.ArrowException as error:
        raise _no_table(path, error) from error


def _no_table(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path} must be a table; got {error}")
