"""A Python that any user may run, as the one of an image is."""

from __future__ import annotations

import shutil
import stat
import sys
from pathlib import Path
from typing import NamedTuple

_LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", "test", "tests", "idle_test", "site-packages", "*.a", "share", "include"
)
OTHERS_ENTER = stat.S_IROTH | stat.S_IXOTH


class Interpreter(NamedTuple):
    """An interpreter, and the variables with which it finds its own library."""

    path: Path
    variables: dict[str, str]


def find_interpreter(place: Path) -> Interpreter:
    """Return the Python of the tests, or a copy of it below a directory where others may not enter its own."""
    prefix = Path(sys.base_prefix).resolve()
    name = f"bin/python{sys.version_info.major}.{sys.version_info.minor}"
    if all(each.stat().st_mode & OTHERS_ENTER == OTHERS_ENTER for each in (prefix, *prefix.parents)):
        return Interpreter(prefix / name, {})
    shutil.copytree(prefix, place, symlinks=True, ignore=_LEFT_OUT)
    return Interpreter(place / name, {"LD_LIBRARY_PATH": str(place / "lib")})
