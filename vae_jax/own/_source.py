"""Functions of the user's that a config names: found, called, and known by their source.

A name is `package.module:function`. It is looked for in the working directory first, as
`python -m` does, and a file that has changed since it was imported is loaded anew.
"""

import functools
import importlib
import inspect
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any

from vae_jax.own._meant import meant, nearest
from vae_jax.own._modules import (
    content,
    digest_of,
    file_of,
    import_from_source,
    own_files,
)
from vae_jax.records import did_you_mean

ARGUMENTS = ("config", "event_shape")
"""What the function of `model` is called with."""

STARTED = time.time()
IMPORTED: dict[str, str] = {}
"""The digests of own modules, as they were imported."""


def user_function(
    path: str, field: str = "model", arguments: tuple[str, ...] = ARGUMENTS
) -> Callable[..., Any]:
    """The function that `package.module:function` names, as its file is now.

    Args:
        path: looked for in the working directory, then as Python does.
        field: of the config, for messages.
        arguments: what it will be called with.

    Raises:
        ValueError: no such module or function; the module cannot be imported, with the
            part of its traceback that is the user's; a class; it does not take these
            arguments.

    >>> user_function("vae_jax.assembly:job", arguments=("config",)).__name__
    'job'
    """
    function = user_object(path, field)
    _check_callable(function, path, field, arguments)
    return function  # type: ignore[no-any-return]


def user_object(path: str, field: str) -> Any:
    """What `package.module:name` names, as its file is now.

    Raises:
        ValueError: see `user_function`.

    >>> user_object("vae_jax.vae:VAE", "model").__name__
    'VAE'
    """
    module_name, _, name = path.partition(":")
    dotted = all(part.isidentifier() for part in module_name.split("."))
    if not dotted or not name.isidentifier():
        raise ValueError(
            f"`{field}` must be `package.module:function`, dots in the module and a name "
            f"after the colon; got {path!r}.{meant(module_name, name)}"
        )
    module = _current_module(module_name, path, field)
    if not hasattr(module, name):
        raise ValueError(
            f"`{field}` must name what is in {module_name}; got {path!r}, and it has no "
            f"{name!r}.{did_you_mean(name, dir(module))}"
        )
    return getattr(module, name)


def source_digest(function: str | Callable[..., Any]) -> str:
    """SHA-256 of the file that defines a function, and of the own modules it imports.

    Own is what lies neither in the standard library nor among installed packages;
    `vae_jax` is not. Imports inside of functions count, modules that are imported by a
    computed name do not, nor does what a function closes over. A function without a file
    is known by its bytecode and constants.

    Args:
        function: itself, or `package.module:function`.

    Raises:
        ValueError: see `user_function`.

    >>> len(source_digest(lambda config: config.beta))
    64
    """
    if isinstance(function, str):
        name, function = function.partition(":")[0], user_object(function, "source")
        files = own_files(name)
    else:
        function = _innermost(function)
        name = getattr(function, "__module__", None) or type(function).__module__
        files = own_files(name) if _is_in_its_file(function, name) else {}
    if files:
        lines = [
            f"{module} {digest_of(content(module, path))}\n"
            for module, path in sorted(files.items())
        ]
        return digest_of("".join(lines).encode())
    code = getattr(function, "__code__", None)
    found = _of_code(code) if code else (name, getattr(function, "__qualname__", ""))
    return digest_of(repr(found).encode())


def _current_module(name: str, path: str, field: str) -> ModuleType:
    """The module, loaded anew with its own imports if one of their files has changed."""
    folder = os.getcwd()
    if folder not in sys.path:
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
    files = own_files(name)
    digests = {own: digest_of(content(own, file)) for own, file in files.items()}
    if any(_has_changed(own, files[own], digests[own]) for own in files):
        for own in files.keys() - {"__main__"}:
            sys.modules.pop(own, None)
    if name in sys.modules:
        return sys.modules[name]
    try:
        module = import_from_source(name, set(files))
    except (Exception, SystemExit) as error:
        for own in files.keys() - {"__main__"}:
            sys.modules.pop(own, None)
        raise ValueError(_why_not(error, name, path, field)) from error
    # some are found only once their parents are imported
    later = {own: digest_of(content(own, f)) for own, f in own_files(name).items()}
    found = later | digests
    IMPORTED.update({own: found[own] for own in found if own in sys.modules})
    return module


def _has_changed(name: str, file: Path, digest: str) -> bool:
    if name == "__main__" or name not in sys.modules:
        return False
    loaded = getattr(sys.modules[name], "__file__", None)
    if loaded is None or Path(loaded).absolute() != file:
        return True
    if name in IMPORTED:
        return IMPORTED[name] != digest
    # somebody else has imported it: as it is now, unless it was written since then
    return file.stat().st_mtime > STARTED


def _why_not(error: BaseException, name: str, path: str, field: str) -> str:
    missing = getattr(error, "name", None)
    if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{missing}."):
        hint = meant(name, path.partition(":")[2]) or nearest(name)
        return (
            f"`{field}` {path} cannot be imported: there is no module {missing!r} in the "
            f"working directory, {os.getcwd()}, nor among those installed. Run from the "
            f"folder of its file, or install it.{hint}"
        )
    return (
        f"`{field}` {path} cannot be imported: {name} raises {type(error).__name__}:\n"
        f"{_own_traceback(error)}"
    )


def _own_traceback(error: BaseException) -> str:
    """From the first frame on that is neither ours nor the import system's."""
    here = str(Path(__file__).parent)
    skipped: TracebackType | None = error.__traceback__
    while skipped is not None:
        file = skipped.tb_frame.f_code.co_filename
        if not file.startswith(
            (here, "<frozen importlib", os.path.dirname(os.__file__))
        ):
            break
        skipped = skipped.tb_next
    shown = traceback.TracebackException(type(error), error, skipped)
    # JAX notes that it hides frames of its own
    shown.__notes__ = None
    return "".join(shown.format(chain=False)).rstrip()


def _check_callable(
    function: Any, path: str, field: str, arguments: tuple[str, ...]
) -> None:
    called = f"a function that is called with ({', '.join(arguments)})"
    if isinstance(function, type) or not callable(function):
        kind = "a class" if isinstance(function, type) else repr(type(function))
        raise ValueError(f"`{field}` must name {called}; got {path!r}, {kind}.")
    if not arguments:
        return
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        raise ValueError(
            f"`{field}` must name {called}; got {path!r}, whose signature is "
            f"{inspect.signature(function)}: {error}."
        ) from error
    except ValueError:  # a builtin without a signature says for itself what it takes
        return


def _innermost(function: Any) -> Any:
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            return function


def _is_in_its_file(function: Any, module: str) -> bool:
    """Not typed into a prompt, nor made from a string."""
    file = file_of(module) if module in sys.modules else None
    code = getattr(function, "__code__", None)
    return file is not None and (
        code is None or Path(code.co_filename).absolute() == file
    )


def _of_code(value: Any) -> Any:
    """Bytecode and constants, nested ones too, in an order that is always the same."""
    if isinstance(value, CodeType):
        parts = [_of_code(constant) for constant in value.co_consts]
        return value.co_code.hex(), value.co_names, value.co_varnames, parts
    if isinstance(value, frozenset):
        return sorted(map(repr, value))
    return repr(value)
