"""The sweep: what no event announces, because only time has passed.

The leader looks in the read model for tasks that expired before they were started, for tasks that the log's retention is about
to drop from their queue or has dropped while they ran, for timers that did not go off, for queued tasks that no consumer delivers any
more, and for the open tasks of cancelled batches; and it makes hours of old minutes of activity. One sweep is bounded and is repeated.
The read model is a moment behind, so the log is asked before anything is appended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec

from headrace.contracts.events import Deferred, Queued
from headrace.contracts.tasks import FailureCode, TaskError
from headrace.errors import AppendRefused, HeadraceError, LogFull, LogUnavailable
from headrace.lifecycle.cancel import cancel_forgotten_task, cancel_if_open
from headrace.lifecycle.finishing import end_forgotten_task, end_task
from headrace.lifecycle.queueing import queue_overdue
from headrace.lifecycle.task_state import read_task_state
from headrace.log import clock, subjects
from headrace.log.append import PROBE_HEADERS
from headrace.log.connection import Log
from headrace.log.prune import withdraw_newest
from headrace.projector.compaction import Compaction
from headrace.projector.lost_deliveries import LostDeliveries
from headrace.projector.metrics import DELIVERY_LOST, RUN_LOST, TIMER_OVERDUE, ProjectorMetrics
from headrace.projector.recovery import headers_of, queue_again, subject_of, waiting_task
from headrace.store.leader_queries import (
    list_expired,
    list_open_of_cancelled_batches,
    list_overdue,
    list_queued_before,
    list_running_since,
)
from headrace.store.leadership import LeaderSession
from headrace.store.tables import TaskRow
from headrace.telemetry import get_logger

# Between two sweeps, or as long as the last one took: pages have half of the time at least.
SWEEP_SECONDS = 0.5
# In which a sweep begins to move the tasks of one query; the next one finds those left over.
MOVING_SECONDS_MAX = 2.0
AGED_INTERVAL_SECONDS_MAX = 60.0  # between two searches for tasks that are almost as old as the log's retention
AT_ONCE_SECONDS = 1.0  # a log that needs longer for an append has no leader, or no disk
ROWS = 1000  # found by one query in one sweep
TASKS_AT_ONCE = 16
# A timer fires a quarter of a second late at most, or so long after an outage, and the read model is a moment behind. To take one
# away in the moment in which it goes off would not stop it.
OVERDUE_SECONDS = 5.0
RUN_SECONDS_MAX = 25 * 3600.0  # a day, the longest timeout, and some grace: a longer run has lost its worker
RETENTION_MARGIN = 0.05  # of the retention: a task that waits this close to its end is expired, not dropped
RETENTION_MARGIN_SECONDS_MAX = 3600.0

log = get_logger(__name__)


class Sweep:
    """Ends and queues tasks that no event will move."""

    def __init__(self, log: Log, metrics: ProjectorMetrics | None = None) -> None:
        self._log = log
        self._requeued = (metrics or ProjectorMetrics()).requeued
        self._lost_deliveries = LostDeliveries(log)
        self._compaction = Compaction()
        self._due_at = self._searched_aged_at = self._outage_at = 0.0
        log.on_disconnect(self.note_outage)

    def note_outage(self) -> None:
        """Note that the log is away now: its timers go off once it is back, all that were due meanwhile at once."""
        self._outage_at = asyncio.get_running_loop().time()

    async def sweep_when_due(self, session: LeaderSession) -> None:
        """Sweep, unless the last sweep was just now.

        Raises:
            LogUnavailable: The log does not answer.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        if began < self._due_at:
            return
        try:
            await self.sweep(session)
        except LogUnavailable:
            self.note_outage()
            raise
        finally:
            ended = loop.time()
            # What a sweep has moved is found again until it is projected.
            self._due_at = ended + max(SWEEP_SECONDS, ended - began)

    async def sweep(self, session: LeaderSession) -> None:
        """Sweep once.

        Raises:
            LogUnavailable: The log does not answer.
        """
        now = clock.now()
        await self._for_each(session, await list_expired(session, now, ROWS), self._expire)
        if self._is_aged_search_due():
            waiting = await list_queued_before(session, now - timedelta(seconds=self._kept), ROWS)
            await self._for_each(session, waiting, self._expire)
            dropped, over = now - timedelta(seconds=self._retention), now - timedelta(seconds=RUN_SECONDS_MAX)
            await self._for_each(session, await list_running_since(session, dropped, over, ROWS), self._run_again)
        if not self._is_outage_recent:
            overdue = await list_overdue(session, now - timedelta(seconds=OVERDUE_SECONDS), ROWS)
            await self._for_each(session, overdue, self._queue)
        await self._for_each(session, await list_open_of_cancelled_batches(session, ROWS), self._cancel)
        await self._for_each(session, await self._lost_deliveries.search_when_due(session), self._deliver_again)
        await self._compaction.compact_when_due(session)

    @property
    def _is_outage_recent(self) -> bool:
        return asyncio.get_running_loop().time() - self._outage_at < OVERDUE_SECONDS

    async def _takes_appends(self) -> bool:
        """Whether the log takes appends at once. One that waits for the end of an outage arrives together with the timers.

        Raises:
            LogUnavailable: The log takes nothing.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        with suppress(LogFull):
            await self._log.appender.append(subjects.PROBE, b"", PROBE_HEADERS)
        if loop.time() - began > AT_ONCE_SECONDS:
            self.note_outage()
        return not self._is_outage_recent

    @property
    def _retention(self) -> float:
        return self._log.settings.retention

    @property
    def _kept(self) -> float:
        """How long a task may wait in its queue, in seconds: somewhat shorter than the log keeps it."""
        return self._retention - min(self._retention * RETENTION_MARGIN, RETENTION_MARGIN_SECONDS_MAX)

    def _is_aged_search_due(self) -> bool:
        """Whether to search for tasks that have waited or run for about as long as the log keeps them; notes the time if so."""
        now = asyncio.get_running_loop().time()
        if now - self._searched_aged_at < min((self._retention - self._kept) / 4, AGED_INTERVAL_SECONDS_MAX):
            return False
        self._searched_aged_at = now
        return True

    async def _expire(self, row: TaskRow) -> None:
        """Fail a task that waits for too long, if the log says that it still waits."""
        state = await read_task_state(self._log, row.owner, row.id)
        if state is None:
            error, headers = _expired_error(row.expires_at), headers_of(row)
            await end_forgotten_task(self._log, subject_of(row), attempt=row.attempt, headers=headers, error=error)
            return
        queued, record = state.queued_event, state.queued_record
        if state.is_over or state.is_started or queued is None or record is None:
            return
        now = clock.now()
        aged = isinstance(queued, Queued) and record.at < now - timedelta(seconds=self._kept)
        if aged or (queued.expires_at is not None and queued.expires_at <= now):
            await end_task(self._log, state, error=_expired_error(queued.expires_at))

    async def _cancel(self, row: TaskRow) -> None:
        """Cancel a task of a cancelled batch, unless it has ended."""
        if await cancel_if_open(self._log, row.owner, row.id) is None:
            await cancel_forgotten_task(self._log, subject_of(row), row.attempt, headers_of(row))

    async def _queue(self, row: TaskRow) -> None:
        """Queue a task whose timer is overdue, if the log says that it still waits for that timer."""
        timer = subjects.task_timer(row.owner, row.id)
        state = await read_task_state(self._log, row.owner, row.id)
        if state is None:
            if not await self._takes_appends():
                return
            # The timer may be about to go off, which would queue the task twice.
            await withdraw_newest(self._log, timer)
            await queue_again(self._log, row, row.fence, 0)
            self._requeued.add((TIMER_OVERDUE,))
            return
        deferred, record = state.queued_event, state.queued_record
        overdue = clock.now() - timedelta(seconds=OVERDUE_SECONDS)
        if state.is_over or state.is_started or not isinstance(deferred, Deferred) or deferred.due_at > overdue:
            return
        if not await self._takes_appends():
            return
        log.warning("a timer did not go off; the task is queued without it", task_id=row.id)
        # Its timer stands before the `deferred` event. A timer behind that event belongs to another attempt.
        if record is not None:
            await withdraw_newest(self._log, timer, before=record.sequence)
        due = msgspec.structs.replace(
            row,
            attempt=deferred.attempt,
            max_attempts=deferred.max_attempts,
            due_at=deferred.due_at,
            expires_at=deferred.expires_at,
        )
        # The log refuses it when somebody has seen to the task meanwhile.
        with suppress(AppendRefused):
            await queue_overdue(self._log, waiting_task(due, state.fence), state.newest_record.sequence)
        self._requeued.add((TIMER_OVERDUE,))

    async def _run_again(self, row: TaskRow) -> None:
        """Queue a task again whose worker was lost, when the log has dropped the `queued` event that would be redelivered."""
        state = await read_task_state(self._log, row.owner, row.id)
        if state is None or (state.is_started and not state.is_over):
            log.warning(
                "a task runs for longer than any may, and nobody will be given it; queued again", task_id=row.id
            )
            fence, newest = (row.fence, 0) if state is None else (state.fence, state.newest_record.sequence)
            await queue_again(self._log, row, fence, newest)
            self._requeued.add((RUN_LOST,))

    async def _deliver_again(self, row: TaskRow) -> None:
        """Queue a task again that its lane has let go of, if the log says so."""
        if await self._lost_deliveries.queue_if_lost(row):
            self._requeued.add((DELIVERY_LOST,))

    async def _for_each(
        self, session: LeaderSession, rows: Iterable[TaskRow], move: Callable[[TaskRow], Awaitable[None]]
    ) -> None:
        """Move tasks on, at most `TASKS_AT_ONCE` at a time, for `MOVING_SECONDS_MAX`. An error of one does not stop the others.

        Raises:
            LogUnavailable: The log does not answer.
        """
        slots, loop = asyncio.Semaphore(TASKS_AT_ONCE), asyncio.get_running_loop()
        until = loop.time() + MOVING_SECONDS_MAX

        async def move_in_slot(row: TaskRow) -> None:
            async with slots:
                if loop.time() < until:
                    await move(row)

        async def move_all() -> list[BaseException | None]:
            return await asyncio.gather(*(move_in_slot(row) for row in rows), return_exceptions=True)

        for result in await session.hold_while(move_all()):
            match result:
                case LogUnavailable():
                    raise result
                case HeadraceError():
                    log.error("could not see to a task", error=result.message)
                case BaseException():
                    log.error("could not see to a task", exc_info=result)
                case None:
                    pass


def _expired_error(expires_at: datetime | None) -> TaskError:
    """Say why a task failed that nobody started: its own limit, or the log's retention."""
    if expires_at is not None and expires_at <= clock.now():
        message = f"The task was not started before {expires_at.isoformat()}."
    else:
        message = "Nobody started the task for as long as the log keeps a queued task; are there workers of its kind?"
    return TaskError(code=FailureCode.EXPIRED, message=message)
