"""What no event tells of: time that has passed. The leader looks in the read model and says it in the log.

Tasks that expired before anybody started them; those that the log's retention is about to drop from the queue; timers that
never went off; the open tasks of batches that were cancelled. A few at a time, again and again, so it is bounded; the log is
looked at before anything is done, since the read model is a moment behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta

from headrace.contracts.events import Deferred
from headrace.contracts.tasks import FailureCode, TaskError
from headrace.errors import HeadraceError
from headrace.log import provision, subjects
from headrace.log.connection import Log
from headrace.log.ending import end, end_forgotten
from headrace.log.standing import look
from headrace.projector.recovery import headers_of, queue_again, subject_of
from headrace.store.rows import ReadModel, TaskRow
from headrace.telemetry import get_logger

SWEEP_SECONDS = 0.5
AGED_SECONDS_MAX = (
    60.0  # between two looks at what waits for almost as long as the log keeps it, a walk over all that is queued
)
ROWS = 1000  # of a sort in one sweep
AT_ONCE = 16
OVERDUE_SECONDS = 5.0  # a timer fires a quarter of a second late at most, and the read model is a moment behind
RETENTION_MARGIN = 0.05  # of the retention: a task that waits this close to its end is expired, not dropped
RETENTION_MARGIN_SECONDS_MAX = 3600.0

log = get_logger(__name__)


class Sweep:
    """Looks now and then."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._swept = self._looked_for_aged = 0.0

    async def now_and_then(self, read_model: ReadModel) -> None:
        """Sweep, when it is time.

        Raises:
            LogUnavailable: the log does not answer.
        """
        now = asyncio.get_running_loop().time()
        if now - self._swept >= SWEEP_SECONDS:
            await self.sweep(read_model)
            self._swept = asyncio.get_running_loop().time()

    async def sweep(self, read_model: ReadModel) -> None:
        """Look once.

        Raises:
            LogUnavailable: the log does not answer.
        """
        now = datetime.now(UTC)
        await self._each(await read_model.expired(now, ROWS), self._expire)
        await self._each(await self._about_to_be_dropped(read_model, now), self._expire)
        await self._each(await read_model.overdue(now - timedelta(seconds=OVERDUE_SECONDS), ROWS), self._queue)
        await self._each(await read_model.open_of_cancelled_batches(ROWS), self._cancel)

    async def _about_to_be_dropped(self, read_model: ReadModel, now: datetime) -> list[TaskRow]:
        """Tasks that wait for almost as long as the log keeps what is queued."""
        retention = self._log.settings.retention
        margin = min(retention * RETENTION_MARGIN, RETENTION_MARGIN_SECONDS_MAX)
        at = asyncio.get_running_loop().time()
        if at - self._looked_for_aged < min(margin / 4, AGED_SECONDS_MAX):
            return []
        self._looked_for_aged = at
        return await read_model.queued_before(now - timedelta(seconds=retention - margin), ROWS)

    async def _expire(self, row: TaskRow) -> None:
        if row.expires_at is not None and row.expires_at <= datetime.now(UTC):
            message = f"The task was not started before {row.expires_at.isoformat()}."
        else:
            message = (
                "Nobody started the task for as long as the log keeps a queued task; are there workers of its kind?"
            )
        await self._end(row, error=TaskError(code=FailureCode.EXPIRED, message=message))

    async def _cancel(self, row: TaskRow) -> None:
        await self._end(row, by=row.owner)

    async def _end(self, row: TaskRow, *, by: str | None = None, error: TaskError | None = None) -> None:
        standing = await look(self._log, row.owner, row.id)
        if standing is None:
            await end_forgotten(
                self._log, subject_of(row), attempt=row.attempt, headers=headers_of(row), by=by, error=error
            )
        elif not standing.is_over and not (error is not None and standing.running):
            await end(self._log, standing, by=by, error=error)

    async def _queue(self, row: TaskRow) -> None:
        """Queue a task whose timer is overdue."""
        timer = subjects.task_timer(row.owner, row.id)
        await provision.purge(self._log.connection, timer)  # it may be about to go off
        standing = await look(self._log, row.owner, row.id)
        if standing is None:
            await queue_again(self._log, row, row.fence, 0)
        elif not standing.is_over and isinstance(standing.waiting, Deferred) and not standing.running:
            log.warning("a timer did not go off; the task is queued without it", task_id=row.id)
            await queue_again(self._log, row, standing.fence, standing.newest.sequence)

    async def _each(self, rows: Iterable[TaskRow], do: Callable[[TaskRow], Awaitable[None]]) -> None:
        slots = asyncio.Semaphore(AT_ONCE)

        async def do_one(row: TaskRow) -> None:
            async with slots:
                await do(row)

        for done in await asyncio.gather(*(do_one(row) for row in rows), return_exceptions=True):
            if isinstance(done, HeadraceError):
                raise done
            if isinstance(done, BaseException):
                log.error("could not see to a task", exc_info=done)
