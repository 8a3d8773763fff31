"""The processes in which a kind's handlers run, one task at a time in each. The other end is `headrace.worker.handler_process`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable
from pathlib import Path
from typing import cast

import msgspec

from headrace.sdk.context import LogLevel
from headrace.sdk.retries import Retry
from headrace.telemetry import get_logger
from headrace.worker.attempt_files import AttemptFiles
from headrace.worker.child_process import Child, ProcessLost
from headrace.worker.context import PROGRESS_INTERVAL_SECONDS, ExecutionContext
from headrace.worker.outcomes import Failed, HandlerRaised, Succeeded, is_instance_of
from headrace.worker.pipe_protocol import (
    Answer,
    Call,
    Cancel,
    Emit,
    Fetch,
    InvalidResult,
    Log,
    Open,
    Progress,
    ProgressAccepted,
    Raised,
    Ready,
    Result,
    RetryAsked,
    Save,
)

START_SECONDS = 60.0  # a process imports what the kinds import, on a machine that may be busy
END_GRACE_SECONDS = 2.0  # for a handler that reads `context.cancelled`; then its process is killed

Returned = Succeeded | Failed | Retry

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode


class ProcessPool:
    """The processes of one kind. They are started when they are needed, and used again.

    Args:
        package: The package of the kind, as for `headrace.task.load_kinds`.
        kind: The kind's name.
        slots: How many processes there are at most.
    """

    def __init__(self, package: str, kind: str, slots: int) -> None:
        self._package = package
        self._kind = kind
        self._slots = asyncio.Semaphore(slots)
        self._idle: list[Child] = []
        self._children: set[Child] = set()
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes that there are now."""
        return [child.pid for child in list(self._children)]

    async def reserve(self) -> Child:
        """Reserve a process for one `run`, which releases it.

        Raises:
            ProcessLost: no process could be started.
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

    async def run(self, child: Child, call: Call, context: ExecutionContext) -> Returned:
        """Run a task in a process that was reserved.

        Raises:
            HandlerRaised: the handler raised.
            ProcessLost: the process ended.
        """
        reusable = False
        try:
            outcome = await _converse(child, call, context)
            reusable = True
            return outcome
        except HandlerRaised as error:
            # After a MemoryError the memory of the process may be fragmented, so the process is not used again.
            reusable = not is_instance_of(error, (MemoryError,))
            raise
        finally:
            await self._release(child, reusable)

    async def stop(self, child: Child, running: asyncio.Task[Returned]) -> None:
        """End a `run`: ask its handler to return, then kill its process. Returns when the slot is free."""
        child.send(Cancel())
        await asyncio.wait({running}, timeout=END_GRACE_SECONDS)
        if not running.done():
            log.warning("a handler goes on although it was cancelled; its process is killed", kind=self._kind)
            child.kill()
            running.cancel()
            await asyncio.wait({running})
        # Nobody needs the outcome any more; asyncio warns of an exception that is never retrieved.
        _ = running.cancelled() or running.exception()

    async def close(self) -> None:
        """Kill all processes, and wait until they have ended."""
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

    async def _release(self, child: Child, reusable: bool) -> None:
        try:
            if reusable and child.usable and not self._closed:
                self._idle.append(child)
            else:
                child.kill()
                await asyncio.shield(child.ended)
        finally:
            self._slots.release()


async def _converse(child: Child, call: Call, context: ExecutionContext) -> Returned:
    """Call a handler and serve what it says until it ends."""
    loop = asyncio.get_running_loop()
    accepting: asyncio.TimerHandle | None = None
    child.send(call)
    try:
        while True:
            match await child.receive():
                case Progress(fraction, message):
                    context.offer_progress(fraction, message)
                    accepting = loop.call_later(PROGRESS_INTERVAL_SECONDS, child.send, ProgressAccepted())
                case Log(message, level):
                    child.send(await _answer(context.log(message, cast("LogLevel", level))))
                case Emit(chunk):
                    child.send(await _answer(context.emit_json(chunk)))
                case Open() | Fetch() | Save() as asked:
                    child.send(await _answer(_use_files(asked, context.files)))
                case Result(result):
                    return Succeeded(result)
                case InvalidResult(code, message):
                    return Failed(code, message)
                case RetryAsked(after, message):
                    return Retry(after, message)
                case Raised(type_names, message, traceback):
                    raise HandlerRaised(type_names, message, traceback)
                case Ready():
                    pass
    finally:
        if accepting is not None:
            accepting.cancel()


async def _use_files(asked: Open | Fetch | Save, files: AttemptFiles) -> bytes:
    match asked:
        case Open(file):
            return _encode(await files.find(file))
        case Fetch(file):
            return os.fsencode(await files.fetch(await files.find(file)))
        case Save(name, path, media_type):
            return _encode(await files.save(name, Path(path), media_type))


async def _answer(said: Awaitable[bytes | None]) -> Answer:
    try:
        value = await said
    except Exception as error:  # noqa: BLE001 - it is raised in the handler, as in a thread
        return Answer(_builtin_name(error), str(error))
    return Answer(value=value or b"")


def _builtin_name(error: Exception) -> str:
    """Return the name by which the process knows an exception. The system has many kinds of errors, which are all OSErrors."""
    return OSError.__name__ if isinstance(error, OSError) else type(error).__name__
