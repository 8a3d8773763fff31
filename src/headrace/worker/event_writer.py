"""What a worker appends to the log about a run, however long the log is away; nothing of it after the run's end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from headrace.contracts.events import HIGH_RATE, Deferred, Event, EventName, Started, encode
from headrace.errors import LogFull, LogUnavailable
from headrace.lifecycle.fence import Fenced, append_under_fence, finish
from headrace.lifecycle.queueing import WaitingTask, requeue_message, retry_messages
from headrace.log import subjects
from headrace.log.append import Message
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.telemetry import get_logger
from headrace.worker.execution import Execution
from headrace.worker.outcomes import Ending, Retrying, to_error, to_event

HIGH_RATE_TTL = "1h"  # progress, lines and chunks are for those who watch; the result and the timeline stay
APPEND_RETRY_SECONDS = 0.5
APPEND_TRIES_MAX = 1200  # ten minutes without the log; then the task is left to be delivered again

log = get_logger(__name__)

Out = TypeVar("Out")


class EventWriter:
    """Appends for one worker.

    Args:
        log: Where to.
        worker: The worker's name.
    """

    def __init__(self, log: Log, worker: str) -> None:
        self._log = log
        self._worker = worker

    async def append_started(self, execution: Execution, *, surely: bool) -> None:
        """Say that the handler is about to be called; ``surely``: and wait until the log has it."""
        append = (
            self.append if surely else self.append_nowait
        )  # what is told stands before the outcome in the log all the same
        delivered = execution.delivery.delivered
        await append(
            execution,
            EventName.STARTED,
            Started(attempt=execution.queued.attempt, worker=self._worker, delivered=delivered),
        )

    async def append_outcome(self, execution: Execution, outcome: Ending) -> Fenced:
        """Append the outcome under the run's fence; whoever was first is right."""
        event = to_event(outcome, execution.queued.attempt, self._worker)
        return await self._when_there(
            lambda: finish(self._log, execution.subject, execution.queued.fence, event, execution.headers)
        )

    async def defer(self, execution: Execution, outcome: Retrying) -> Fenced:
        """Have the task tried again later, unless the run has ended.

        The first append that finds the end of the run returns it, and nothing further is appended.
        """
        queued = execution.queued
        next_attempt = WaitingTask(
            subject=execution.subject,
            input=queued.input,
            headers=execution.headers,
            attempt=queued.attempt + 1,
            fence=queued.fence,
            max_attempts=queued.max_attempts,
            due_at=datetime.now(UTC) + timedelta(seconds=outcome.after),
            error=to_error(outcome.cause),
        )
        first, second = retry_messages(next_attempt)
        fenced = await self._append_in_run(execution, first)
        return fenced if isinstance(fenced, Record) else await self._append_in_run(execution, second)

    async def queue_again(self, execution: Execution, deferred: Deferred) -> Fenced:
        """Queue a deferred attempt without a timer, unless the run has ended."""
        attempt = WaitingTask(
            subject=execution.subject,
            input=deferred.input,
            headers=execution.headers,
            attempt=deferred.attempt,
            fence=deferred.fence,
            max_attempts=deferred.max_attempts,
            due_at=deferred.due_at,
        )
        return await self._append_in_run(execution, requeue_message(attempt))

    async def _append_in_run(self, execution: Execution, message: Message) -> Fenced:
        """Append what follows from this attempt, unless the run has ended."""
        fence = execution.queued.fence
        return await self._when_there(lambda: append_under_fence(self._log, execution.subject, fence, message))

    async def append_nowait(self, execution: Execution, name: EventName, event: Event) -> None:
        """Append without waiting for the log."""
        await self._log.appender.tell(execution.subject.of(name), encode(event), _headers(execution, name))

    async def append(self, execution: Execution, name: EventName, event: Event) -> None:
        """Append, and wait until the log has it."""
        execution.appended += 1
        headers = _headers(execution, name) | {
            subjects.MSG_ID: f"{execution.delivery.sequence}-{execution.delivery.delivered}-{execution.appended}"
        }
        subject, payload = execution.subject.of(name), encode(event)
        await self._when_there(lambda: self._log.appender.append(subject, payload, headers))

    async def _when_there(self, append: Callable[[], Awaitable[Out]]) -> Out:
        """Append, waiting for a log that is away, or full.

        Raises:
            LogUnavailable: it was away, or full, for ten minutes.
        """
        for _ in range(APPEND_TRIES_MAX):
            try:
                return await append()
            except (LogUnavailable, LogFull) as error:
                log.warning("the log takes nothing; waiting for it", error=error.message)
                await asyncio.sleep(APPEND_RETRY_SECONDS)  # the connection says nothing until NATS is back
        raise LogUnavailable("the log was away for too long")


def _headers(execution: Execution, name: EventName) -> dict[str, str]:
    return {**execution.headers, subjects.TTL: HIGH_RATE_TTL} if name in HIGH_RATE else execution.headers
