"""Text sets of tensorflow-datasets that lie prepared on this machine."""

import re
from pathlib import Path
from typing import Any

from vae_jax.records import did_you_mean
from vae_jax.text._options import Shared
from vae_jax.text._splits import Sentences, SentenceSplits, split_sentences

PARTS = ("train", "validation", "test")


def read_tfds_text(
    name: str,
    feature: str = "text",
    data_dir: str | Path | None = None,
    *,
    shared: Shared = "refuse",
) -> SentenceSplits:
    """A prepared text set by its name, in three splits; TensorFlow is never needed.

    A sentence is the whole text of an example, its words are what white space separates;
    an example without words is none. The set's own `train`, `validation` and `test` are
    taken, in the stored order, and other parts are not. What it lacks is cut from train
    by hash, as `read_folder` does: one tenth of all possible sentences for validation,
    another for test.

    Args:
        name: `ag_news_subset`, or with its configuration, `glue/sst2`.
        feature: of an example, the text that is read.
        data_dir: where prepared sets lie; tensorflow-datasets' own folder
            (`TFDS_DATA_DIR`, else `~/tensorflow_datasets`) if None.
        shared: of sentences that two splits have: `refuse` them, `drop` them from train
            and validation, or `keep` them.

    Raises:
        FileNotFoundError: not prepared on this machine; the message has the commands
            that help.
        OSError: a file of it cannot be read.
        ValueError: no such feature, no train part, damaged or in another file format
            than array_record, a split is empty, or sentences are shared.

    >>> read_tfds_text("lm1b", data_dir="nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FileNotFoundError: `name` must be a text set of tensorflow-datasets that lies...
    """
    # imported here: the rest of this package needs numpy alone
    from vae_jax.data import _locate, _paths

    root = (
        _locate.default_data_dir()
        if data_dir is None
        else _paths.user_path("data_dir", data_dir)
    )
    _check_name(name)
    prepared = _locate.find_prepared(name, root)
    if prepared is None:
        raise FileNotFoundError(_how_to_get(name, root))
    return split_sentences(name, _read(prepared, feature), shared)


def _read(prepared: Path, feature: str) -> dict[str, Sentences]:
    """The parts of a prepared set that become splits."""
    import tensorflow_datasets as tfds

    from vae_jax.data import _tfds

    with _tfds.naming(prepared, "its description"):
        builder = tfds.builder_from_directory(prepared)
    _check_feature(builder.info, feature)
    return {
        part: [
            words
            for examples in _tfds.batches_of(builder, part)
            for example in examples
            if (words := _text(example[feature], prepared, part).split())
        ]
        for part in PARTS
        if part in builder.info.splits
    }


def _text(stored: bytes | str, prepared: Path, part: str) -> str:
    if isinstance(stored, str):
        return stored
    try:
        return stored.decode()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"The texts in {prepared} must be UTF-8; got something else in split "
            f"{part!r}: {error}."
        ) from error


def _check_feature(info: Any, feature: str) -> None:
    import tensorflow_datasets as tfds

    features = dict(info.features.items())
    texts = [key for key, f in features.items() if isinstance(f, tfds.features.Text)]
    if feature not in texts:
        raise ValueError(
            f"`feature` must be a text of {info.name}: {', '.join(texts) or 'it has none'}"
            f"; got {feature!r}.{did_you_mean(feature, texts)} Its features are "
            f"{', '.join(features)}."
        )


def _check_name(name: str) -> None:
    if not isinstance(name, str):
        raise TypeError(f"`name` must be a text; got {name!r:.80}.")
    if not re.fullmatch(r"[a-z0-9]\w*(/[\w.-]+)?", name):
        raise ValueError(
            "`name` must be `set` or `set/config`, as tensorflow-datasets writes it; "
            f"got {name!r}."
        )


def _how_to_get(name: str, root: Path) -> str:
    from vae_jax.data import _locate

    known = _locate.prepared_names(root)
    others = f" (these do: {', '.join(known)})" if known else ""
    return (
        f"`name` must be a text set of tensorflow-datasets that lies prepared in {root}"
        f"{others}; got {name!r}.{did_you_mean(name, known)} To prepare it, where there "
        f"is a network:\n"
        f"  pip install tensorflow tensorflow-datasets && {_locate.build_command(name)}\n"
        f"then copy ~/tensorflow_datasets/{name} from there to {root / name}"
    )
