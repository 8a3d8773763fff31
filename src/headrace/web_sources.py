"""What the web app is built from, as one hash. The build of the package reads this file too, and has nothing but Python.

`python src/headrace/web_sources.py frontend frontend/dist` marks an app that npm has built, where nobody else could have changed
its sources meanwhile: in the build of an image.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

STAMP = ".sources"  # in the built app: the hash of what it was built from

# What an app is not built from: what is installed and built, and what stands in for its API.
_OTHERS = frozenset({"node_modules", "dist", "dist.building", "dist.old", "dist.lock", "coverage", "mock"})
_TEST = ".test.ts"


def hash_of_sources(frontend: Path) -> str:
    """Return a hash of all that the app is built from, names included."""
    digest = hashlib.sha256()
    for file in _files(frontend):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(frontend).as_posix()}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def is_current(frontend: Path, built: Path) -> bool:
    """Tell whether an app was built from the sources as they are now."""
    try:
        return (built / STAMP).read_text() == hash_of_sources(frontend)
    except OSError:
        return False


def _files(directory: Path) -> Iterator[Path]:
    for entry in sorted(directory.iterdir()):
        if entry.name in _OTHERS or entry.name.endswith(_TEST):
            continue
        if entry.is_dir():
            yield from _files(entry)
        elif entry.is_file():
            yield entry


def mark(frontend: Path, built: Path) -> None:
    """Note in an app that it was built from the sources as they are now."""
    (built / STAMP).write_text(hash_of_sources(frontend))


if __name__ == "__main__":
    mark(*map(Path, sys.argv[1:3]))
