"""Where the prepared copy of a set lies; made first, where that is possible.

Local data is looked for before anything else: offline, tensorflow-datasets would retry
for minutes. What cannot be had is refused with the commands that would help.
"""

import json
import os
import re
from pathlib import Path

import numpy as np

from vae_jax.data._contents import exists
from vae_jax.data._idx import FILES, SOURCES, check_official, find_files, read_official
from vae_jax.data._network import why_unreachable
from vae_jax.data._paths import path_hint
from vae_jax.data._tfds import prepare
from vae_jax.records import did_you_mean

SYSTEM_FOLDERS = {"fashion_mnist": Path("/usr/share/datasets/fashion-mnist")}
"""Where Debian's package dataset-fashion-mnist puts the IDX files."""

FILE_FORMAT = "array_record"


def default_data_dir() -> Path:
    """The folder of tensorflow-datasets, found without importing it.

    Raises:
        ValueError: it would lie in the home, and there is none.

    >>> default_data_dir().is_absolute()
    True
    """
    folder = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    try:
        return Path(folder).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(
            "`TFDS_DATA_DIR`, the folder of prepared data sets, must be set where there is "
            "no home. Set it to a folder that you may write."
        ) from error


def locate(name: str, folder: Path | None, root: Path) -> Path:
    """The folder of the prepared copy: by way of `folder` if given, else `root`.

    Where neither holds the set, one of the MNIST family is downloaded.

    Raises:
        FileNotFoundError: it is not there and cannot be made here.
        ValueError: an unknown name, damaged files, or a copy in another file format.

    >>> locate("mnist", Path("nowhere"), Path("nowhere"))
    Traceback (most recent call last):
    FileNotFoundError: `folder` must be a folder that exists; got nowhere.
    """
    if folder is not None:
        return _from_folder(name, folder, root)
    if prepared := find_prepared(name, root):
        return prepared
    if name not in SOURCES:
        raise ValueError(_unknown(name, root))
    if (system := SYSTEM_FOLDERS.get(name)) and find_files(system):
        return _from_folder(name, system, root)
    _refuse_unwritable(root)
    if problem := why_unreachable(f"{SOURCES[name].url}{FILES['test_labels']}.gz"):
        raise FileNotFoundError(_how_to_get(name, root, problem))
    try:
        return _prepare(name, root, None)
    except ConnectionError as error:
        raise FileNotFoundError(_how_to_get(name, root, str(error))) from error


def prepared_names(root: str | Path) -> list[str]:
    """The sets that lie prepared below a folder, as `set` or `set/config`.

    >>> prepared_names(Path("nowhere"))
    []
    """
    root = Path(root)
    # a set, or a set and its config, and the version
    patterns = ("*/*/dataset_info.json", "*/*/*/dataset_info.json")
    found = (path.parent.parent for each in patterns for path in root.glob(each))
    return sorted({path.relative_to(root).as_posix() for path in found})


def find_prepared(name: str, root: Path) -> Path | None:
    """The newest version of a set that lies prepared below a folder.

    Raises:
        ValueError: it is prepared in a file format that only TensorFlow reads.
        OSError: it is there and cannot be looked at.

    >>> find_prepared("mnist", Path("nowhere")) is None
    True
    """
    # not by a pattern: what may not be listed would be absent
    inside = sorted((root / name).iterdir()) if exists(root / name) else []
    versions = {
        tuple(int(number) for number in folder.name.split(".")): info
        for folder in inside
        if re.fullmatch(r"\d+\.\d+\.\d+", folder.name)
        and exists(info := folder / "dataset_info.json")
    }
    if not versions:
        return None
    info = versions[max(versions)]
    if (file_format := _file_format(info)) != FILE_FORMAT:
        raise ValueError(
            f"{info.parent} must be prepared as {FILE_FORMAT}, which needs no "
            f"TensorFlow to read; got {file_format}. With TensorFlow installed: "
            f"{build_command(name)} --data_dir=FOLDER, then load with data_dir=FOLDER."
            + (" Without: load with an empty data_dir." if name in SOURCES else "")
        )
    return info.parent


def _file_format(info: Path) -> str:
    try:
        # old copies do not say; there was one format then
        return str(json.loads(info.read_text()).get("fileFormat", "tfrecord"))
    except (ValueError, AttributeError) as error:
        raise ValueError(
            f"{info} is damaged ({error}). Delete {info.parent} and prepare it again."
        ) from error


def _from_folder(name: str, folder: Path, root: Path) -> Path:
    if not exists(folder) or not folder.is_dir():
        raise FileNotFoundError(f"`folder` must be a folder that exists; got {folder}.")
    paths = find_files(folder) if name in SOURCES else {}
    if paths:
        _refuse_incomplete(name, folder, paths)
        # read even if a copy is prepared already: damage must not go unnoticed
        check_official(name, paths)
        prepared = find_prepared(name, root)
        return prepared or _prepare(name, root, read_official(name, paths))
    if prepared := find_prepared(name, folder):
        return prepared
    if name not in SOURCES:
        raise ValueError(_unknown(name, folder))
    raise FileNotFoundError(_how_to_get(name, folder, f"nothing of it is in {folder}"))


def _prepare(name: str, root: Path, arrays: dict[str, np.ndarray] | None) -> Path:
    _refuse_unwritable(root)
    try:
        prepare(name, root, arrays)
    except OSError:
        # another process may have been faster; its copy is as good
        if find_prepared(name, root) is None:
            raise
    prepared = find_prepared(name, root)
    if prepared is None:
        raise FileNotFoundError(f"{name} was prepared but is not in {root / name}.")
    return prepared


def _refuse_incomplete(name: str, folder: Path, paths: dict[str, Path]) -> None:
    missing = [file for key, file in FILES.items() if key not in paths]
    if missing:
        raise FileNotFoundError(
            f"`folder` must hold the four IDX files of {name}, each as it is or as "
            f".gz; {folder} lacks {', '.join(missing)}."
        )


def _refuse_unwritable(root: Path) -> None:
    """Before the work, not after it."""
    nearest = next(parent for parent in (root, *root.parents) if parent.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
        raise PermissionError(
            f"`data_dir` must be a folder that can be written to; got {root}. Pass "
            "another one, or set TFDS_DATA_DIR."
        )


def build_command(name: str) -> str:
    """What prepares a set, on a machine that has TensorFlow."""
    return f"tfds build {name} --file_format={FILE_FORMAT}"


def _unknown(name: str, root: Path) -> str:
    """For a set that cannot be prepared here, or does not exist."""
    known = sorted({*SOURCES, "digits", *prepared_names(root)})
    meant = path_hint(name)
    if meant:  # and no command that would fetch it
        return f"`name` must be one of {', '.join(known)}; got {name!r}.{meant}"
    return (
        f"`name` must be one of {', '.join(known)}, or an image set of "
        f"tensorflow-datasets that lies prepared in {root}; got "
        f"{name!r}.{did_you_mean(name, known)} "
        "To prepare one, where there is a network:\n"
        f"  pip install tensorflow tensorflow-datasets && {build_command(name)}\n"
        f"then copy ~/tensorflow_datasets/{name} from there to {root / name}"
    )


def _how_to_get(name: str, root: Path, problem: str) -> str:
    """For a set of the MNIST family that is not here."""
    url, files = SOURCES[name].url, ",".join(f"{file}.gz" for file in FILES.values())
    lines = [
        f"{name} is not on this machine: not in {root / name}, and {problem}.",
        "Any of these helps:",
        "- fetch its four files where there is a network, into a folder to copy here:",
        f'    curl -fO "{url}{{{files}}}"',
        f'  and name that folder: data.load("{name}", folder="FOLDER")',
        "- or prepare it where there is a network, with this package:",
        f"    python -c \"from vae_jax import data; data.load('{name}')\"",
        "  or with TensorFlow:",
        f"    pip install tensorflow tensorflow-datasets && {build_command(name)}",
        f"  then copy ~/tensorflow_datasets/{name} from there to {root / name}",
    ]
    if name in SYSTEM_FOLDERS:
        lines += ["- or, on Debian and Ubuntu:", f"    apt-get install dataset-{name}"]
    return "\n".join(lines).replace("dataset-fashion_mnist", "dataset-fashion-mnist")
