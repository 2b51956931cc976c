"""tensorflow-datasets without TensorFlow: prepare the MNIST family, read any image set.

The only importer of tensorflow_datasets, and only inside its functions: it takes a
second. What is prepared here is a stock copy that `tfds.data_source` reads too.
"""

import contextlib
import errno
import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vae_jax.data._contents import files_of
from vae_jax.data._dataset import SPLITS, Split
from vae_jax.data._decode import grey_levels, open_image
from vae_jax.data._idx import FILES, SOURCES, read_official
from vae_jax.data._in_files import InFiles
from vae_jax.data._levels import same_channels
from vae_jax.views import Rows, is_large

BATCH = 1000
"""Examples decoded at a time."""

OF_THIS_MACHINE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO),
    *(errno.ENOSPC, errno.EDQUOT, errno.EMFILE),
}
"""What a download can fail of although the network is well."""


def prepare(name: str, root: Path, arrays: dict[str, np.ndarray] | None) -> None:
    """Prepare a set of the MNIST family below a folder of tensorflow-datasets.

    Args:
        name: `mnist`, `fashion_mnist` or `kmnist`.
        root: tensorflow-datasets' own data folder.
        arrays: the four arrays, by the keys of `FILES`; downloaded without.

    Raises:
        ConnectionError: the download failed.
        ValueError: a downloaded file is not the official one.

    >>> sorted(FILES)
    ['test_images', 'test_labels', 'train_images', 'train_labels']
    """
    builder = _builder_class(name, arrays)(data_dir=root, file_format="array_record")
    # tensorflow-datasets prints its progress; standard output is the caller's
    with contextlib.redirect_stdout(sys.stderr):
        builder.download_and_prepare()


def _builder_class(name: str, arrays: dict[str, np.ndarray] | None) -> Any:
    """The stock builder under its own name and version, fed from verified arrays.

    The stock one parses its files with TensorFlow.
    """
    import tensorflow_datasets as tfds
    from PIL import Image

    set_name = name

    class Builder(tfds.builder_cls(set_name), skip_registration=True):  # type: ignore[call-arg, misc]
        name = set_name

        def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
            source = arrays if arrays is not None else _download(set_name, dl_manager)
            return {
                split: self._generate_examples(
                    source[f"{split}_images"], source[f"{split}_labels"]
                )
                for split in ("train", "test")
            }

        def _generate_examples(
            self, images: np.ndarray, labels: np.ndarray
        ) -> Iterator[tuple[int, dict[str, Any]]]:
            for index, (image, label) in enumerate(zip(images, labels, strict=True)):
                # a PIL image is encoded without TensorFlow, an array is not
                yield (
                    index,
                    {"image": Image.fromarray(image), "label": int(label)},
                )

    return Builder


def _download(name: str, dl_manager: Any) -> dict[str, np.ndarray]:
    urls = {key: f"{SOURCES[name].url}{file}.gz" for key, file in FILES.items()}
    try:
        # not download_and_extract, which needs TensorFlow
        downloaded = dl_manager.download(urls)
    # whatever tensorflow-datasets, which knows checksums too, and requests raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in OF_THIS_MACHINE:
            raise
        raise ConnectionError(f"the download failed: {error}") from error
    paths = {key: Path(path) for key, path in downloaded.items()}
    try:
        return read_official(name, paths)
    except ValueError:
        # tensorflow-datasets would take the same files again
        for path in paths.values():
            path.unlink()
            path.with_name(f"{path.name}.INFO").unlink(missing_ok=True)
        raise


def read_prepared(folder: Path) -> dict[str, Split]:
    """Train, validation and test of a prepared image set, in the stored order.

    Images are `(n, height, width, channels)`; a set may lack two of the splits.

    Args:
        folder: of one version, with `dataset_info.json` in it.

    Raises:
        OSError: a file cannot be read; nothing is said about what it holds.
        ValueError: damaged, without a train part, or not images of one size in uint8.

    >>> read_prepared.__name__
    'read_prepared'
    """
    import tensorflow_datasets as tfds

    with naming(folder, "its description"):
        builder = tfds.builder_from_directory(folder)
    keys = _image_key(builder.info), _label_key(builder.info.features)
    splits = builder.info.splits
    if "train" not in splits:
        # a name that is damaged has no files
        for split in splits:
            with naming(folder, f"split {split!r}"):
                _check_counts(splits[split])
        raise ValueError(
            f"{builder.info.name} must have a split `train`; got {', '.join(splits)}."
        )
    wanted = [split for split in SPLITS if split in splits]
    return {split: _read_split(builder, split, *keys) for split in wanted}


@contextlib.contextmanager
def naming(folder: Path, part: str) -> Iterator[None]:
    """Name what is damaged, and the way out; damage is only what can be read."""
    try:
        yield
    # no word about the data
    except (MemoryError, ImportError):
        raise
    # whatever the parser, the reader, the decompressor and the image decoder raise
    except Exception as error:
        # readers call a file empty, or the set absent, that they may not open
        for path in files_of(folder).values():
            with path.open("rb") as file:
                hashlib.file_digest(file, "sha256")
        raise ValueError(
            f"The prepared data in {folder} cannot be read, {part}: {error}. Delete "
            "that folder and prepare it again."
        ) from error


def _image_key(info: Any) -> str:
    import tensorflow_datasets as tfds

    features = dict(info.features.items())
    keys = [k for k, f in features.items() if isinstance(f, tfds.features.Image)]
    if "image" not in keys and len(keys) != 1:
        raise ValueError(
            "An image set must have a feature `image`, or one image only; got the "
            f"features {', '.join(features)}."
        )
    key = "image" if "image" in keys else keys[0]
    if (declared := features[key].np_dtype) != np.uint8:
        raise ValueError(
            f"The images of {info.name} must be of one size, in uint8; got {declared}."
        )
    return key


def _label_key(features: Any) -> str | None:
    import tensorflow_datasets as tfds

    is_label = isinstance(dict(features.items()).get("label"), tfds.features.ClassLabel)
    return "label" if is_label else None


def _read_split(builder: Any, split: str, image: str, label: str | None) -> Split:
    """Decoded; examples to train on that are too large are decoded and let go again."""
    where = f"The images of {builder.info.name}"
    declared = builder.info.features[image].shape[-1]
    images: list[Any] = []
    labels: list[int] = []
    in_files = False
    for examples in batches_of(builder, split, encoded=image):
        levels = [_levels(builder, split, e[image], declared) for e in examples]
        kinds = {_kind(each.shape, declared) for each in levels}
        kinds |= {_kind(batch.shape[1:], declared) for batch in images[-1:]}
        if not images and split == "train":
            channels = declared or levels[0].shape[-1]
            count = builder.info.splits[split].num_examples
            in_files = is_large(levels[0][..., 0].nbytes * channels * count)
        if len(kinds) != 1:
            raise ValueError(
                f"{where} must be of one size, in uint8; got "
                f"{', '.join(sorted(kinds)[:5])} in split {split!r}."
            )
        batch = same_channels([each[None] for each in levels])
        images.append(batch[:1].copy() if in_files else batch)
        labels += [example[label] if label else -1 for example in examples]
    if not images:
        raise ValueError(f"{where} must be at least one in split {split!r}; got none.")
    found: Any
    if in_files:
        channels = max(each.shape[-1] for each in images)
        shape = (len(labels), *images[0].shape[1:3], channels)

        def decode(encoded: bytes) -> np.ndarray:
            return _levels(builder, split, encoded, declared)

        found = Rows(InFiles(_reader(builder, split, image), decode, shape))
    else:
        found = same_channels(images)
    return Split(found, np.asarray(labels, np.int32))


def _kind(shape: tuple[int, ...], declared: int | None) -> str:
    """Type and shape of an image; a grey one may stand among colours if it is said."""
    height, width, channels = shape
    grey = channels == 1 and declared == 3
    return f"uint8{[height, width, 3 if grey else channels]}"


def _levels(builder: Any, split: str, encoded: bytes, declared: int) -> np.ndarray:
    with naming(Path(builder.data_dir), f"split {split!r}"):
        image = open_image(encoded)
    try:
        return grey_levels(image, encoded, declared or None)
    except ValueError as error:
        raise ValueError(f"{builder.info.name}, split {split!r}: {error}") from error


def batches_of(
    builder: Any, split: str, *, encoded: str | None = None
) -> Iterator[list[dict[str, Any]]]:
    """The examples of a prepared split, many at a time; damage is named.

    `encoded` names a feature that stays as it is stored.
    """
    folder, part = Path(builder.data_dir), f"split {split!r}"
    with naming(folder, part):
        _check_counts(builder.info.splits[split])
        source = _source(builder, split, encoded)
    for start in range(0, len(source), BATCH):
        rows = list(range(start, min(start + BATCH, len(source))))
        with naming(folder, part):
            examples = source.__getitems__(rows)
        yield examples


def _source(builder: Any, split: str, encoded: str | None) -> Any:
    """Examples by their numbers, as grain reads them too."""
    import tensorflow_datasets as tfds

    skip_decoding: Callable[[], Any] = tfds.decode.SkipDecoding
    skip = {encoded: skip_decoding()} if encoded else None
    return builder.as_data_source(split=split, decoders=skip)


def _reader(builder: Any, split: str, image: str) -> Callable[[list[int]], list[bytes]]:
    """What reads the images of some examples, encoded; damage is named."""
    folder, part = Path(builder.data_dir), f"split {split!r}"
    with naming(folder, part):
        source = _source(builder, split, image)

    def read(rows: list[int]) -> list[bytes]:
        with naming(folder, part):
            return [example[image] for example in source.__getitems__(rows)]

    return read


def _check_counts(split: Any) -> None:
    """Refuse a description that leaves out examples, which no reader would notice."""
    from array_record.python.array_record_module import ArrayRecordReader

    for path, count in zip(split.filepaths, split.shard_lengths, strict=True):
        if not Path(path).is_file():
            raise ValueError(f"it lacks {path}; if that lies elsewhere, copy it there")
        reader = ArrayRecordReader(str(path))
        stored = reader.num_records()
        reader.close()
        if stored != count:
            raise ValueError(f"{count} examples are said to be in {path}; got {stored}")
