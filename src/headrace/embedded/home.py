"""The data directory of `headrace up`. It belongs to one user, and one `up` at a time uses it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import platformdirs
import psutil
from msgspec import Struct

from headrace.embedded.errors import HomeError
from headrace.embedded.private_files import (
    OF_POSTGRES,
    cannot_write,
    check_private,
    in_unicode,
    private_directory,
    read_private,
    write_private,
)
from headrace.embedded.process import end_left_over

ROOT_HOME = Path("/var/lib/headrace")  # root's own directories are closed to the user that Postgres runs as
TOKEN_BYTES = 32
LEFT_OVER_SECONDS = 10.0  # a process of an earlier run has lost NATS too; its tasks are redelivered
CREATED_TOLERANCE_SECONDS = 5.0  # the clock may have been set since; a pid is not used again that soon


class Started(Struct, frozen=True):
    """The identity of a process: its pid, and its creation time (seconds since 1970), since a pid is used again."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Started | None:
        """Return the process that has this pid now, None when there is none."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    @classmethod
    def of_this_process(cls) -> Started:
        """Return the identity of this process."""
        return cls(os.getpid(), psutil.Process().create_time())

    def is_same(self, process: psutil.Process) -> bool:
        """Tell whether ``process`` is this process, and not a later one with the same pid."""
        return abs(process.create_time() - self.created) < CREATED_TOLERANCE_SECONDS

    @property
    def alive(self) -> bool:
        """Tell whether the process still runs."""
        try:
            process = psutil.Process(self.pid)
            return process.status() != psutil.STATUS_ZOMBIE and self.is_same(process)
        except psutil.Error:
            # The process is gone, or the pid now belongs to another user's process.
            return False


class RunInfo(Struct, frozen=True, kw_only=True):
    """A running `up`, as the file `run.json` describes it to the command line and to the next `up`."""

    up: Started
    api_url: str
    nats_url: str
    database_url: str
    children: dict[str, Started]
    nats_monitor_url: str | None = None


class Home:
    """The data directory. As a context manager it locks the directory until the block ends.

        with Home.at(settings.home) as home:
            ...

    Raises:
        HomeError: This user has no home directory that a path could begin with. On entering the block: the directory cannot
            be written, is another user's, has a name that the servers cannot use, or another `up` has it.
    """

    def __init__(self, path: Path) -> None:
        self.path = _absolute(path)
        self.nats = self.path / "nats"
        self.postgres = self.path / OF_POSTGRES
        self._lock: int | None = None

    @classmethod
    def at(cls, path: str | None) -> Home:
        """Use the given directory; when None, that of the user-data directory, or `ROOT_HOME` for root and whoever has none."""
        if path is not None:
            return cls(Path(path))
        return cls(ROOT_HOME if os.geteuid() == 0 else directory_of_user(platformdirs.user_data_path))

    def __enter__(self) -> Self:
        in_unicode(self.path)
        # When we are root, the user of Postgres must be able to enter; all but its own directory stays closed to that user.
        private_directory(self.path, 0o711 if os.geteuid() == 0 else 0o700)
        lock = self._open_lock()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(lock)
            raise HomeError(
                f"{self.path} is in use by pid {holder}: stop that one, or set HEADRACE_HOME to another directory"
            ) from None
        except OSError as error:
            os.close(lock)
            raise HomeError(
                f"{self.path} cannot be locked ({error.strerror}): set HEADRACE_HOME to a local disk"
            ) from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock
        # An older version let every process into NATS with one token. Users have replaced it, so nobody needs it any more.
        (self.path / "nats.token").unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._lock is not None
        self._run.unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = None

    def _open_lock(self) -> int:
        file = self.path / "lock"
        try:
            lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        except OSError as error:
            raise cannot_write(file, error) from error
        try:
            check_private(file, lock)
        except HomeError:
            os.close(lock)
            raise
        return lock

    @property
    def objects(self) -> Path:
        """The directory with the files of tasks and of users."""
        return self.path / "objects"

    @property
    def credentials(self) -> Path:
        """The file with the credentials of the administrator that `up` has made."""
        return self.path / "credentials.json"

    @property
    def api_secret_file(self) -> Path:
        """The file with the secrets of the API, separated by commas: the first one signs and hashes."""
        return self.path / "api.secret"

    def read_api_secret(self) -> str | None:
        """Return the secrets of the API; None when there are none.

        Raises:
            HomeError: The file cannot be read.
        """
        return self._secret(self.api_secret_file.name) if os.path.lexists(self.api_secret_file) else None

    def write_api_secret(self, secrets: str) -> None:
        """Replace the secrets of the API.

        Raises:
            HomeError: The file cannot be written.
        """
        write_private(self.api_secret_file, secrets)

    def nats_password(self, user: str) -> str:
        """Return the password of a user of the embedded NATS; makes it when it is missing."""
        return self._secret(f"nats.{user}")

    def api_secret(self) -> str:
        """Return the secret that signs access tokens and hashes keys; makes it when it is missing."""
        return self._secret("api.secret")

    def follow_secret(self) -> str:
        """Return the secret that signs follow links; makes it when it is missing."""
        return self._secret("follow.secret")

    def announce(self, info: RunInfo) -> None:
        """Write what runs, for the command line and for the next `up`."""
        write_private(self._run, msgspec.json.format(msgspec.json.encode(info)).decode())

    def running(self) -> RunInfo | None:
        """Return the `up` that runs here now, None when there is none.

        Raises:
            HomeError: Another user may have written the file that says so.
        """
        info = self._last_run()
        return info if info is not None and info.up.alive else None

    async def end_left_over(self) -> list[str]:
        """End the processes that a killed `up` left behind, and return their names."""
        info = self._last_run()
        children = info.children if info is not None else {}
        ended = await asyncio.gather(
            *(end_left_over(child.pid, child.is_same, LEFT_OVER_SECONDS) for child in children.values())
        )
        return [name for name, was_left in zip(children, ended, strict=True) if was_left]

    def _secret(self, name: str) -> str:
        file = self.path / name
        if not os.path.lexists(file):
            write_private(file, secrets.token_urlsafe(TOKEN_BYTES))
        try:
            return read_private(file).decode("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise HomeError(f"{file} cannot be read ({error}): remove it, and it is made again") from error

    @property
    def _run(self) -> Path:
        return self.path / "run.json"

    def _last_run(self) -> RunInfo | None:
        try:
            return msgspec.json.decode(read_private(self._run), type=RunInfo)
        except (OSError, msgspec.DecodeError):
            # There is no such file, or another version wrote it.
            return None


def directory_of_user(find: Callable[[str], Path]) -> Path:
    """Return what a function of platformdirs finds for ``headrace``; `ROOT_HOME` for a user without a home directory.

    The number of a container's user may have no name in it, and then no home directory.
    """
    try:
        return find("headrace")
    except RuntimeError:
        return ROOT_HOME


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise HomeError(f"{path} names no directory ({error}): set HEADRACE_HOME to an absolute path") from error
    except FileNotFoundError as error:
        raise HomeError(
            f"{path} names no directory, because the working directory is gone: change to another"
        ) from error
