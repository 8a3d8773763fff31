"""Make directories and files that no other user may read."""

from __future__ import annotations

import errno
import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from headrace.embedded.errors import HomeError


def private_directory(path: Path, mode: int = 0o700, owners: Iterable[int] = ()) -> Path:
    """Make a directory with a mode, or set the mode of one that exists.

    Args:
        path: The directory. Directories above it that are missing are made with the same mode.
        mode: Who may enter, read and write.
        owners: The uids of other users that it may belong to.

    Raises:
        HomeError: The directory cannot be made, or belongs to another user, who could exchange the files in it.
    """
    try:
        _make(path, mode)
        owner = path.stat().st_uid
        if owner not in (os.geteuid(), *owners):
            raise HomeError(
                f"{path} belongs to another user (uid {owner}), who could exchange the files in it: "
                "set HEADRACE_HOME to a directory of yours, or make it yours with chown"
            )
        path.chmod(mode)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError("not writable")
    except OSError as error:
        raise cannot_write(path, error) from error
    return path


def _make(path: Path, mode: int) -> None:
    """Make a directory and those above it with a mode, whatever the umask is."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for directory in reversed(missing):
        directory.mkdir(mode=mode, exist_ok=True)
        directory.chmod(mode)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole, with mode 0600: a reader sees the old text or the new one.

    Raises:
        HomeError: The file cannot be written.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> HomeError:
    """Make the error for a path of the home that cannot be written."""
    return HomeError(f"{path} cannot be written ({error.strerror or error}): set HEADRACE_HOME to a directory of yours")


def in_unicode(path: Path) -> str:
    """Write a path for a file in UTF-8, also where the locale has another encoding.

    Raises:
        HomeError: The path is not Unicode, or has a control character such as a line break.
    """
    try:
        text = os.fsencode(path).decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if not text or any(unicodedata.category(character) == "Cc" for character in text):
        raise HomeError(
            f"{str(path)!r} cannot be used, because it has a line break, another control character, or a byte that is not "
            "UTF-8: set HEADRACE_HOME to a directory without"
        )
    return text
