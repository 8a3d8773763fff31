"""Handlers in processes: a few that stay, each running one task at a time. The other end is `headrace.worker.handler_process`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable
from contextlib import suppress
from typing import cast

import msgspec

from headrace.task import LogLevel, Retry
from headrace.telemetry import get_logger
from headrace.worker.context import PROGRESS_INTERVAL_SECONDS, ExecutionContext
from headrace.worker.outcomes import Failed, HandlerRaised, Succeeded, is_instance_of
from headrace.worker.pipe_protocol import (
    Again,
    Answer,
    Call,
    Cancel,
    Emit,
    FromChild,
    Heard,
    Log,
    Progress,
    Raised,
    Ready,
    Result,
    ToChild,
    Unfit,
    Unpacker,
    pack,
)

START_SECONDS = 60.0  # a process imports what the kinds import, on a machine that may be busy
END_GRACE_SECONDS = 2.0  # for a handler that looks at `context.cancelled`; then it is killed
LAST_WORDS_SECONDS = 1.0  # between the end of a process and that of its pipe, which something it started may hold open

Returned = Succeeded | Failed | Retry

log = get_logger(__name__)


class ProcessLost(Exception):
    """The process that ran a task ended before the handler did. The message is a sentence for the task."""


class ProcessPool:
    """The processes of one kind, started when they are needed.

    Args:
        package: Where the kind is, as for `headrace.task.load_kinds`.
        kind: Its name.
        slots: How many there are at most.
    """

    def __init__(self, package: str, kind: str, slots: int) -> None:
        self._package = package
        self._kind = kind
        self._slots = asyncio.Semaphore(slots)
        self._idle: list[Child] = []
        self._children: set[Child] = set()
        self._closed = False

    async def reserve(self) -> Child:
        """A process for one `call`, which gives it back.

        Raises:
            ProcessLost: none could be started.
        """
        await self._slots.acquire()
        try:
            while self._idle:
                child = self._idle.pop()
                if child.usable:
                    return child
            return await self._start()
        except BaseException:
            self._slots.release()
            raise

    async def run(self, child: Child, asked: Call, context: ExecutionContext) -> Returned:
        """Run a task in a process that was taken.

        Raises:
            HandlerRaised: the handler raised.
            ProcessLost: the process ended.
        """
        reusable = False
        try:
            outcome = await _converse(child, asked, context)
            reusable = True
            return outcome
        except HandlerRaised as error:
            reusable = not is_instance_of(error, (MemoryError,))  # what it took may stay in pieces
            raise
        finally:
            await self._give_back(child, reusable)

    async def stop(self, child: Child, calling: asyncio.Task[Returned]) -> None:
        """End a call: ask its handler to, then kill its process. Returns when the slot is free."""
        child.send(Cancel())
        await asyncio.wait({calling}, timeout=END_GRACE_SECONDS)
        if not calling.done():
            log.warning("a handler goes on although it was cancelled; its process is killed", kind=self._kind)
            child.kill()
            calling.cancel()
            await asyncio.wait({calling})
        _ = calling.cancelled() or calling.exception()  # too late for anybody

    async def close(self) -> None:
        """Kill all processes, and wait until they are gone."""
        self._closed = True
        for child in self._children:
            child.kill()
        if self._children:
            await asyncio.wait({child.ended for child in self._children})

    async def _start(self) -> Child:
        try:
            child = await Child.start(self._package, self._kind)
        except OSError as error:
            raise ProcessLost(f"No process could be started to run the task: {error.strerror}.") from error
        self._children.add(child)
        child.ended.add_done_callback(lambda _: self._children.discard(child))
        ready = False
        try:
            async with asyncio.timeout(START_SECONDS):
                ready = await child.receive() == Ready() and not self._closed
        except TimeoutError as error:
            raise ProcessLost(f"The process to run the task was not ready within {START_SECONDS:g} s.") from error
        except ProcessLost as error:
            raise ProcessLost(f"{error} It had not begun; the worker's log says why.") from error
        finally:
            if not ready:
                child.kill()
        return child

    async def _give_back(self, child: Child, reusable: bool) -> None:
        try:
            if reusable and child.usable and not self._closed:
                self._idle.append(child)
            else:
                child.kill()
                await asyncio.shield(child.ended)
        finally:
            self._slots.release()


class Child(asyncio.SubprocessProtocol):
    """One process, started by `Child.start`; it leads a group of its own, which is killed with it."""

    pid: int
    ended: asyncio.Future[int]
    """Its exit code, or the negative number of the signal that ended it."""

    def __init__(self) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self._unpacker = Unpacker(msgspec.msgpack.Decoder(FromChild))
        self._frames: asyncio.Queue[FromChild | None] = asyncio.Queue()  # few: see `headrace.worker.pipe_protocol`
        self._silent = False

    @classmethod
    async def start(cls, package: str, kind: str) -> Child:
        """Start a process. Raises OSError."""
        _, child = await asyncio.get_running_loop().subprocess_exec(
            cls,
            *(sys.executable, "-u", "-m", "headrace.worker.handler_process", package, kind),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=None,
            start_new_session=True,
        )
        return child

    @property
    def usable(self) -> bool:
        """Whether it still runs and can be heard."""
        return not self.ended.done() and not self._silent and not _has_ended(self.pid)

    async def receive(self) -> FromChild:
        """The next frame.

        Raises:
            ProcessLost: there is none, the process has ended.
        """
        frame = await self._frames.get()
        if frame is None:
            raise ProcessLost(f"The process that ran the task {describe_end(await asyncio.shield(self.ended))}.")
        return frame

    def send(self, frame: ToChild) -> None:
        """Write a frame, unless the process has ended."""
        if not self.ended.done():
            cast("asyncio.WriteTransport", self._transport.get_pipe_transport(0)).write(pack(frame))

    def kill(self) -> None:
        """Kill it and what it started, at once."""
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
        if fd == 1:  # a handler that closes what it does not know cannot be heard any more
            self._fall_silent()
            asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, self.kill)

    def process_exited(self) -> None:
        self._kill_group()
        self.ended.set_result(self._transport.get_returncode() or 0)
        if self._silent:
            self._transport.close()
        else:
            asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, self._fall_silent)

    def _fall_silent(self) -> None:
        if not self._silent:
            self._silent = True
            self._frames.put_nowait(None)
        if self.ended.done():
            self._transport.close()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
            os.killpg(self.pid, signal.SIGKILL)


def _has_ended(pid: int) -> bool:
    """Ask the system, since the event loop hears of an end some time after it; macOS cannot be asked."""
    if not hasattr(os, "waitid"):
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


async def _converse(child: Child, asked: Call, context: ExecutionContext) -> Returned:
    loop = asyncio.get_running_loop()
    hearing: asyncio.TimerHandle | None = None
    child.send(asked)
    try:
        while True:
            match await child.receive():
                case Progress(fraction, message):
                    context.offer_progress(fraction, message)
                    hearing = loop.call_later(PROGRESS_INTERVAL_SECONDS, child.send, Heard())
                case Log(message, level):
                    child.send(await _answer(context.log(message, cast("LogLevel", level))))
                case Emit(chunk):
                    child.send(await _answer(context.emit(msgspec.Raw(chunk))))
                case Result(result):
                    return Succeeded(result)
                case Unfit(code, message):
                    return Failed(code, message)
                case Again(after, message):
                    return Retry(after, message)
                case Raised(type_names, message, traceback):
                    raise HandlerRaised(type_names, message, traceback)
                case Ready():
                    pass
    finally:
        if hearing is not None:
            hearing.cancel()


async def _answer(said: Awaitable[None]) -> Answer:
    try:
        await said
    except Exception as error:  # noqa: BLE001 - the handler's to see, as in a thread
        return Answer(type(error).__name__, str(error))
    return Answer()


def describe_end(code: int) -> str:
    """``ended with exit code 1``, ``was killed by signal 11 (SIGSEGV)``."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    hint = ", as the system does when memory runs out" if -code == signal.SIGKILL else ""
    return f"was killed by signal {-code} ({name}){hint}"
