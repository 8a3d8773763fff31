"""Loading the kinds of a package. Part of the SDK; import from `headrace.task`."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import cast

from headrace.sdk.kind import AnyKind, Kind, KindError

SAMPLES = "headrace.samples"  # where a wheel has the kinds of consumers/


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
    _search_working_directory()
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


def _search_working_directory() -> None:
    """Let imports find what is in the working directory, where Python does not search when it runs a console script."""
    # The directory may have been deleted.
    with suppress(FileNotFoundError):
        if (here := str(Path.cwd())) not in sys.path:
            sys.path.insert(0, here)


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
    except (Exception, SystemExit) as error:
        file = _file_of(name)
        said = f"{file}: cannot be imported: {type(error).__name__}: {error}"
        raise KindError(said + _line_in(file, error) + _hint_for(name, error)) from error


def _line_in(file: str, error: BaseException) -> str:
    """Say which line of a module did not work; empty when none of its lines was run."""
    lines = [number for frame, number in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    return f" (line {lines[-1]})" if lines else ""


def _hint_for(name: str, error: BaseException) -> str:
    """Say what to do when a module is not found: the package itself, or a library of the sample kinds."""
    if not isinstance(error, ModuleNotFoundError):
        return ""
    if name.partition(".")[0] == error.name:
        return (
            "; it has to be installed, in the working directory, or in a directory of PYTHONPATH. "
            "`headrace init` writes a first one, and HEADRACE_CONSUMERS names another"
        )
    if name == SAMPLES or name.startswith(f"{SAMPLES}."):
        return "; what they need comes with `pip install 'headrace[samples]'`. A checkout of Headrace has them as `consumers`"
    return ""


def _file_of(name: str) -> str:
    """The file of a module that cannot be imported; its name when there is none."""
    try:
        spec = importlib.util.find_spec(name) if "." in name or name in sys.modules else None
    except (ImportError, AttributeError, ValueError):
        # The package that it would be in is missing, or is none.
        spec = None
    return spec.origin if spec and spec.origin else name
