"""Retention: the leading projector removes what has been over for longer than the settings keep it.

It works beside the projection, in a session and a task of its own, some rows at a time with a pause after each, so that the
projection and the readers notice nothing of it. What is removed follows from the log and the time: a replay of the log removes
the same, so nothing is removed before the read model has caught up with the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct
from prometheus_client.metrics_core import Metric

from headrace.log import clock
from headrace.metrics.families import counter_by
from headrace.metrics.series import CounterBy
from headrace.store.outages import DRIVER_ERRORS
from headrace.store.retention import RetentionSession
from headrace.telemetry import get_logger

PASS_SECONDS = 60.0  # between two passes; days are kept, so a minute more is nothing
ROWS = 250  # tasks, or batches, that one transaction removes: some ten milliseconds
PAUSE_SECONDS_MIN = 0.1  # after each transaction, so that at most 2,500 rows a second are removed
PAUSE_SHARE = 2.0  # likewise, of the time that it took: a slow Postgres is left alone for two thirds of the time
STOP_SECONDS = 0.5  # to wait for a pass that was cancelled; its session is closed with the process at the latest

_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)

log = get_logger(__name__)


class Removed(Struct):
    """How many rows were removed from each table."""

    tasks: int = 0
    task_events: int = 0
    batches: int = 0
    activity: int = 0


class Retention:
    """Removes what is older than its retention, while this projector leads.

    Args:
        database_url: The database.
        on_counted: Called with the owners whose counts have changed.

    Attributes:
        removed: How many rows were removed since the process started, by kind and table.
    """

    def __init__(self, database_url: str, on_counted: Callable[[Collection[str]], None] = lambda _: None) -> None:
        self.removed = CounterBy()
        self._on_counted = on_counted
        self._database_url = database_url
        self._passing: asyncio.Task[None] | None = None
        self._due_at = 0.0

    @asynccontextmanager
    async def leading(self) -> AsyncGenerator[None]:
        """End with the block what a pass is doing; whoever leads next goes on with it."""
        try:
            yield
        finally:
            if self._passing is not None:
                self._passing.cancel()
                await asyncio.wait({self._passing}, timeout=STOP_SECONDS)
                self._passing = None

    def pass_when_due(self) -> None:
        """Begin a pass in the background, unless one is under way or the last one began just now."""
        now = asyncio.get_running_loop().time()
        if now >= self._due_at and (self._passing is None or self._passing.done()):
            self._due_at = now + PASS_SECONDS
            self._passing = asyncio.create_task(self._pass(), name="retention")

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of what was removed."""
        about = "Rows that were removed from the read model because they were over for longer than they are kept"
        yield counter_by("headrace_retention_removed_rows", about, ("kind", "table"), self.removed)

    async def _pass(self) -> None:
        """Remove everything that is too old now. What goes wrong is said, and tried again in the next pass."""
        try:
            session = await RetentionSession.connect(self._database_url)
            try:
                await self.remove_old(session, clock.now())
            finally:
                session.close()
        except (msgspec.MsgspecError, *DRIVER_ERRORS) as error:
            log.warning("what is too old cannot be removed yet", error=str(error) or type(error).__name__)

    async def remove_old(self, session: RetentionSession, now: datetime) -> None:
        """Remove what is older than the retention of its kind.

        Args:
            session: A session of its own.
            now: The time from which the days are counted back.

        Raises:
            OSError: Postgres cannot be reached.
            asyncpg.PostgresError: Postgres refuses.
            msgspec.MsgspecError: A later version has written settings that this one does not know.
        """
        for kind in await session.list_kinds():
            removed = Removed()
            try:
                # The batches go first; their tasks then belong to none.
                while await self._remove_batches(session, kind, now, removed):
                    pass
                while await self._remove_activity(session, kind, now, removed):
                    pass
                since = _BEGINNING
                while (since := await self._remove_tasks(session, kind, since, now, removed)) is not None:
                    pass
            finally:
                self._note(kind, removed)

    async def _remove_batches(self, session: RetentionSession, kind: str, now: datetime, removed: Removed) -> bool:
        """Remove some batches of a kind; False when no more are too old."""
        async with _Paced():
            if (before := await _before(session, kind, now)) is None:
                return False
            batches = await session.remove_batches(kind, before, ROWS)
        removed.batches += batches
        return batches == ROWS

    async def _remove_activity(self, session: RetentionSession, kind: str, now: datetime, removed: Removed) -> bool:
        """Remove some of the counts of a kind; False when no more are too old."""
        async with _Paced():
            if (before := await _before(session, kind, now)) is None:
                return False
            rows = await session.remove_activity(kind, before, ROWS)
        removed.activity += rows
        return rows == ROWS

    async def _remove_tasks(
        self, session: RetentionSession, kind: str, since: datetime, now: datetime, removed: Removed
    ) -> datetime | None:
        """Remove some tasks of a kind; returns the finish from which to go on, None when no more are too old."""
        async with _Paced():
            if (before := await _before(session, kind, now)) is None:
                return None
            tasks, entries, youngest, owners = await session.remove_tasks(kind, since, before, ROWS)
        self._on_counted(owners)
        removed.tasks += tasks
        removed.task_events += entries
        return youngest if tasks == ROWS else None

    def _note(self, kind: str, removed: Removed) -> None:
        """Count what was removed, and say it."""
        if removed == Removed():
            return
        rows = msgspec.structs.asdict(removed)
        for table, count in rows.items():
            if count:
                self.removed.add((kind, table), count)
        log.info("removed what finished longer ago than it is kept", kind=kind, **rows)


async def _before(session: RetentionSession, kind: str, now: datetime) -> datetime | None:
    """Return the time before which what is over is too old; None when the settings keep it for ever.

    The settings are read again for each transaction, so that somebody who keeps more than before stops a pass at once.
    """
    days = (await session.read_retention()).days_of(kind)
    return now - timedelta(days=days) if days else None


class _Paced:
    """Waits after a transaction, the longer the longer it took."""

    async def __aenter__(self) -> None:
        self._began = asyncio.get_running_loop().time()

    async def __aexit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            took = asyncio.get_running_loop().time() - self._began
            await asyncio.sleep(max(PAUSE_SECONDS_MIN, PAUSE_SHARE * took))
