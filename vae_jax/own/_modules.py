"""The files of the user's own code: a module, and what it imports of the user's.

A module is the user's own if it lies neither in the standard library nor among installed
packages; `vae_jax` is not. Of an installed module that is named only its own file counts.
"""

import ast
import functools
import hashlib
import importlib
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import resolve_name
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from vae_jax.records import is_foreign


def _bytes_of_main() -> bytes | None:
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(file).read_bytes() if file and Path(file).is_file() else None


MAIN = _bytes_of_main()
"""A script runs as it was when it began, whatever is written into its file later."""


def own_files(name: str) -> dict[str, Path]:
    """The file of a module and those of all own modules that it imports.

    Imports are read from the text, those inside of functions too; nothing is run. A module
    that is imported by a computed name is not found.
    """
    found: dict[str, Path] = {}
    todo = [name]
    while todo:
        module = todo.pop()
        path = None if module in found else file_of(module)
        if path is None or not (module == name or _is_own(module, path)):
            continue
        found[module] = path
        is_package = path.name == "__init__.py"
        package = module if is_package else module.rpartition(".")[0]
        if module == "__main__":
            package = sys.modules[module].__package__ or ""
        if _is_own(module, path):
            todo += [*_imports(content(module, path), package), *_parents(module)]
    return found


def content(module: str, path: Path) -> bytes:
    """The bytes of a module; those of a script as it began."""
    return MAIN if module == "__main__" and MAIN is not None else path.read_bytes()


def digest_of(content: bytes) -> str:
    """SHA-256."""
    return hashlib.sha256(content).hexdigest()


def file_of(name: str) -> Path | None:
    """The file that an import of this module would run; None if it has none."""
    if name == "__main__":
        file = getattr(sys.modules[name], "__file__", None)
    else:
        spec = find(name)
        file = spec.origin if spec is not None and spec.has_location else None
    path = None if file is None else Path(file).absolute()
    return path if path is not None and path.is_file() else None


def find(name: str) -> ModuleSpec | None:
    """How a module would be imported, without importing it or its parents."""
    path: Any = None
    spec = None
    for module in [*_parents(name), name]:
        spec = _find_in(module, path)
        if spec is None:
            return None
        path = spec.submodule_search_locations or ()
    return spec


def _find_in(name: str, path: Any) -> ModuleSpec | None:
    for finder in sys.meta_path:
        if isinstance(finder, FromSourceFinder):
            continue
        try:
            spec = finder.find_spec(name, path)
        except (ImportError, KeyError, AttributeError, ValueError):
            # finders may ask for parents that are not imported
            continue
        if spec is not None:
            return spec
    return None


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def _is_own(module: str, path: Path) -> bool:
    if module.partition(".")[0] == "vae_jax":
        return False
    return not is_foreign(path)


@functools.lru_cache(maxsize=1024)
def _imports(source: bytes, package: str) -> tuple[str, ...]:
    try:
        tree = ast.parse(source)
    except (
        SyntaxError,
        ValueError,
    ):  # an extension, or what the import will say itself
        return ()
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (base := _base(node, package)):
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(each for name in found for each in (*_parents(name), name))


def _base(node: ast.ImportFrom, package: str) -> str:
    try:
        return resolve_name("." * node.level + (node.module or ""), package)
    except ImportError:  # beyond the top: the import will say so itself
        return ""


class FromSource(SourceFileLoader):
    """Runs the file as it is: compiled copies are told by second and size alone."""

    def get_code(self, fullname: str) -> CodeType:
        """Compiled from the file."""
        return self.source_to_code(self.get_data(self.path), self.path)


class FromSourceFinder:
    """Finds these modules first, and has them run from their files."""

    def __init__(self, names: set[str]) -> None:
        """For modules of these names."""
        self.names = names

    def find_spec(
        self, name: str, path: Any = None, target: Any = None
    ) -> ModuleSpec | None:
        """As the other finders do, but for the compiled copy."""
        spec = _find_in(name, path) if name in self.names else None
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = FromSource(spec.loader.name, spec.loader.path)
        return spec


def import_from_source(name: str, names: set[str]) -> ModuleType:
    """Import a module; it and these others run from their files."""
    finder = FromSourceFinder(names)
    sys.meta_path.insert(0, finder)
    try:
        return importlib.import_module(name)
    finally:
        sys.meta_path.remove(finder)
