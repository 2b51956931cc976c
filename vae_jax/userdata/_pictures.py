"""Examples of a folder of pictures: flat, a folder a class, or a folder a split."""

import collections
import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vae_jax.data import PICTURES, grey_levels, open_image
from vae_jax.userdata._raw import WHOLE, Raw, check_splits, split_name

Colours = Literal["grey", "rgb"]

FEW = 6
"""Sizes that a message lists."""


def picture_files(folder: Path) -> dict[str, Path]:
    """The pictures of a folder and of those below it, by their names from there.

    Hidden files are none.

    Raises:
        ValueError: something else lies among them, or there is none.

    >>> picture_files(Path("nowhere"))
    Traceback (most recent call last):
    ValueError: nowhere must hold pictures; got none.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_dir() or any(part.startswith(".") for part in name.parts):
            continue
        if path.suffix.lower() not in PICTURES:
            raise ValueError(
                f"{folder} must hold pictures alone ({', '.join(sorted(PICTURES))}); got "
                f"{name}. Move it away."
            )
        found[name.as_posix()] = path
    if not found:
        raise ValueError(f"{folder} must hold pictures; got none.")
    return found


def read_pictures(
    folder: Path,
    size: tuple[int, ...] | None = None,
    colours: Colours | None = None,
) -> Raw:
    """Grey levels from 0 to 255 of every picture; folders are splits, classes, or both.

    Args:
        folder: `train/cat/1.png`, `train/1.png`, `cat/1.png` or `1.png`.
        size: height and width that every picture is cut to and scaled; a number is both.
        colours: `grey` or `rgb`; where none is given, grey if every picture is.

    Raises:
        ValueError: another file, a picture that is no picture, or several sizes where none
            is asked for; lists them.
    """
    files = picture_files(folder)
    wanted = _size(size)
    levels = {name: _levels(path, wanted, colours) for name, path in files.items()}
    sizes = collections.Counter(each.shape[:2] for each in levels.values())
    if len(sizes) > 1:
        few = [f"{h}x{w} ({n} times)" for (h, w), n in sizes.most_common(FEW)]
        usual = list(sizes.most_common(1)[0][0])
        flag = f"--picture-size {usual[0]} {usual[1]}"
        raise ValueError(
            f"the pictures of {folder} must be of one size, height x width; got "
            f"{len(sizes)} sizes: {', '.join(few)}. Set `{flag}` (`picture_size = "
            f"{usual}`) to cut and scale them all to it."
        )
    places = {name: _place(name, files) for name in files}
    parts: dict[str, Any] = {}
    labels: dict[str, Any] = {}
    for name, (split, label) in places.items():
        parts.setdefault(split, []).append(levels[name])
        labels.setdefault(split, []).append(label)
    check_splits(str(folder), list(parts))
    are_grey = [_is_grey(each) for each in levels.values()]
    grey = all(are_grey) and colours != "rgb"
    if colours is None:
        _warn_of_colours(folder, are_grey)
    _warn_of_loose(folder, [label for _, label in places.values()])
    stacked = {split: _stacked(each, grey) for split, each in parts.items()}
    classes = {split: np.array(each) for split, each in labels.items() if all(each)}
    return Raw(stacked, classes if len(classes) == len(parts) else {})


def _warn_of_colours(folder: Path, are_grey: list[bool]) -> None:
    grey = sum(are_grey)
    if 0 < grey < len(are_grey):
        warnings.warn(
            f"{folder}/: {grey} of {len(are_grey)} pictures are grey and the others are "
            "not; all have three colours here, and to tell grey from colour is an easy "
            "thing for z to hold. Set `--picture-colours grey` or `rgb` to say so.",
            stacklevel=3,
        )


def _warn_of_loose(folder: Path, labels: list[str | None]) -> None:
    loose = sum(label is None for label in labels)
    if 0 < loose < len(labels):
        known = len({label for label in labels if label is not None})
        warnings.warn(
            f"{folder}/: {loose} of {len(labels)} pictures lie beside the "
            f"{known} folders of classes and in none of them, so that no picture has a "
            "class here. Move them into one, or away.",
            stacklevel=3,
        )


def _place(name: str, files: dict[str, Path]) -> tuple[str, str | None]:
    """The split and the class that a picture's folders say."""
    folders = name.split("/")[:-1]
    tops = {other.split("/")[0] for other in files if "/" in other}
    split = split_name(folders[0]) if folders else None
    if split is not None and any(split_name(top) == "train" for top in tops):
        folders = folders[1:]
    else:
        split = WHOLE
    return split, "/".join(folders) or None


def _size(size: tuple[int, ...] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    if len(size) not in (1, 2):
        raise ValueError(
            f"`picture_size` must be a height and a width, or one number; got {size}."
        )
    return size[0], size[-1]


def _levels(
    path: Path, size: tuple[int, int] | None, colours: Colours | None
) -> np.ndarray:
    encoded = path.read_bytes()
    try:
        image = open_image(encoded)
        levels = grey_levels(image, encoded)
    except (ValueError, OSError) as error:
        raise ValueError(f"{path}: {error}") from error
    if colours is None and size is None:
        return levels
    return _converted(levels, size, colours)


def _converted(
    levels: np.ndarray, size: tuple[int, int] | None, colours: Colours | None
) -> np.ndarray:
    """Cut in the middle to the shape that is wanted, scaled, and in the colours wanted."""
    from PIL import Image, ImageOps

    image = Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels)
    if colours is not None:
        image = image.convert({"grey": "L", "rgb": "RGB"}[colours])
    if size is not None and image.size != (size[1], size[0]):
        image = ImageOps.fit(image, (size[1], size[0]), Image.Resampling.LANCZOS)
    made = np.asarray(image)
    return made[..., None] if made.ndim == 2 else made


def _is_grey(levels: np.ndarray) -> bool:
    return levels.shape[-1] == 1 or bool((levels == levels[..., :1]).all())


def _stacked(levels: list[np.ndarray], grey: bool) -> np.ndarray:
    if grey:
        return np.stack([each[..., 0] for each in levels])
    return np.stack([np.broadcast_to(each, (*each.shape[:2], 3)) for each in levels])
