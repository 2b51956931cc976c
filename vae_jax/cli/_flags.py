"""Flags of the command line as plain settings of a run."""

import os
import re
from collections.abc import Sequence
from typing import Any, get_args, get_origin

from vae_jax.configs import field_kinds, find_own, names, plain_value
from vae_jax.records import did_you_mean
from vae_jax.userdata import form_of

NUMBER = re.compile(r"[-+]?\d+\.?\d*(e[-+]?\d+)?")


def read_flags(words: Sequence[str], own: dict[str, type]) -> dict[str, Any]:
    """Values by name: `--name value ...`, `--name=value`, `--flag` and `--no-flag`.

    Args:
        words: after the command.
        own: the command's own options beside settings of a run, and their types.

    Raises:
        ValueError: a word that is no flag, an unknown one, one that is given twice or has
            no value, or a value of another type.

    >>> read_flags(["--beta", "2", "--hidden", "64", "32", "--remat"], {})
    {'beta': 2.0, 'hidden': [64, 32], 'remat': True}
    """
    values: dict[str, Any] = {}
    grouped = _grouped(words)
    for flag, given in grouped:  # settings of one's own records are known by then
        find_own(flag.replace("-", "_"), " ".join(given))
    for flag, given in grouped:
        name, value = _setting(flag, given, own)
        if name in values:
            raise ValueError(f"`{name}` must be given once; got it twice.")
        values[name] = value
    return values


def _grouped(words: Sequence[str]) -> list[tuple[str, list[str]]]:
    grouped: list[tuple[str, list[str]]] = []
    for word in words:
        if word.startswith("--") and len(word) > 2:
            flag, equals, value = word.partition("=")
            grouped.append((flag[2:], [value] if equals else []))
        elif grouped:
            grouped[-1][1].append(word)
        else:
            raise ValueError(
                f"a flag must begin with two dashes; got {word!r}.{_meant(word)}"
            )
    return grouped


def _meant(word: str) -> str:
    """What a word without a flag may be: a path to data, or a flag without its dashes.

    >>> _meant("pics/"), _meant("beta")
    (' Write `--dataset pics/`.', ' Did you mean `--beta`?')
    """
    if form_of(word) is not None:
        return f" Write `--dataset {word}`."
    if os.path.isdir(word):
        return f" Write `--dataset {word}/`."
    if word.replace("-", "_") in names():
        return f" Did you mean `--{word}`?"
    return ""


def _setting(flag: str, given: list[str], own: dict[str, type]) -> tuple[str, Any]:
    name = flag.replace("-", "_")
    known = [*own, *names()]
    negated = name.removeprefix("no_")
    if name not in known and negated in known and bool in _kinds(negated, own):
        if given:
            raise ValueError(f"`--{flag}` takes no value; got {given[0]!r}.")
        return negated, False
    if name not in known:
        raise ValueError(
            f"`--{flag}` is no flag of this command."
            f"{did_you_mean(f'--{flag}', [_flag(each) for each in known])} "
            "`vae-jax train --help` shows them."
        )
    return name, _value(name, given, _kinds(name, own))


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _kinds(name: str, own: dict[str, type]) -> tuple[Any, ...]:
    return (own[name],) if name in own else field_kinds(name)


def _value(name: str, given: list[str], kinds: tuple[Any, ...]) -> Any:
    lists = [kind for kind in kinds if get_origin(kind) is tuple]
    truth = {"true": True, "false": False}
    if bool in kinds and (not given or " ".join(given).lower() in truth):
        return not given or truth[given[0].lower()]
    if kinds == (bool,):
        raise ValueError(f"`{name}` must be true or false; got {' '.join(given)}.")
    if not given:
        raise ValueError(f"`{_flag(name)}` must have a value; got none.")
    if type(None) in kinds and "none" not in kinds and given == ["none"]:
        return None
    if lists:
        element = get_args(lists[0])[0]
        return [_number(name, word, (element,), is_list=True) for word in given]
    if len(given) > 1:
        raise ValueError(
            f"`{_flag(name)}` takes one value; got {' '.join(given)}."
            f"{_several(name, given)}"
        )
    return _number(name, given[0], kinds)


def _several(name: str, values: list[str]) -> str:
    """How a run of each of several values is asked for."""
    listed = ", ".join(values)
    return (
        f" A run has one; `vae-jax sweep FILE.toml`, with `{name} = [{listed}]` below "
        "[[grid]] in the file, trains a run of each."
    )


def _number(
    name: str, word: str, kinds: tuple[Any, ...], *, is_list: bool = False
) -> Any:
    if type(None) in kinds and plain_value(name, word) is None:
        return None
    for kind in (int, float):
        if kind in kinds:
            try:
                return kind(word)
            except ValueError:
                continue
    if str in kinds or any(isinstance(kind, str) for kind in kinds):
        return word
    if not {int, float} & set(kinds):
        return word
    whole = "a number" if float in kinds else "a whole number"
    parts = [part.strip() for part in re.split("[,x*]", word)]
    hint = ""
    if len(parts) > 1 and all(NUMBER.fullmatch(part) for part in parts):
        spaced = f" Write {' '.join(parts)}, with spaces."
        hint = spaced if is_list else _several(name, parts)
    raise ValueError(f"`{name}` must be {whole}; got {word!r}.{hint}")
