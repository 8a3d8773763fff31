"""One process that runs handlers, as its worker sees it. The other end is `headrace.worker.handler_process`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import cast

import msgspec

from headrace.telemetry import get_logger
from headrace.worker.pipe_protocol import FromChild, ToChild, Unpacker, pack

PIPE_END_SECONDS = 1.0  # from the end of a process to that of its pipe, which a child of the process may hold open

# Where the package of the kinds may be. A handler that changes the directory changes it for the whole worker.
_WORKING_DIRECTORY = Path.cwd()

log = get_logger(__name__)


class ProcessLost(Exception):
    """The process that ran a task ended before the handler did. The message is a sentence for the task's readers."""


class Child(asyncio.SubprocessProtocol):
    """One process, started by `Child.start`. It leads a process group of its own, which is killed with it.

    Attributes:
        pid: The number of the process.
        ended: The exit code, or the negative number of the signal that ended the process.
    """

    pid: int
    ended: asyncio.Future[int]

    def __init__(self) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self._unpacker = Unpacker(msgspec.msgpack.Decoder(FromChild))
        # The protocol bounds how many frames wait here. None stands for the end of the pipe.
        self._frames: asyncio.Queue[FromChild | None] = asyncio.Queue()
        self._frames_ended = False

    @classmethod
    async def start(cls, package: str, kind: str) -> Child:
        """Start a process.

        Raises:
            OSError: the system cannot start it.
        """
        _, child = await asyncio.get_running_loop().subprocess_exec(
            cls,
            *(sys.executable, "-u", "-m", "headrace.worker.handler_process", package, kind),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=None,
            cwd=_WORKING_DIRECTORY,
            start_new_session=True,
        )
        return child

    @property
    def usable(self) -> bool:
        """Whether the process still runs and its pipe is open."""
        return not self.ended.done() and not self._frames_ended and not _has_ended(self.pid)

    async def receive(self) -> FromChild:
        """Wait for the next frame.

        Raises:
            ProcessLost: the process has ended.
        """
        frame = await self._frames.get()
        if frame is None:
            raise ProcessLost(f"The process that ran the task {describe_end(await asyncio.shield(self.ended))}.")
        return frame

    def send(self, frame: ToChild) -> None:
        """Send a frame, unless the process has ended."""
        if not self.ended.done():
            cast("asyncio.WriteTransport", self._transport.get_pipe_transport(0)).write(pack(frame))

    def kill(self) -> None:
        """Kill the process and every process that it started, at once."""
        if not self.ended.done():
            self._kill_group()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self.pid = self._transport.get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        try:
            for frame in self._unpacker.feed(data):
                self._frames.put_nowait(frame)
        except ValueError as error:
            log.error("a process does not keep to its protocol; it is killed", pid=self.pid, error=str(error))
            self.kill()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            # A handler may have closed the pipe, so that nothing more can come from the process.
            self._end_frames()
            asyncio.get_running_loop().call_later(PIPE_END_SECONDS, self.kill)

    def process_exited(self) -> None:
        self._kill_group()
        self.ended.set_result(self._transport.get_returncode() or 0)
        if self._frames_ended:
            self._transport.close()
        else:
            asyncio.get_running_loop().call_later(PIPE_END_SECONDS, self._end_frames)

    def _end_frames(self) -> None:
        if not self._frames_ended:
            self._frames_ended = True
            self._frames.put_nowait(None)
        if self.ended.done():
            self._transport.close()

    def _kill_group(self) -> None:
        # On macOS a group that has only zombies raises PermissionError.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def _has_ended(pid: int) -> bool:
    """Ask the system whether a process has ended, because the event loop learns it late. macOS cannot be asked."""
    if not hasattr(os, "waitid"):
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def describe_end(code: int) -> str:
    """Describe how a process ended: ``ended with exit code 1``, ``was killed by signal 11 (SIGSEGV)``."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    hint = ", as the system does when memory runs out" if -code == signal.SIGKILL else ""
    return f"was killed by signal {-code} ({name}){hint}"
