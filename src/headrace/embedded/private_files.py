"""Make directories and files that no other user may read."""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from headrace.embedded.errors import HomeError

ROOT = 0  # the uid of root, which can change everything anyway
OTHERS = 0o077  # the bits of a mode for everybody but the owner
OF_POSTGRES = "postgres"


def private_directory(path: Path, mode: int = 0o700, owners: Iterable[int] = ()) -> Path:
    """Make a directory with a mode, or set the mode of one that exists.

    Args:
        path: The directory. Directories above it that are missing are made with the same mode.
        mode: Who may enter, read and write.
        owners: The uids of other users that it may belong to.

    Raises:
        HomeError: The directory cannot be made, belongs to another user, who could exchange the files in it, or has something of
            another user: others could write in it once.
    """
    try:
        _make(path, mode)
        owner = path.stat().st_uid
        if owner not in (os.geteuid(), *owners):
            raise HomeError(
                f"{path} belongs to another user (uid {owner}), who could exchange the files in it: "
                "set HEADRACE_HOME to a directory of yours, or make it yours with chown"
            )
        # A link to a directory of ours may be another user's.
        if (owner_of_link := path.lstat().st_uid) not in (ROOT, os.geteuid(), *owners):
            raise _not_ours(path, owner_of_link)
        path.chmod(mode)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError("not writable")
        # Only now, when nobody else can add anything.
        _check_entries(path, {ROOT, os.geteuid(), *owners})
    except OSError as error:
        raise cannot_write(path, error) from error
    return path


def _check_entries(path: Path, owners: set[int]) -> None:
    with os.scandir(path) as entries:
        for entry in entries:
            owner = entry.stat(follow_symlinks=False).st_uid
            # The user that Postgres runs as when we are root has a directory, of which `EmbeddedPostgres` checks the owner.
            is_checked_later = entry.name == OF_POSTGRES and entry.is_dir(follow_symlinks=False)
            if owner not in owners and not is_checked_later:
                raise _not_ours(Path(entry.path), owner)


def _not_ours(path: Path, owner: int) -> HomeError:
    return HomeError(
        f"{path} belongs to another user (uid {owner}), who may have written it: remove it, "
        "or make it yours with chown if you trust what is in it"
    )


def read_private(path: Path) -> bytes:
    """Read a file that nobody else may have written or read: a secret, or what a command is to trust.

    Raises:
        OSError: The file cannot be read.
        HomeError: It is a link, or no file, or belongs neither to this user nor to the owner of its directory; or its mode is open
            to others.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _is_no_file(path) from None
        raise
    with os.fdopen(descriptor, "rb") as file:
        check_private(path, descriptor)
        return file.read()


def check_private(path: Path, descriptor: int) -> None:
    """Check an open file of a private directory as `read_private` does.

    Raises:
        HomeError: It is not for this user alone.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise _is_no_file(path)
    # Root uses the home of another user when it is named.
    if status.st_uid not in (ROOT, os.geteuid(), path.parent.stat().st_uid):
        raise _not_ours(path, status.st_uid)
    if status.st_mode & OTHERS:
        raise HomeError(
            f"{path} is open to other users (mode {stat.S_IMODE(status.st_mode):04o}): remove it, or close it with "
            f"chmod 600 {path} if nobody can have read or changed it"
        )


def _is_no_file(path: Path) -> HomeError:
    return HomeError(f"{path} is a link, or something else that is no file: remove it")


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
