"""The data of a config, remembered as long as the files behind it hold the same."""

from pathlib import Path

from vae_jax import data
from vae_jax.assembly._memory import remembered
from vae_jax.assembly._text import load_text
from vae_jax.configs import TEXTS, RunConfig


def dataset_of(config: RunConfig) -> data.Dataset:
    """The images or sentences of a config, remembered while their files stay the same.

    Raises:
        ValueError, OSError: as `data.load` and `load_text` do.

    >>> dataset_of(RunConfig()).name
    'digits'
    """
    name, folder = config.dataset, config.data_folder
    if name in TEXTS:
        limits = config.vocab_size, config.max_length
        return load_text(name, folder, *limits, config.shared_sentences)
    return load_dataset(name, folder=folder)


def load_dataset(
    name: str = "digits", *, folder: str | Path | None = None
) -> data.Dataset:
    """`data.load`, remembered: the members of a sweep share one copy.

    What is remembered is known by what its files hold, not by where they lie: files that
    have changed are loaded again, and another path to the same ones is not.

    >>> load_dataset("digits") is load_dataset("digits")
    True
    """
    return remembered(
        name,
        lambda: data.source_digest(name, folder=folder),
        lambda: data.load(name, folder=folder),
    )
