"""The data directory of `headrace up`: one user's, one `up` at a time."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import platformdirs
import psutil
from msgspec import Struct

from headrace.embedded.errors import HomeError
from headrace.embedded.files import cannot_write, private_directory, write_private
from headrace.embedded.process import end_left_over

ROOT_HOME = Path("/var/lib/headrace")  # root's own directories are closed to the user that Postgres runs as
TOKEN_BYTES = 32
LEFT_OVER_SECONDS = 10.0  # what an earlier run left behind lost NATS too; its tasks are given to another worker
CREATED_TOLERANCE_SECONDS = 5.0  # the clock may have been set since; a number is not used again that soon


class Started(Struct, frozen=True):
    """A process, told apart from a later one with the same number by its creation time (seconds since 1970)."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Started | None:
        """The process that has this number now."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    @classmethod
    def of_this_process(cls) -> Started:
        """We."""
        return cls(os.getpid(), psutil.Process().create_time())

    def is_same(self, process: psutil.Process) -> bool:
        """Whether this is the process."""
        return abs(process.create_time() - self.created) < CREATED_TOLERANCE_SECONDS

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        try:
            process = psutil.Process(self.pid)
            return process.status() != psutil.STATUS_ZOMBIE and self.is_same(process)
        except psutil.Error:  # gone, or another user's
            return False


class RunInfo(Struct, frozen=True, kw_only=True):
    """A running `up`, for the command line: `run.json`."""

    up: Started
    api_url: str
    nats_url: str
    database_url: str
    children: dict[str, Started]


class Home:
    """The data directory.

        with Home.at(settings.home) as home:  # nobody else has it until the block ends
            ...

    Raises:
        HomeError: on entering: it cannot be written, or another `up` has it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.nats = self.path / "nats"
        self.postgres = self.path / "postgres"
        self._lock: int | None = None

    @classmethod
    def at(cls, path: str | None) -> Home:
        """The given directory, or the user-data directory ``headrace`` (`ROOT_HOME` for root) when None."""
        if path is not None:
            return cls(Path(path))
        return cls(ROOT_HOME if os.geteuid() == 0 else platformdirs.user_data_path("headrace"))

    def __enter__(self) -> Self:
        # As root, Postgres' user has to pass through; everything in it is closed to that user but its own directory.
        private_directory(self.path, 0o711 if os.geteuid() == 0 else 0o700)
        try:
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode().strip() or "unknown"
            os.close(lock)
            raise HomeError(
                f"{self.path} is in use by pid {holder}: stop that one, or set HEADRACE_HOME to another directory"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._lock is not None
        self._run.unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = None

    def nats_token(self) -> str:
        """The token that the embedded NATS asks for; made when missing."""
        return self._secret("nats.token")

    def follow_secret(self) -> str:
        """The secret that signs follow links; made when missing."""
        return self._secret("follow.secret")

    def announce(self, info: RunInfo) -> None:
        """Tell the command line, and the next `up`, what runs."""
        write_private(self._run, msgspec.json.format(msgspec.json.encode(info)).decode())

    def running(self) -> RunInfo | None:
        """The `up` that runs here now."""
        info = self._last_run()
        return info if info is not None and info.up.alive else None

    async def end_left_over(self) -> list[str]:
        """End what an `up` that was killed left behind. Returns their names."""
        info = self._last_run()
        children = info.children if info is not None else {}
        ended = await asyncio.gather(
            *(end_left_over(child.pid, child.is_same, LEFT_OVER_SECONDS) for child in children.values())
        )
        return [name for name, was_left in zip(children, ended, strict=True) if was_left]

    def _secret(self, name: str) -> str:
        file = self.path / name
        if not file.exists():
            write_private(file, secrets.token_urlsafe(TOKEN_BYTES))
        return file.read_text()

    @property
    def _run(self) -> Path:
        return self.path / "run.json"

    def _last_run(self) -> RunInfo | None:
        try:
            return msgspec.json.decode(self._run.read_bytes(), type=RunInfo)
        except (OSError, msgspec.DecodeError):  # none, or another version's
            return None
