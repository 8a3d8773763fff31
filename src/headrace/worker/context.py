"""The contexts that handlers are given. Events that handlers cause are appended at a bounded rate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec

from headrace.contracts.events import Emitted, EventName, Logged, Progressed
from headrace.contracts.files import FileRecord
from headrace.errors import LogUnavailable
from headrace.sdk.context import LogLevel
from headrace.sdk.files import OpenFile, Source
from headrace.sdk.said import to_fraction, to_json, to_level, to_text
from headrace.telemetry import get_logger
from headrace.worker.attempt_files import AttemptFiles
from headrace.worker.event_writer import EventWriter
from headrace.worker.execution import Execution
from headrace.worker.kept_output import KeptOutput
from headrace.worker.stored_file import StoredFile
from headrace.worker.text import LINE_CHARS_MAX, legible

PROGRESS_INTERVAL_SECONDS = 0.25  # 4 a second: more than an eye follows
EMIT_INTERVAL_SECONDS = 0.1  # 10 a second: text that streams smoothly
EMIT_BYTES_MAX = 256 << 10  # bytes of JSON waiting to be sent; a handler that emits faster waits
TURN_SECONDS = 0.002  # a handler runs for this long between two turns of the others; a turn costs some microseconds

log = get_logger(__name__)

T = TypeVar("T")


class ExecutionContext:
    """A `headrace.task.Context` of an execution.

    Args:
        execution: The execution.
        events: Appends what the handler says.
        files: Opens and saves files.
        kept: Keeps the newest of what the handler writes.

    Attributes:
        files: As given.
    """

    def __init__(self, execution: Execution, events: EventWriter, files: AttemptFiles, kept: KeptOutput) -> None:
        self.files = files
        self._execution = execution
        self._events = events
        self._kept = kept
        self._loop = asyncio.get_running_loop()
        self._latest: Progressed | None = None
        self._progress_timer: asyncio.TimerHandle | None = None
        self._progress_due = 0.0
        self._sending_progress: set[asyncio.Task[None]] = set()
        self._chunks: list[msgspec.Raw] = []
        self._chunk_bytes = 0
        self._emitting: asyncio.Task[None] | None = None
        self._closed = False
        # When the event loop last had a turn, as far as this context knows.
        self._turned = time.monotonic()

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
        """See `headrace.task.Context.progress`.

        Raises:
            TypeError: ``fraction`` is no number, or ``message`` no str.
            ValueError: ``fraction`` is not from 0 to 1.
        """
        await self._on_own_loop(self._progress(*checked_progress(fraction, message)))

    async def log(self, message: str, level: LogLevel = "info") -> None:
        """See `headrace.task.Context.log`. A line of more than 4,000 characters is cut.

        Raises:
            TypeError: ``message`` is no str.
            ValueError: there is no such ``level``.
        """
        self._check_open()
        line = legible(to_text(message), LINE_CHARS_MAX)
        logged = Logged(attempt=self.attempt, level=to_level(level), message=line)
        await self._on_own_loop(self._append_line(logged))

    async def emit(self, chunk: object) -> None:
        """See `headrace.task.Context.emit`.

        Raises:
            TypeError: ``chunk`` has no JSON form.
            ValueError: ``chunk`` has more than 256 KB.
        """
        self._check_open()
        await self._on_own_loop(self.emit_json(to_json(chunk)))

    async def emit_json(self, encoded: bytes) -> None:
        """Emit a chunk that is JSON.

        Raises:
            ValueError: the chunk has more than 256 KB.
        """
        self._check_open()
        if len(encoded) > EMIT_BYTES_MAX:
            raise ValueError(
                f"a chunk of {len(encoded):,} bytes is over the limit of {EMIT_BYTES_MAX:,}; emit smaller ones"
            )
        while self._emitting and self._chunk_bytes + len(encoded) > EMIT_BYTES_MAX:
            await asyncio.shield(self._emitting)
        self._chunks.append(msgspec.Raw(encoded))
        self._chunk_bytes += len(encoded)
        if self._emitting is None:
            self._emitting = asyncio.create_task(self._emit_in_intervals(), name="emit")
        await self._give_turn()

    async def open(self, file: str) -> OpenFile:
        """See `headrace.task.Context.open`."""
        record = await self._on_own_loop(self.files.find(file))
        return StoredFile(record, self.files, self._on_own_loop)

    async def save(self, name: str, source: Source, media_type: str) -> FileRecord:
        """See `headrace.task.Context.save`."""
        return await self._on_own_loop(self.files.save(name, source, media_type))

    async def _append_line(self, logged: Logged) -> None:
        self._kept.add_line(logged, await self._events.append(self._execution, EventName.LOGGED, logged))

    async def _progress(self, fraction: float, message: str | None) -> None:
        self.offer_progress(fraction, message)
        await self._give_turn()

    async def _on_own_loop(self, said: Coroutine[Any, Any, T]) -> T:
        """Await something on the event loop of the worker, to which its connection belongs.

        A handler may speak on another one: a library that runs coroutines for synchronous code makes its own, in a thread.
        """
        if asyncio.get_running_loop() is self._loop:
            return await said
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(said, self._loop))

    async def _give_turn(self) -> None:
        """Let others run now and then, because a handler may report in a loop that awaits nothing else."""
        now = time.monotonic()
        if now - self._turned >= TURN_SECONDS:
            await asyncio.sleep(0)
            self._turned = time.monotonic()

    def offer_progress(self, fraction: float, message: str | None) -> None:
        """Keep the latest progress, which was checked, to be sent now or when the interval is over."""
        if self._closed:
            # A thread goes on after its timeout; its progress interests nobody.
            return
        self._latest = Progressed(attempt=self.attempt, fraction=fraction, message=message)
        if self._progress_timer is None:
            loop = asyncio.get_running_loop()
            self._progress_timer = loop.call_at(max(loop.time(), self._progress_due), self._send_progress)

    async def close(self) -> None:
        """Send what is still held back. After this only the outcome may follow."""
        self._closed = True
        if self._progress_timer is not None:
            self._progress_timer.cancel()
            self._send_progress()
        while self._sending_progress:
            await asyncio.wait(self._sending_progress)
        if self._emitting is not None:
            await self._emitting
        if self._chunks:
            await self._append_chunks()

    def abandon(self) -> None:
        """Drop what is still held back, because the execution was stopped."""
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
        sending = asyncio.create_task(self._append_progress(latest), name="progress")
        self._sending_progress.add(sending)
        sending.add_done_callback(self._sending_progress.discard)

    async def _append_progress(self, progressed: Progressed) -> None:
        try:
            await self._events.append_nowait(self._execution, EventName.PROGRESSED, progressed)
        except LogUnavailable as error:
            # Progress may be lost: the next one replaces it anyway.
            log.warning("progress was not sent", error=error.message)

    async def _emit_in_intervals(self) -> None:
        try:
            # The first chunk is sent at once, so that readers see the stream start when the handler starts it.
            await self._append_chunks()
            await asyncio.sleep(EMIT_INTERVAL_SECONDS)
            while self._chunks:
                await self._append_chunks()
                await asyncio.sleep(EMIT_INTERVAL_SECONDS)
        finally:
            self._emitting = None

    async def _append_chunks(self) -> None:
        chunks, self._chunks, self._chunk_bytes = self._chunks, [], 0
        emitted = Emitted(attempt=self.attempt, chunks=list(chunks))
        self._kept.add_chunks(emitted, await self._events.append(self._execution, EventName.EMITTED, emitted))


def checked_progress(fraction: object, message: object) -> tuple[float, str | None]:
    """Return progress as it can be sent. Raises as `ExecutionContext.progress`."""
    return to_fraction(fraction), None if message is None else legible(to_text(message), LINE_CHARS_MAX)
