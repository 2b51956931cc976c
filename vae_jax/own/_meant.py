"""What a name that finds no module may have meant."""

from pathlib import Path

from vae_jax.records import did_you_mean

MOST = 1000
"""Files of a folder that are looked at."""


def meant(module: str, name: str) -> str:
    """The name of a module whose file was given, as a sentence; nothing for other names.

    >>> meant("models/m1.py", "good"), meant("m1", "good")
    (' Write `models.m1:good`.', '')
    """
    file = module.removeprefix("./").replace("\\", "/")
    parts = file.removesuffix(".py").split("/")
    parts = [word for part in parts for word in part.split(".")]
    is_file = file != ".".join(parts) and name.isidentifier()
    if not is_file or not all(part.isidentifier() for part in parts):
        return ""
    return f" Write `{'.'.join(parts)}:{name}`."


def nearest(module: str) -> str:
    """The module of the working directory whose name is close to this one, or nothing.

    >>> nearest("no_name_is_like_this_one")
    ''
    """
    *folders, _ = module.split(".")
    folder = Path(*folders) if folders else Path()
    known = [
        ".".join([*folders, path.stem])
        for path, _ in zip(sorted(folder.glob("*.py")), range(MOST), strict=False)
    ]
    return did_you_mean(module, known)
