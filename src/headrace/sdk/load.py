"""Loading the kinds of a package. Part of the SDK; import from `headrace.task`."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import cast

from headrace.sdk.kind import AnyKind, Kind, KindError


def load_kinds(package: str, only: Iterable[str] = ()) -> dict[str, AnyKind]:
    """Import every module of a package and collect the kinds defined there.

    A module whose name begins with ``_`` is private: it holds what kinds import, and is not searched for kinds.

    Args:
        package: An importable package, or a single module.
        only: Names of kinds to keep; all when empty.

    Raises:
        KindError: the package or one of its modules cannot be imported, two kinds share a name, there is no kind, or one
            of ``only`` does not exist. The message names the file.
    """
    wanted = set(only)
    here = str(Path.cwd())
    if here not in sys.path:
        # Python does not search the working directory when it runs a console script.
        sys.path.insert(0, here)
    kinds: dict[str, AnyKind] = {}
    for kind in _all_kinds(package):
        known = kinds.setdefault(kind.name, kind)
        if known is not kind:
            raise KindError(f"{kind.file}: kind {kind.name!r} is already defined in {known.file}; rename one of them")
    if not kinds:
        raise KindError(f"{package}: no kinds found; decorate a handler with @task")
    if unknown := sorted(wanted - kinds.keys()):
        raise KindError(f"{package}: no kind {', '.join(map(repr, unknown))}; there are {', '.join(sorted(kinds))}")
    return {name: kind for name, kind in sorted(kinds.items()) if not wanted or name in wanted}


def _all_kinds(package: str) -> Iterator[AnyKind]:
    """Every kind of a package, once for each module that has it."""
    for module in _import_all(package):
        for value in vars(module).values():
            if isinstance(value, Kind):
                yield cast("AnyKind", value)


def _import_all(name: str) -> Iterator[ModuleType]:
    """Import a module and, when it is a package, all modules in it that are not private."""
    module = _import(name)
    yield module
    for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if not found.name.startswith("_"):
            yield from _import_all(f"{name}.{found.name}")


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except KindError:
        raise
    except Exception as error:
        spec = importlib.util.find_spec(name) if "." in name or name in sys.modules else None
        where = spec.origin if spec and spec.origin else name
        raise KindError(f"{where}: cannot be imported: {type(error).__name__}: {error}") from error
