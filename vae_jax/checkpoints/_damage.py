"""Which saves of a folder are not what was saved, without restoring any."""

import os
from pathlib import Path

from vae_jax.checkpoints._folders import saves
from vae_jax.checkpoints._record import Damage, check_files, read_record


def damage(folder: str | os.PathLike[str]) -> dict[Path, str]:
    """The saves of a folder that are damaged, and what is wrong with each.

    Every byte of every save is read, and compared with the record of it.

    Raises:
        OSError: a file cannot be read; that is no damage.

    >>> damage("no/such/folder")
    {}
    """
    found = {}
    for save in saves(Path(folder).absolute()):
        try:
            record = read_record(save.path, save.step)
            check_files(save.path / "arrays", record["files"])
        except Damage as error:
            if save.path.exists():  # else it was dropped for a newer one meanwhile
                found[save.path] = str(error)
    return found
