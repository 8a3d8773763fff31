"""Run one program in a session of its own, read its output as lines, and end it with all that it started."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

import psutil

from headrace.embedded.errors import ServerError

LINE_BYTES_MAX = 8192  # a traceback in one JSON line fits; a longer line is cut, so that it cannot fill the memory
TAIL_LINES = 20  # kept for the message about a program that fails to start
POLL_SECONDS = 0.02  # readiness, and the end of a process that is no child of ours, give no event
DRAIN_SECONDS = 1.0  # for the last output of a program that has ended

# initdb and Postgres write the word, nats-server writes [FTL] or [ERR].
_ERROR = re.compile(r"\b(?:error|fatal|panic)\b:|\[(?:FTL|ERR)\]", re.IGNORECASE)

LAUNCHER = str(Path(__file__).with_name("launcher.py"))

OnLine = Callable[[str], None]


class Process(asyncio.SubprocessProtocol):
    """A program that was started by `Process.start`.

    Attributes:
        pid: Its pid, which is also the number of its session and process group.
        tail: Its last lines.
    """

    pid: int
    tail: deque[str]

    def __init__(self, on_line: OnLine | None) -> None:
        loop = asyncio.get_running_loop()
        self._exited: asyncio.Future[int] = loop.create_future()
        self._drained: asyncio.Future[None] = loop.create_future()
        self._on_line = on_line
        self._buffer = bytearray()
        self._cutting = False
        self.tail = deque(maxlen=TAIL_LINES)

    @classmethod
    async def start(
        cls,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str] | None = None,
        on_line: OnLine | None = None,
        end_signal: signal.Signals = signal.SIGTERM,
        user: str = "",
    ) -> Process:
        """Start a program; its standard input is a pipe that closes when this process ends.

        Args:
            argv: The absolute path of the program, and its arguments.
            environ: Its whole environment; that of this process when None.
            on_line: Called with each line that it writes to either output, at most `LINE_BYTES_MAX` long.
            end_signal: The signal that it gets when this process is killed (Linux).
            user: The user that it runs as, when this process is root.

        Raises:
            ServerError: The system refused another process.
        """
        try:
            transport, process = await asyncio.get_running_loop().subprocess_exec(
                lambda: cls(on_line),
                *(sys.executable, "-I", "-S", LAUNCHER, str(os.getpid()), str(int(end_signal)), user, *argv),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=environ,
                start_new_session=True,
            )
        except OSError as error:
            raise ServerError(f"could not be started ({error.strerror})") from error
        process.pid = transport.get_pid()
        return process

    @property
    def running(self) -> bool:
        """Tell whether it has not ended yet."""
        return not self._exited.done()

    async def wait(self) -> int:
        """Wait for its end and its last line; returns the exit code, or the negative number of the signal that ended it."""
        code = await asyncio.shield(self._exited)
        await asyncio.wait({self._drained}, timeout=DRAIN_SECONDS)
        self._transport.close()
        return code

    async def stop(self, grace: float, end_signal: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, kill it after ``grace`` seconds, and return its exit code as `wait` does."""
        self.send(end_signal)
        return await self.finish(grace)

    async def finish(self, timeout: float) -> int:
        """Wait for its end, kill it after ``timeout`` seconds or when the caller is cancelled; returns as `wait` does."""
        try:
            await asyncio.wait_for(self.wait(), timeout)
        except TimeoutError:
            pass
        finally:
            self.kill()
            code = await self.wait()
        return code

    def send(self, number: signal.Signals) -> None:
        """Send it a signal if it still runs."""
        if self.running:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it and all processes that it started."""
        if self.running:
            self._kill_group()

    async def ready(self, is_ready: Callable[[], Awaitable[bool]], timeout: float) -> None:
        """Wait until ``is_ready`` returns True.

        Raises:
            ServerError: It ended, or was not ready within ``timeout`` seconds; the message ends with what it said.
        """
        deadline = time.monotonic() + timeout
        while not await is_ready():
            if not self.running:
                code = await self.wait()
                raise ServerError(f"ended while it started ({describe_exit(code)}): {self.cause()}")
            if time.monotonic() > deadline:
                raise ServerError(f"was not ready within {timeout:g} s: {self.last_line()}")
            await asyncio.sleep(POLL_SECONDS)

    def last_line(self) -> str:
        """Return the last line that it wrote and that is not blank."""
        return next((line for line in reversed(self.tail) if line.strip()), "it said nothing")

    def cause(self) -> str:
        """Return the first of its last lines that speaks of an error; the last one when none does.

        A server that fails says why, and then what it does about that.
        """
        return next((line for line in self.tail if _ERROR.search(line)), None) or self.last_line()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        for line in lines:
            self._line(line)
            self._cutting = False
        if len(rest) > LINE_BYTES_MAX:
            self._line(rest)
            self._cutting = True
            rest = bytearray()
        self._buffer = rest

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            if self._buffer:
                self._line(self._buffer)
            if not self._drained.done():
                self._drained.set_result(None)

    def process_exited(self) -> None:
        # Processes that it left behind would keep the pipe open and outlive this process.
        self._kill_group()
        self._exited.set_result(self._transport.get_returncode() or 0)

    def _line(self, raw: bytes | bytearray) -> None:
        if self._cutting:
            return
        text = raw[:LINE_BYTES_MAX].decode(errors="replace").rstrip()
        if len(raw) > LINE_BYTES_MAX:
            text += "…"
        self.tail.append(text)
        if self._on_line is not None:
            self._on_line(text)

    def _kill_group(self) -> None:
        # macOS answers EPERM for a group of zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def describe_exit(code: int) -> str:
    """Write an exit code in words: ``exit code 1``, ``killed by SIGKILL``."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"


async def end_left_over(
    pid: int, is_ours: Callable[[psutil.Process], bool], grace: float, end_signal: signal.Signals = signal.SIGTERM
) -> bool:
    """End a process that an earlier run left behind, and wait until it is gone.

    Args:
        pid: Its pid then, which another process may have by now.
        is_ours: Tells whether the process that has the pid now is the one that is meant.
        grace: Seconds after which it is killed.
        end_signal: The signal that asks it to end.

    Returns:
        Whether the process was there.
    """
    try:
        process = psutil.Process(pid)
        if not _alive(process) or not is_ours(process):
            return False
        process.send_signal(end_signal)
        deadline = time.monotonic() + grace
        while _alive(process):
            if time.monotonic() > deadline:
                process.kill()
            await asyncio.sleep(POLL_SECONDS)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    return True


def _alive(process: psutil.Process) -> bool:
    # A zombie has ended. When its new parent does not reap it, it stays for ever.
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
