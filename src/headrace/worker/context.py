"""The contexts that handlers are given: what they say becomes events, at a bounded rate."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from headrace.contracts.events import Emitted, Event, EventName, Logged, Progressed
from headrace.errors import LogUnavailable
from headrace.task import LogLevel
from headrace.telemetry import get_logger
from headrace.worker.text import LINE_CHARS_MAX, legible

if TYPE_CHECKING:
    from headrace.worker.execution import Execution

PROGRESS_INTERVAL_SECONDS = 0.25  # 4 a second: more than an eye follows
EMIT_INTERVAL_SECONDS = 0.1  # 10 a second: text that streams smoothly
EMIT_BYTES_MAX = 256 << 10  # bytes of JSON waiting to be sent; a handler that emits faster waits
SYNC_TIMEOUT_SECONDS = 60.0  # how long a thread waits for the event loop to take what it emits

log = get_logger(__name__)

Append = Callable[[EventName, Event], Awaitable[None]]


class ExecutionContext:
    """A `headrace.task.Context` of a running task."""

    def __init__(self, execution: Execution, tell: Append, append: Append) -> None:
        self._execution = execution
        self._tell = tell
        self._append = append
        self._latest: Progressed | None = None
        self._progress_timer: asyncio.TimerHandle | None = None
        self._progress_due = 0.0
        self._chunks: list[msgspec.Raw] = []
        self._chunk_bytes = 0
        self._emitting: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def task_id(self) -> str:
        """See `headrace.task.Context.task_id`."""
        return self._execution.subject.task

    @property
    def attempt(self) -> int:
        """See `headrace.task.Context.attempt`."""
        return self._execution.queued.attempt

    @property
    def cancelled(self) -> bool:
        """See `headrace.task.SyncContext.cancelled`."""
        return self._execution.cancelled

    async def progress(self, fraction: float, message: str | None = None) -> None:
        """See `headrace.task.Context.progress`. Raises ValueError when ``fraction`` is not from 0 to 1."""
        self.offer_progress(fraction, message)

    async def log(self, message: str, level: LogLevel = "info") -> None:
        """See `headrace.task.Context.log`. Lines over 4,000 characters are cut."""
        self._check_open()
        line = legible(message, LINE_CHARS_MAX)
        await self._append(EventName.LOGGED, Logged(attempt=self.attempt, level=level, message=line))

    async def emit(self, chunk: object) -> None:
        """See `headrace.task.Context.emit`. Raises TypeError when ``chunk`` has no JSON form, ValueError over 256 KB."""
        self._check_open()
        encoded = msgspec.json.encode(chunk)
        if len(encoded) > EMIT_BYTES_MAX:
            raise ValueError(
                f"a chunk of {len(encoded):,} bytes is over the limit of {EMIT_BYTES_MAX:,}; emit smaller ones"
            )
        while self._emitting and self._chunk_bytes + len(encoded) > EMIT_BYTES_MAX:
            await asyncio.shield(self._emitting)
        self._chunks.append(msgspec.Raw(encoded))
        self._chunk_bytes += len(encoded)
        if self._emitting is None:
            self._emitting = asyncio.create_task(self._emit_in_time(), name="emit")

    def offer_progress(self, fraction: float, message: str | None) -> None:
        """Take the latest progress, to be sent now or when the interval is over."""
        if not 0 <= fraction <= 1:
            raise ValueError(f"progress({fraction!r}): the fraction is from 0 to 1")
        if self._closed:
            return  # a thread that goes on after its timeout
        if message is not None:
            message = legible(message, LINE_CHARS_MAX)
        self._latest = Progressed(attempt=self.attempt, fraction=fraction, message=message)
        if self._progress_timer is None:
            loop = asyncio.get_running_loop()
            self._progress_timer = loop.call_at(max(loop.time(), self._progress_due), self._send_progress)

    async def close(self) -> None:
        """Send what is still held back; after this, only the outcome follows."""
        self._closed = True
        if self._progress_timer is not None:
            self._progress_timer.cancel()
            self._send_progress()
        while self._telling:
            await asyncio.wait(self._telling)
        if self._emitting is not None:
            await self._emitting
        if self._chunks:
            await self._emit_now()

    def abandon(self) -> None:
        """Drop what is still held back: the task is over, and nobody is to hear more of it."""
        self._closed = True
        if self._progress_timer is not None:
            self._progress_timer.cancel()
        if self._emitting is not None:
            self._emitting.cancel()

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the task has ended; nothing more can be said about it")

    def _send_progress(self) -> None:
        self._progress_timer = None
        latest, self._latest = self._latest, None
        if latest is None:
            return
        self._progress_due = asyncio.get_running_loop().time() + PROGRESS_INTERVAL_SECONDS
        sending = asyncio.create_task(self._tell_or_drop(latest), name="progress")
        self._telling.add(sending)
        sending.add_done_callback(self._telling.discard)

    async def _tell_or_drop(self, progressed: Progressed) -> None:
        try:
            await self._tell(EventName.PROGRESSED, progressed)
        except LogUnavailable as error:  # the next one says more anyway
            log.warning("progress was not sent", error=error.message)

    async def _emit_in_time(self) -> None:
        try:
            await self._emit_now()  # the first chunk at once, so that a stream starts when it starts
            await asyncio.sleep(EMIT_INTERVAL_SECONDS)
            while self._chunks:
                await self._emit_now()
                await asyncio.sleep(EMIT_INTERVAL_SECONDS)
        finally:
            self._emitting = None

    async def _emit_now(self) -> None:
        chunks, self._chunks, self._chunk_bytes = self._chunks, [], 0
        await self._append(EventName.EMITTED, Emitted(attempt=self.attempt, chunks=list(chunks)))


class ThreadContext:
    """A `headrace.task.SyncContext`: the same from a thread."""

    def __init__(self, context: ExecutionContext, loop: asyncio.AbstractEventLoop) -> None:
        self._context = context
        self._loop = loop

    @property
    def task_id(self) -> str:
        """See `headrace.task.Context.task_id`."""
        return self._context.task_id

    @property
    def attempt(self) -> int:
        """See `headrace.task.Context.attempt`."""
        return self._context.attempt

    @property
    def cancelled(self) -> bool:
        """See `headrace.task.SyncContext.cancelled`."""
        return self._context.cancelled

    def progress(self, fraction: float, message: str | None = None) -> None:
        """See `headrace.task.Context.progress`. Raises ValueError when ``fraction`` is not from 0 to 1."""
        if not 0 <= fraction <= 1:
            raise ValueError(f"progress({fraction!r}): the fraction is from 0 to 1")
        self._loop.call_soon_threadsafe(self._context.offer_progress, fraction, message)

    def log(self, message: str, level: LogLevel = "info") -> None:
        """See `headrace.task.Context.log`."""
        self._wait(self._context.log(message, level))

    def emit(self, chunk: object) -> None:
        """See `headrace.task.Context.emit`. Raises TypeError when ``chunk`` has no JSON form, ValueError over 256 KB."""
        self._wait(self._context.emit(chunk))

    def _wait(self, call: Any) -> None:
        asyncio.run_coroutine_threadsafe(call, self._loop).result(SYNC_TIMEOUT_SECONDS)
