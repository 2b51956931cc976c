"""Examples of tables: CSV and Parquet, a row an example and a column a feature."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vae_jax.records import did_you_mean
from vae_jax.userdata._raw import WHOLE, Raw, check_splits, split_name
from vae_jax.views import Examples, taken

if TYPE_CHECKING:
    import pandas as pd

FEW = 8
"""Columns that a message lists."""


class Columns(NamedTuple):
    """Which columns of a table are what.

    Attributes:
        label_column: of the classes, which is no feature.
        split_column: says `train`, `validation` or `test` of every row.
        without: columns that are left out.
        told: columns that a model is told, which are no features.
        data_column: of Parquet, one whose entries are lists of numbers, an example each.

    >>> Columns(label_column="y").features(Path("mine.csv"), ["x", "y"])
    ['x']
    """

    label_column: str | None = None
    split_column: str | None = None
    without: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    data_column: str | None = None

    @property
    def beside(self) -> list[str]:
        """The columns that say something of an example and are none of it.

        >>> Columns(label_column="y", told=("age",)).beside
        ['y', 'age']
        """
        own = (self.label_column, self.split_column, *self.told)
        return [name for name in own if name is not None]

    def features(self, path: Path, there: list[Any]) -> list[Any]:
        """The columns that are the examples.

        Raises:
            ValueError: a column is not there.
        """
        asked = {"label_column": self.label_column, "split_column": self.split_column}
        asked |= {"data_key": self.data_column}
        several = [("without_columns", name) for name in self.without]
        several += [("condition_columns", name) for name in self.told]
        for setting, name in [*asked.items(), *several]:
            if name is not None and name not in there:
                raise ValueError(
                    f"`{setting}` must be a column of {path}; got {name!r}."
                    f"{did_you_mean(name, there)} It has {_listed(there)}."
                )
        if self.data_column is not None:
            return [self.data_column]
        left_out = {*self.beside, *self.without}
        return [name for name in there if name not in left_out]

    def numbers(
        self, path: Path, table: "pd.DataFrame", features: list[Any], first: int = 0
    ) -> np.ndarray:
        """The examples of some rows, of which `first` is the number of the first one.

        Raises:
            ValueError: they are not numbers, or have gaps.
        """
        if self.data_column is not None:
            return _lists(path, table[self.data_column], self.data_column)
        return _numbers(path, table[features], first)

    def known_by(self, features: list[Any]) -> dict[str, Any]:
        """What decides about the numbers of the examples."""
        return {"lists": self.data_column is not None, "columns": features}


def read_table(path: Path, columns: Columns = Columns()) -> Raw:  # noqa: B008
    """The numbers of a table.

    Args:
        path: `.csv`, `.tsv` (either may end in `.gz`) or `.parquet`.
        columns: which of them are what.

    Raises:
        ValueError: no table, a column that is not there, text in a feature, or gaps; names
            the column and the row.
    """
    table = _read(path)
    features = columns.features(path, list(table.columns))
    examples = columns.numbers(path, table, features)
    names = () if columns.data_column else tuple(map(str, features))
    return parted(path, examples, columns, table, names)


def parted(
    path: Path,
    examples: Examples,
    columns: Columns,
    table: "pd.DataFrame",
    names: tuple[str, ...] = (),
) -> Raw:
    """Examples by the splits, with what the columns of a table say of each.

    Args:
        path: of the table.
        examples: of all its rows.
        columns: which of them are what.
        table: has those beside the examples.
        names: of the features.

    Raises:
        ValueError: a class or a condition is missing, or a word stands for no split.
    """
    label, split = columns.label_column, columns.split_column
    labels = None if label is None else _labels(path, table[label])
    told = {name: _labels(path, table[name]) for name in columns.told}
    if split is None:
        named = {} if labels is None else {WHOLE: labels}
        return Raw({WHOLE: examples}, named, names, {WHOLE: told} if told else {})
    rows = _rows_of_splits(path, table[split])
    check_splits(str(path), list(rows))
    parts = {name: taken(examples, row) for name, row in rows.items()}
    named = {} if labels is None else {s: labels[r] for s, r in rows.items()}
    conditions = {s: {n: c[r] for n, c in told.items()} for s, r in rows.items()}
    return Raw(parts, named, names, conditions if told else {})


def _read(path: Path) -> "pd.DataFrame":
    import pandas as pd

    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        tab = ".tsv" in path.suffixes
        table = pd.read_csv(path, sep="\t" if tab else ",", encoding="utf-8-sig")
        if all(_is_number(name) for name in table.columns):
            # the first line is an example like the others
            table = pd.read_csv(path, sep="\t" if tab else ",", header=None)
            table.columns = [f"column_{place}" for place in table.columns]
    except ValueError as error:
        raise ValueError(f"{path} must be a table; got {error}") from error
    if table.empty:
        raise ValueError(f"{path} must have rows and columns; got {table.shape}.")
    return table


def _is_number(name: Any) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _numbers(path: Path, table: "pd.DataFrame", first: int) -> np.ndarray:
    text = [n for n in table if table[n].dtype.kind not in "biuf"]
    if text:
        raise ValueError(
            f"the columns of {path} must be numbers; got text in {_listed(text)}, such as "
            f"{table[text[0]].iloc[0]!r}. Name the classes by `label_column`, or leave "
            "columns out by `without_columns`."
        )
    for name in table:
        gaps = np.flatnonzero(table[name].isna())
        if len(gaps):
            raise ValueError(
                f"{path} must have no gaps; got {len(gaps)} in the column {name!r}, the "
                f"first in row {first + int(gaps[0])}. Fill them, or leave the rows out."
            )
    dtypes = {table[name].dtype for name in table}
    if len(dtypes) == 1:
        return table.to_numpy()
    whole = all(dtype.kind in "biu" for dtype in dtypes)
    return table.to_numpy(dtype=np.int64 if whole else np.float64)


def _lists(path: Path, column: "pd.Series[Any]", name: str) -> np.ndarray:
    rows = [np.asarray(entry) for entry in column]
    shapes = {row.shape for row in rows}
    if len(shapes) > 1 or rows[0].dtype.kind not in "biuf":
        raise ValueError(
            f"the entries of {name!r} in {path} must be lists of numbers of one length; "
            f"got {rows[0].dtype}, of the shapes {', '.join(map(str, list(shapes)[:FEW]))}."
        )
    return np.stack(rows)


def _labels(path: Path, column: "pd.Series[Any]") -> np.ndarray:
    if column.isna().any():
        raise ValueError(
            f"the labels of {path} must have no gaps; got {column.isna().sum()} in "
            f"{column.name!r}."
        )
    return column.to_numpy()


def _rows_of_splits(path: Path, column: "pd.Series[Any]") -> dict[str, np.ndarray]:
    words = column.astype(str)
    means = {word: split_name(word) for word in words.unique()}
    unknown = [word for word, split in means.items() if split is None]
    if unknown:
        raise ValueError(
            f"{column.name!r} of {path} must say train, validation or test; got "
            f"{_listed(unknown)}."
        )
    split = words.map(means).to_numpy()
    return {str(name): np.flatnonzero(split == name) for name in dict.fromkeys(split)}


def _listed(names: list[Any]) -> str:
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(map(repr, names[:FEW])) + more
