"""tensorflow-datasets without TensorFlow: prepare the MNIST family, read any image set.

The only importer of tensorflow_datasets, and only inside its functions: it takes a
second. What is prepared here is a stock copy that `tfds.data_source` reads too.
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vae_jax.data._dataset import Split
from vae_jax.data._idx import FILES, SOURCES, read_official

BATCH = 1000
"""Examples decoded at a time."""


def prepare(name: str, root: Path, arrays: dict[str, np.ndarray] | None) -> None:
    """Prepare a set of the MNIST family below a folder of tensorflow-datasets.

    Args:
        name: `mnist`, `fashion_mnist` or `kmnist`.
        root: tensorflow-datasets' own data folder.
        arrays: the four arrays, by the keys of `FILES`; downloaded without.

    Raises:
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
    # not download_and_extract, which needs TensorFlow
    paths = dl_manager.download(urls)
    return read_official(name, {key: Path(path) for key, path in paths.items()})


def read_prepared(folder: Path) -> dict[str, Split]:
    """Every split of a prepared image set, in the stored order.

    Args:
        folder: of one version, with `dataset_info.json` in it.

    Raises:
        ValueError: damaged, or not images of one size in uint8.

    >>> read_prepared.__name__
    'read_prepared'
    """
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(folder)
    keys = _image_key(builder.info.features), _label_key(builder.info.features)
    return {split: _read_split(builder, split, *keys) for split in builder.info.splits}


def _image_key(features: Any) -> str:
    import tensorflow_datasets as tfds

    keys = [k for k, f in features.items() if isinstance(f, tfds.features.Image)]
    if "image" in keys or len(keys) == 1:
        return "image" if "image" in keys else keys[0]
    raise ValueError(
        "An image set must have a feature `image`, or one image only; got the "
        f"features {', '.join(features)}."
    )


def _label_key(features: Any) -> str | None:
    import tensorflow_datasets as tfds

    is_label = isinstance(dict(features.items()).get("label"), tfds.features.ClassLabel)
    return "label" if is_label else None


def _read_split(builder: Any, split: str, image: str, label: str | None) -> Split:
    images, labels = [], []
    for examples in _batches(builder, split):
        shapes = {(*example[image].shape, example[image].dtype) for example in examples}
        if len(shapes) != 1 or examples[0][image].dtype != np.uint8:
            raise ValueError(
                f"The images of {builder.info.name} must be of one size, in uint8; got "
                f"{sorted(map(str, shapes))[:5]} in split {split!r}."
            )
        images.append(np.stack([example[image] for example in examples]))
        labels += [example[label] if label else -1 for example in examples]
    together = _without_grey_axis(np.concatenate(images))
    return Split(together, np.asarray(labels, np.int32))


def _batches(builder: Any, split: str) -> Iterator[list[dict[str, Any]]]:
    try:
        source = builder.as_data_source(split=split)
        for start in range(0, len(source), BATCH):
            stop = min(start + BATCH, len(source))
            yield source.__getitems__(list(range(start, stop)))
    # whatever the reader, the decompressor and the image decoder raise
    except Exception as error:
        raise ValueError(
            f"The prepared data in {builder.data_dir} cannot be read, split {split!r}: "
            f"{error}. Delete that folder and prepare it again."
        ) from error


def _without_grey_axis(images: np.ndarray) -> np.ndarray:
    return images[..., 0] if images.shape[-1] == 1 else images
