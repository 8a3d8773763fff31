"""When we are root, prepare a user for Postgres without opening to it any directory that was closed."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from pathlib import Path

from headrace.embedded.child_environ import environ_of_servers
from headrace.embedded.errors import HomeError, ServerError
from headrace.embedded.private_files import cannot_write


def make_user(user: str) -> None:
    """Make a system user without a login, if it is missing.

    Raises:
        ServerError: The user cannot be made.
    """
    try:
        pwd.getpwnam(user)
        return
    except KeyError:
        pass
    try:
        argv = ("useradd", "--system", "--no-create-home", "--shell", "/bin/false", user)
        environ = environ_of_servers(os.environ)
        subprocess.run(argv, check=True, capture_output=True, env=environ)  # noqa: S603 - every word is ours
    except (OSError, subprocess.CalledProcessError) as error:
        raise ServerError(
            f"Postgres does not run as root, and the user {user!r} for it cannot be made: make it, or start Headrace as an ordinary user"
        ) from error


def check_named() -> None:
    """Check that this user has a name, as initdb asks for.

    Raises:
        ServerError: The user id has no entry in the user database, as in a container that is run with an id alone.
    """
    uid = os.geteuid()
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise ServerError(
            f"Postgres cannot be set up by the user id {uid}, which has no name: add the id to /etc/passwd "
            f"(headrace:x:{uid}:{os.getegid()}::/:/bin/false), start Headrace as a user that has a name, or set "
            "HEADRACE_DATABASE_URL to another Postgres"
        ) from None


def uid_of(user: str) -> int:
    """Return the uid of a user that exists."""
    return pwd.getpwnam(user).pw_uid


def check_enterable(path: Path, user: str, remedy: str) -> None:
    """Check that a user may enter every directory above ``path``, by its own permissions or those of its groups.

    Raises:
        ServerError: The user may not enter a directory. The message names it, and says ``remedy``.
    """
    entry = pwd.getpwnam(user)
    groups = os.getgrouplist(user, entry.pw_gid)
    for directory in path.resolve().parents:
        status = directory.stat()
        if status.st_uid == entry.pw_uid:
            needed = stat.S_IXUSR
        elif status.st_gid in groups:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not status.st_mode & needed:
            raise ServerError(
                f"Postgres does not run as root but as the user {user!r}, who may not enter {directory}: {remedy}, "
                "or start Headrace as an ordinary user"
            )


def make_in_shared_directory(path: Path, user: str) -> None:
    """Make a directory, 0700, where others may write too; use one that exists only if it belongs to us or ``user``.

    Raises:
        HomeError: The directory belongs to another user.
    """
    try:
        path.mkdir(mode=0o700)
        return
    except FileExistsError:
        status = path.lstat()
    except OSError as error:
        raise cannot_write(path, error) from error
    owners = [os.geteuid(), *([uid_of(user)] if user else [])]
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in owners:
        raise HomeError(f"{path} is another user's: remove it, or set HEADRACE_HOME to a shorter path")
    path.chmod(0o700)
