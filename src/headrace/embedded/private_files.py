"""Make directories and files that no other user may read."""

from __future__ import annotations

import os
from pathlib import Path

from headrace.embedded.errors import HomeError


def private_directory(path: Path, mode: int = 0o700) -> Path:
    """Make a directory with a mode, or set the mode of one that exists.

    Raises:
        HomeError: The directory cannot be made, or belongs to another user.
    """
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        path.chmod(mode)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError("not writable")
    except OSError as error:
        raise cannot_write(path, error) from error
    return path


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole, with mode 0600: a reader sees the old text or the new one.

    Raises:
        HomeError: The file cannot be written.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> HomeError:
    """Make the error for a path of the home that cannot be written."""
    return HomeError(f"{path} cannot be written ({error.strerror or error}): set HEADRACE_HOME to a directory of yours")
