"""Users' own data as records of a run: files by their path, arrays that are in memory."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from vae_jax.data import (
    Binarize,
    DataSet,
    Dataset,
    content_digest,
    prepare_levels,
    remembered,
)
from vae_jax.records import normal_folder, record, static
from vae_jax.userdata._arrays import read_npz
from vae_jax.userdata._cells import read_cells
from vae_jax.userdata._dataset import Reading, as_dataset
from vae_jax.userdata._large import mapped_npy
from vae_jax.userdata._pictures import Colours, picture_files, read_pictures
from vae_jax.userdata._raw import Raw
from vae_jax.userdata._tables import Columns, read_table

Values = Literal["levels", "unit", "real", "counts"]
"""What a user may say of numbers."""

TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")
OF_FORM: dict[str, tuple[str, ...]] = {
    "split_column": TABLES,
    "without_columns": TABLES,
    "label_column": (*TABLES, ".npz", ".h5ad"),
    "condition_columns": (*TABLES, ".npz", ".h5ad"),
    "data_key": (".npz", ".parquet", ".h5ad"),
    "picture_size": ("/",),
    "picture_colours": ("/",),
}
"""Settings that some forms of files have; a folder is `/`."""

FORMS = (*TABLES, ".npz", ".npy", ".h5ad")


@record()
class Own(DataSet):
    """Data of the user's own."""

    has_a_name = False

    binarize: Binarize | None = static(
        "Numbers above 0.5 of the largest are 1 (static), or drawn anew at every visit "
        "(dynamic), or none of it, as where it is not given.",
        default=None,
    )
    dequantize: bool = static(
        "Add uniform noise of one grey level, to levels alone.", default=False
    )

    def check(self) -> None:
        """Noise is of levels that are not binarised.

        Raises:
            ValueError: names both settings.
        """
        if self.binarize not in (None, "none") and self.dequantize:
            raise ValueError(
                f"`dequantize` must be False for binarised data; got "
                f"binarize={self.binarize!r}. Use binarize='none'."
            )

    def prepare(self, wants: str, max_value: int) -> Callable[[Any, Any], Any]:
        """See `data.prepare_levels`."""
        return prepare_levels(self.binarize, self.dequantize, wants, max_value)


@record("dataset", "files")
class Files(Own):
    """A file of numbers, or a folder of pictures: its path is the name of the set.

    `.npy`, `.npz`, `.csv`, `.tsv`, `.parquet`, `.h5ad` (single cells, with the extra
    `anndata`), or a folder, `./pictures/`, whose folders may be splits, classes or both.
    Of a `.npy` or a `.parquet` of 1 GiB or more training examples stay in a file.
    """

    dataset: str = static("Path of the file or folder.", kw_only=True)
    data_values: Values | None = static(
        "What the numbers are: grey levels or 0 and 1, numbers from 0 to 1, real ones, or "
        "counts; found out from them where it is not given.",
        default=None,
    )
    value_range: tuple[float, ...] | None = static(
        "The two numbers that stand for 0 and 1.", default=None
    )
    max_value: int | None = static(
        "The grey level that stands for 1.", default=None, low=1, high=255
    )
    standardize: bool = static(
        "Take every feature less its mean and over its standard deviation, both of the "
        "training set.",
        default=False,
    )
    data_shape: tuple[int, ...] | None = static(
        "Shape of an example, such as [28, 28] of 784 columns.", default=None, low=1
    )
    data_key: str | None = static(
        "Array of a `.npz`, list column of a `.parquet`, or layer of a `.h5ad`.",
        default=None,
    )
    label_column: str | None = static(
        "Column, or array of a `.npz`, of the classes, which are no feature.",
        default=None,
    )
    condition_columns: tuple[str, ...] = static(
        "Columns that a model is told by condition='covariates', numbers or words, which "
        "are no features; of a `.h5ad` those of `obs`, of a `.npz` arrays.",
        default=(),
    )
    split_column: str | None = static(
        "Column that says train, validation or test.", default=None
    )
    without_columns: tuple[str, ...] = static("Columns that are left out.", default=())
    picture_size: tuple[int, ...] | None = static(
        "Height and width that pictures are cut to and scaled.", default=None, low=1
    )
    picture_colours: Colours | None = static(
        "Colours that pictures are turned into; grey where all are, if it is not given.",
        default=None,
    )
    validation_share: float | None = static(
        "Share of the examples to validate by, where they are not split; 0.1 if not given.",
        default=None,
        low=0,
        low_open=True,
        high=0.9,
    )
    test_share: float | None = static(
        "Share of the examples to test on, likewise.",
        default=None,
        low=0,
        low_open=True,
        high=0.9,
    )
    split_seed: int | None = static(
        "Seed of the split, which is by the contents of the examples.",
        default=None,
        low=0,
    )

    @property
    def chosen_name(self) -> str:
        """The path."""
        return self.dataset

    def check(self) -> None:
        """A path of a form that is known, and the settings that this form has.

        Raises:
            ValueError: names the setting and the form.
        """
        super().check()
        form = form_of(self.dataset)
        if form is None:
            raise ValueError(
                f"`dataset` must be a file ({', '.join(FORMS)}) or a folder of pictures, "
                f"such as './pictures/'; got {self.dataset!r}."
            )
        slash = "/" if form == "/" else ""
        whole = normal_folder(self.dataset).rstrip("/") + slash
        object.__setattr__(self, "dataset", whole)
        for name, forms in OF_FORM.items():
            if getattr(self, name) not in (None, ()) and form not in forms:
                raise ValueError(
                    f"`{name}` is for {' and '.join(forms)} (a folder of pictures is /); "
                    f"got {name}={getattr(self, name)!r} for {self.dataset!r}. Leave it "
                    "out."
                )

    def load(self) -> Dataset:
        """The file's examples.

        Raises:
            ValueError: see `as_dataset` and the readers of files.
            OSError: it cannot be read.
        """
        path = Path(self.dataset).expanduser()
        folder = form_of(self.dataset) == "/"
        if not (path.is_dir() if folder else path.exists()):
            raise FileNotFoundError(
                f"`dataset` must be a {'folder' if folder else 'file'} that is there; got "
                f"{self.dataset!r}."
            )

        def digest() -> str:
            return content_digest(picture_files(path) if folder else {path.name: path})

        return remembered(self, digest, lambda: self._read(path))

    def _read(self, path: Path) -> Dataset:
        reading = Reading(
            self.data_values,
            self.value_range,
            self.max_value,
            self.standardize,
            self.data_shape,
            self.validation_share,
            self.test_share,
            self.split_seed,
        )
        return as_dataset(self.dataset, self._raw(path), reading)

    def _raw(self, path: Path) -> Raw:
        form = form_of(self.dataset)
        if form == "/":
            return read_pictures(path, self.picture_size, self.picture_colours)
        if form == ".npy":
            return mapped_npy(path)
        if form == ".npz":
            return read_npz(
                path, self.data_key, self.label_column, self.condition_columns
            )
        if form == ".h5ad":
            return read_cells(
                path, self.data_key, self.label_column, self.condition_columns
            )
        columns = Columns(
            self.label_column,
            self.split_column,
            self.without_columns,
            self.condition_columns,
            self.data_key,
        )
        if form == ".parquet":
            # pyarrow is loaded where it is used
            from vae_jax.userdata._parquet import mapped_parquet

            large = mapped_parquet(path, columns)
            if large is not None:
                return large
        return read_table(path, columns)


def form_of(name: str) -> str | None:
    """The ending of a path to data, `/` for a folder, or None where it is no path.

    A folder is there, and is named as one: `./pictures`, `pictures/`, `~/pictures` or
    `/data/pictures`, or several names deep.

    >>> form_of("wine.csv"), form_of("counts.CSV.gz"), form_of("digits")
    ('.csv', '.csv.gz', None)
    """
    low = name.lower()
    for ending in sorted(FORMS, key=len, reverse=True):
        if low.endswith(ending):
            return ending
    said = name.startswith((".", "~", os.sep)) or name.endswith(os.sep)
    deep = os.sep in name and os.path.isdir(os.path.expanduser(name))
    return "/" if said or deep else None
