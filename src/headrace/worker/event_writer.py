"""What a worker appends to the log about a run, however long the log is away; nothing of it after the run's end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from headrace.contracts.events import HIGH_RATE, Deferred, Event, EventName, Queued, Started, encode
from headrace.errors import LogFull, LogUnavailable
from headrace.lifecycle.fence import Fenced, append_under_fence, finish
from headrace.log import subjects, timers
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
        """Put the task off: its timer first, so that nothing is lost in between, then what tells of it."""
        queued = execution.queued
        deferred = Deferred(
            attempt=queued.attempt + 1,
            fence=queued.fence,
            input=queued.input,
            due_at=datetime.now(UTC) + timedelta(seconds=outcome.after),
            max_attempts=queued.max_attempts,
            error=to_error(outcome.cause),
        )
        if timers.soon(deferred.due_at):  # sooner than the broker's timers can do
            fenced = await self._append_in_run(execution, execution.subject.of(EventName.DEFERRED), deferred, {})
            return fenced if isinstance(fenced, Record) else await self.queue_again(execution, deferred)
        timer = timers.timer_headers(deferred.due_at, execution.subject.of(EventName.QUEUED), {})
        fenced = await self._append_in_run(
            execution, subjects.task_timer(execution.subject.owner, execution.subject.task), _due_again(deferred), timer
        )
        if isinstance(fenced, Record):
            return fenced
        return await self._append_in_run(execution, execution.subject.of(EventName.DEFERRED), deferred, {})

    async def queue_again(self, execution: Execution, deferred: Deferred) -> Fenced:
        """Queue what was put off, without a timer."""
        return await self._append_in_run(execution, execution.subject.of(EventName.QUEUED), _due_again(deferred), {})

    async def _append_in_run(
        self, execution: Execution, subject: str, event: Event, headers: Mapping[str, str]
    ) -> Fenced:
        """Append what follows from this attempt, once, as long as the run is not over."""
        once = {subjects.MSG_ID: f"{subject}-{execution.queued.fence}-{event.attempt}"}
        all_headers = {**execution.headers, **headers, **once}
        fence, payload = execution.queued.fence, encode(event)
        return await self._when_there(
            lambda: append_under_fence(self._log, execution.subject, fence, subject, payload, all_headers)
        )

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


def _due_again(deferred: Deferred) -> Queued:
    return Queued(
        attempt=deferred.attempt,
        fence=deferred.fence,
        input=deferred.input,
        max_attempts=deferred.max_attempts,
        due_at=deferred.due_at,
    )
