"""What a worker appends to the log for an execution, however long the log is away. Nothing follows the end of the run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from headrace.contracts.events import HIGH_RATE, HIGH_RATE_SECONDS, Deferred, Event, EventName, Started, encode
from headrace.contracts.positions import Position
from headrace.errors import LogFull, LogUnavailable
from headrace.lifecycle.fence import AppendedOrFinish, append_under_fence, finish
from headrace.lifecycle.queueing import WaitingTask, requeue_message, retry_messages
from headrace.log import clock, subjects
from headrace.log.append import Message
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.repeated import RepeatedWarning
from headrace.telemetry import get_logger
from headrace.worker.execution import Execution
from headrace.worker.left_log import LeftLog, has_left
from headrace.worker.outcomes import Ending, Retrying, to_error, to_event

HIGH_RATE_TTL = f"{HIGH_RATE_SECONDS}s"
APPEND_RETRY_SECONDS = 0.5
APPEND_TRIES_MAX = 1200  # ten minutes without the log; then the task is left to be delivered again

log = get_logger(__name__)

Out = TypeVar("Out")

ENDED_BEFORE = (Record, LeftLog)
"""What says that the run ended before its outcome was appended."""


class EventWriter:
    """Appends the events of a worker's executions.

    Args:
        log: The log.
        worker: The worker's name, which `started` and `finished` events carry.
    """

    def __init__(self, log: Log, worker: str) -> None:
        self._log = log
        self._worker = worker

    async def append_started(self, execution: Execution, *, wait: bool) -> None:
        """Append that the handler is about to be called.

        Args:
            execution: The execution.
            wait: Whether to wait until the log has it. Without waiting it still comes before the outcome.
        """
        execution.note_handler_start()
        started = Started(
            attempt=execution.queued.attempt,
            worker=self._worker,
            delivered=execution.delivery.delivered,
            queued_seconds=execution.queued_seconds,
        )
        if wait:
            await self.append(execution, EventName.STARTED, started)
        else:
            await self.append_nowait(execution, EventName.STARTED, started)

    async def append_nowait(self, execution: Execution, name: EventName, event: Event) -> None:
        """Append an event without waiting for the log.

        Raises:
            LogUnavailable: there is no connection to the log.
        """
        await self._log.appender.append_nowait(execution.subject.of(name), encode(event), _headers(execution, name))

    async def append(self, execution: Execution, name: EventName, event: Event) -> Position:
        """Append an event once, wait until the log has it, and return where.

        Raises:
            LogUnavailable: the log was away, or full, for ten minutes.
        """
        execution.appended += 1
        delivery = execution.delivery
        once = {subjects.MSG_ID: f"{delivery.sequence}-{delivery.delivered}-{execution.appended}"}
        headers = _headers(execution, name) | once
        subject, payload = execution.subject.of(name), encode(event)
        appended = await self._when_available(lambda: self._log.appender.append(subject, payload, headers))
        return Position(self._log.epoch, appended.sequence)

    async def append_outcome(self, execution: Execution, outcome: Ending) -> AppendedOrFinish | LeftLog:
        """Append the end of the run.

        Returns:
            Where the end stands in the log; or the `finished` event that came first; or that this was long ago.

        Raises:
            LogUnavailable: the log was away, or full, for ten minutes.
        """
        if await self._came_too_late(execution):
            return LeftLog()
        event = to_event(
            outcome,
            execution.queued.attempt,
            self._worker,
            queued_seconds=execution.queued_seconds,
            run_seconds=execution.run_seconds,
        )
        subject, fence, headers = execution.subject, execution.queued.fence, execution.headers
        return await self._when_available(lambda: finish(self._log, subject, fence, event, headers))

    async def defer(self, execution: Execution, outcome: Retrying) -> AppendedOrFinish | LeftLog:
        """Defer the task to its next attempt, unless the run has ended.

        Returns:
            Where the second of the two appends stands in the log; or the `finished` event that came before one of them; or that
            the run ended long ago.

        Raises:
            LogUnavailable: the log was away, or full, for ten minutes.
        """
        if await self._came_too_late(execution):
            return LeftLog()
        queued = execution.queued
        next_attempt = WaitingTask(
            subject=execution.subject,
            input=queued.input,
            headers=execution.headers,
            attempt=queued.attempt + 1,
            fence=queued.fence,
            max_attempts=queued.max_attempts,
            due_at=clock.now() + timedelta(seconds=outcome.after),
            error=to_error(outcome.cause),
            stored_input=queued.stored_input,
        )
        first, second = retry_messages(next_attempt)
        appended_or_finish = await self._append_in_run(execution, first)
        return (
            appended_or_finish
            if isinstance(appended_or_finish, Record)
            else await self._append_in_run(execution, second)
        )

    async def queue_again(self, execution: Execution, deferred: Deferred) -> AppendedOrFinish:
        """Queue a deferred attempt without a timer, unless the run has ended. Returns and raises as `defer`."""
        attempt = WaitingTask(
            subject=execution.subject,
            input=deferred.input,
            headers=execution.headers,
            attempt=deferred.attempt,
            fence=deferred.fence,
            max_attempts=deferred.max_attempts,
            due_at=deferred.due_at,
            stored_input=deferred.stored_input,
        )
        return await self._append_in_run(execution, requeue_message(attempt))

    async def _came_too_late(self, execution: Execution) -> bool:
        return execution.is_late and await self._when_available(lambda: has_left(self._log, execution))

    async def _append_in_run(self, execution: Execution, message: Message) -> AppendedOrFinish:
        """Append what follows from this attempt, unless the run has ended."""
        subject, fence = execution.subject, execution.queued.fence
        return await self._when_available(lambda: append_under_fence(self._log, subject, fence, message))

    async def _when_available(self, append: Callable[[], Awaitable[Out]]) -> Out:
        """Append, and try again for ten minutes while the log is away or full."""
        waiting = RepeatedWarning(log, "the log takes nothing; waiting for it", "the log takes appends again")
        for _ in range(APPEND_TRIES_MAX):
            try:
                appended = await append()
            except (LogUnavailable, LogFull) as error:
                if self._log.is_closed:
                    raise
                # Nothing reports that NATS is back, so the append itself is tried again.
                waiting.note(error.message)
                await asyncio.sleep(APPEND_RETRY_SECONDS)
            else:
                waiting.end()
                return appended
        raise LogUnavailable("the log was away for too long")


def _headers(execution: Execution, name: EventName) -> dict[str, str]:
    return {**execution.headers, subjects.TTL: HIGH_RATE_TTL} if name in HIGH_RATE else execution.headers
