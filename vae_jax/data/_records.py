"""Image sets as records of a run: where they come from, and how pixels are read."""

import itertools
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np

from vae_jax.data._dataset import Dataset
from vae_jax.data._load import load, source_digest
from vae_jax.data._memory import remembered
from vae_jax.data._transforms import (
    binarize_dynamic,
    binarize_static,
    dequantize,
    of_numbers,
    scale,
)
from vae_jax.records import Record, normal_folder, record, static, unchecked
from vae_jax.tokens import EOS, PAD

Binarize = Literal["none", "static", "dynamic"]

AS_SETTINGS = {"name": "dataset", "folder": "data_folder"}
"""Arguments of `load`, by the names that they have in a run."""


@record()
class DataSet(Record):
    """What a run is trained on.

    Attributes:
        of_sentences: tokens, and no pixels.
        has_a_name: of its own; others are named by a path, or by what they hold.
    """

    of_sentences: ClassVar[bool] = False
    has_a_name: ClassVar[bool] = True

    @abstractmethod
    def load(self) -> Dataset:
        """The set, remembered while the files behind it hold the same."""

    @abstractmethod
    def prepare(self, wants: str, max_value: int) -> Callable[[Any, Any], Any]:
        """`(keys, stored) -> x`: how stored examples become the model's input."""

    def fitted(self, wants: str) -> "DataSet":
        """The record with what a likelihood wants, where nothing was said."""
        del wants
        return self

    def unfitted(self, wants: str) -> "DataSet":
        """The record without what `fitted` would say of it anyway."""
        del wants
        return self

    def conflict(self, run: Any) -> str | None:
        """Why it cannot be the data of this run, as a whole sentence with the fix."""
        del run
        return None

    def spelt(self, tokens: np.ndarray) -> list[str]:
        """Sentences in words, or as the numbers of their tokens where there are none."""
        ended = (list(itertools.takewhile(lambda i: i != EOS, row)) for row in tokens)
        return [" ".join(str(int(i)) for i in row if i != PAD) for row in ended]


@record("dataset", "")
class Images(DataSet):
    """Images: `digits` (embedded), IDX files, or a set of tensorflow-datasets."""

    dataset: str = static(
        "`digits` (embedded), `mnist`, `fashion_mnist`, `kmnist`, an image set of "
        "tensorflow-datasets that lies prepared, or a set of sentences.",
        default="digits",
    )
    data_folder: str | None = static("Local folder of its files.", default=None)
    binarize: Binarize | None = static(
        "Pixels above 0.5 are 1 (static), or drawn anew at every visit (dynamic), or none "
        "of it; as the likelihood needs where it is not given.",
        default=None,
    )
    dequantize: bool = static("Add uniform noise of one grey level.", default=False)

    @property
    def chosen_name(self) -> str:
        """That of the set, or the path to a record of one's own."""
        return type(self).path or self.dataset

    def check(self) -> None:
        """One name for one folder; noise is of grey levels.

        Raises:
            ValueError: names both settings.
        """
        if self.data_folder is not None:
            object.__setattr__(self, "data_folder", normal_folder(self.data_folder))
        if self.binarize not in (None, "none") and self.dequantize:
            raise ValueError(
                f"`dequantize` must be False for binarised data; got "
                f"binarize={self.binarize!r}. Use binarize='none'."
            )

    def fitted(self, wants: str) -> "Images":
        """Binarised for a likelihood of binary data, else as the pixels are."""
        if self.binarize is not None:
            return self
        binarize = "static" if wants == "binary" and not self.dequantize else "none"
        made: Images = unchecked(type(self), {**vars(self), "binarize": binarize})
        return made

    def unfitted(self, wants: str) -> "Images":
        """Without the binarisation that this likelihood has anyway."""
        bare: Images = unchecked(type(self), {**vars(self), "binarize": None})
        return bare if bare.fitted(wants) == self else self

    def conflict(self, run: Any) -> str | None:
        """Pixels must be what the likelihood is a density of."""
        name = run.likelihood.chosen_name
        plain = self.binarize == "none" and not self.dequantize
        if run.likelihood.wants == "binary" and self.dequantize:
            return (
                "`dequantize` adds noise to grey levels and fits a Gaussian likelihood; "
                f"got likelihood={name!r}. Choose a Gaussian likelihood or no "
                "dequantisation."
            )
        if run.likelihood.wants == "binary" and self.binarize == "none":
            return (
                f"`likelihood={name!r}` is a density of binary data only; got "
                "binarize='none'. Use binarize='static' or 'dynamic', or a Gaussian "
                "likelihood."
            )
        if run.likelihood.wants == "signed" and not plain:
            return (
                f"`likelihood={name!r}` is a density of grey levels as they are; got "
                f"binarize={self.binarize!r}, dequantize={self.dequantize}. Use "
                "binarize='none' and no dequantisation."
            )
        return None

    def load(self) -> Dataset:
        """See `data.load_dataset`; what it refuses is said of the setting."""
        try:
            return load_dataset(self.dataset, folder=self.data_folder)
        except (ValueError, FileNotFoundError) as error:
            said = str(error)
            for argument, setting in AS_SETTINGS.items():
                said = said.replace(f"`{argument}`", f"`{setting}`")
            raise type(error)(said) from error

    def prepare(self, wants: str, max_value: int) -> Callable[[Any, Any], Any]:
        """Binarised, with noise, from -1 to 1 with channels, or from 0 to 1.

        >>> import jax.numpy as jnp
        >>> images = jnp.full((1, 2), 12, jnp.uint8)
        >>> Images(binarize="static").prepare("binary", 16)(None, images).tolist()
        [[1.0, 1.0]]
        """
        return prepare_levels(self.binarize, self.dequantize, wants, max_value)


def prepare_levels(
    binarize: Binarize | None, noisy: bool, wants: str, max_value: int
) -> Callable[[Any, Any], Any]:
    """How stored levels, or numbers, become the input of a model.

    Args:
        binarize: see `Images`.
        noisy: noise of one level is added.
        wants: what the likelihood is a density of.
        max_value: the level that stands for 1.

    >>> import jax.numpy as jnp
    >>> prepare_levels(None, False, "real", 1)(None, jnp.array([-2.5])).tolist()
    [-2.5]
    """

    def prepare(keys: Any, stored: Any) -> Any:
        if wants == "counts" or stored.dtype != jnp.uint8:
            return of_numbers(keys, stored, binarize)
        if binarize == "dynamic":
            return binarize_dynamic(keys, stored, max_value)
        if binarize == "static":
            return binarize_static(stored, max_value)
        if noisy:
            return dequantize(keys, stored, max_value)
        return (
            _signed(stored, max_value)
            if wants == "signed"
            else scale(stored, max_value)
        )

    return prepare


def _signed(images: Any, max_value: int) -> Any:
    """Levels between -1 and 1, with an axis of channels."""
    levels = 2 * scale(images, max_value) - 1
    return levels[..., None] if levels.ndim == 3 else levels


def load_dataset(name: str = "digits", *, folder: str | Path | None = None) -> Dataset:
    """`data.load`, remembered: the members of a sweep share one copy.

    What is remembered is known by what its files hold, not by where they lie: files that
    have changed are loaded again, and another path to the same ones is not.

    >>> load_dataset("digits") is load_dataset("digits")
    True
    """
    return remembered(
        name,
        lambda: source_digest(name, folder=folder),
        lambda: load(name, folder=folder),
    )
