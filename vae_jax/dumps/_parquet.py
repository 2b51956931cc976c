# mypy: disable-error-code="no-untyped-call,attr-defined,name-defined"
# pyarrow is not annotated
"""Arrays of a Parquet file: a column of lists, or a column a unit as `means_0`, `means_1`.

Lists may be nested, for latents of several axes, and every row has lists of one length.
"""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vae_jax.dumps._stored import Stored

NUMBERED = re.compile(r"(.+?)[_.]?(\d+)")
NUMBER = 8
"""Bytes that a value of any column takes at most."""


def open_parquet(path: Path) -> dict[str, Stored]:
    """Columns by name; those that are numbered from 0 together are one array.

    Lengths of lists are known only when they are read: the shape of a column of lists is
    (rows, values a row).
    """
    try:
        with pq.ParquetFile(path) as file:
            schema, values, rows = (
                file.schema_arrow,
                _counts(file),
                file.metadata.num_rows,
            )
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    arrays = {
        name: Stored((rows, *_width(kind, values[name], rows)), str(kind), NUMBER, load)
        for name, kind in zip(schema.names, schema.types, strict=True)
        for load in [lambda name=name: _load_column(path, name)]
    }
    for name, columns in _numbered(schema.names).items():
        kinds = {str(schema.field(column).type) for column in columns}
        kind = kinds.pop() if len(kinds) == 1 else "mixed"
        shape = (rows, len(columns))
        for column in columns:
            del arrays[column]
        arrays[name] = Stored(
            shape,
            kind,
            NUMBER,
            lambda columns=columns: _load_columns(path, columns),  # type: ignore[misc]
        )
    return arrays


def _counts(file: pq.ParquetFile) -> dict[str, int]:
    """Values of every column, which a few encoded bytes may stand for."""
    counts: dict[str, int] = {}
    metadata = file.metadata
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(index)
            name = chunk.path_in_schema.split(".")[0]
            counts[name] = counts.get(name, 0) + chunk.num_values
    return {name: counts.get(name, 0) for name in file.schema_arrow.names}


def _width(kind: pa.DataType, values: int, rows: int) -> tuple[int, ...]:
    """Values a row, of lists."""
    return (-(-values // max(rows, 1)),) if _is_list(kind) else ()


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
    )


def _numbered(names: list[str]) -> dict[str, list[str]]:
    """Names that are counted from 0 without a gap, at least two of them.

    >>> _numbered(["means_1", "means_0", "x", "label_7"])
    {'means': ['means_0', 'means_1']}
    """
    found: dict[str, dict[int, str]] = {}
    for name in names:
        if match := NUMBERED.fullmatch(name):
            found.setdefault(match[1], {})[int(match[2])] = name
    return {
        base: [columns[index] for index in range(len(columns))]
        for base, columns in found.items()
        if len(columns) > 1 and set(columns) == set(range(len(columns)))
    }


def _load_columns(path: Path, columns: list[str]) -> np.ndarray:
    return np.stack([_load_column(path, name) for name in columns], axis=-1)


def _load_column(path: Path, name: str) -> np.ndarray:
    """A column as an array; missing values are NaN."""
    try:
        column = pq.read_table(path, columns=[name], partitioning=None).column(0)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    array, shape = column.combine_chunks(), [len(column)]
    if isinstance(array, pa.ChunkedArray):
        array = (
            array.chunk(0) if array.num_chunks == 1 else pa.concat_arrays(array.chunks)
        )
    while _is_list(array.type):
        array, width = _unnested(path, name, array)
        shape.append(width)
    return np.asarray(array.to_numpy(zero_copy_only=False)).reshape(shape)


def _unnested(path: Path, name: str, array: pa.Array) -> tuple[pa.Array, int]:
    """The values of lists, and the length that all of them have."""
    lengths = np.unique(array.value_lengths().to_numpy(zero_copy_only=False))
    if array.null_count or len(lengths) != 1:
        raise ValueError(
            f"`{name}` in {path} must have lists of one length, none of them missing; got "
            f"lengths {lengths.tolist()[:5]} and {array.null_count} missing. Write every "
            "example with all of its units."
        )
    return array.flatten(), int(lengths[0])


def _damaged(path: Path, error: Exception) -> ValueError:
    said = str(error).splitlines()[0]
    return ValueError(f"{path} is damaged: {said}. Write it again.")
