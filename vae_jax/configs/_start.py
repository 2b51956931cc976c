"""Where a run begins: the text `FOLDER:MEMBER`, which names parameters of another run."""

from vae_jax.records import normal_folder, shown


def split_start(said: str) -> tuple[str, int]:
    """The folder and the member's number.

    Raises:
        ValueError: it is no such text.

    >>> split_start("runs/first/:3")
    ('runs/first', 3)
    """
    folder, _, member = said.rpartition(":")
    if not folder or not (member.isascii() and member.isdigit()) or len(member) > 9:
        raise ValueError(
            "`init_from` must be a run folder and the number of a member in it, "
            f"FOLDER:MEMBER; got {shown(said)}. Write `runs/first:0` for the first one."
        )
    return normal_folder(folder), int(member)
