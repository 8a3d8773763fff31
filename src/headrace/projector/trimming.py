"""Trimming: the leading projector takes the oldest finished tasks out of a log that has more of them than the settings say.

The memory of NATS grows with what the log has, so the log's retention in days bounds it only at low rates. A task leaves the log
early when it is over for some minutes and is projected, and when more than `StreamSettings.max_tasks` have ended since; all its
events go together. What is not over stays, and so do timers, batches and schedules. Postgres still has the task.

A mark in the log says up to where tasks have left it. It is appended some seconds before they do, so that whoever reads history
knows of it before anything is missing. What is dropped follows from two marks and the read model: once a task may be dropped, it
always may. So a projector that leads anew begins again where the one before it has stopped, and nothing is harmed by two at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta

from prometheus_client.metrics_core import Metric

from headrace.errors import AppendRefused, HeadraceError, LogUnavailable
from headrace.log import clock, conditions, subjects
from headrace.log.connection import STATE_SECONDS, Log
from headrace.log.consumers import unread_from
from headrace.log.prune import withdraw_all, withdraw_newest
from headrace.log.streams import StreamState
from headrace.metrics.families import counter, gauge
from headrace.projector.remains import find_remains
from headrace.store.outages import DRIVER_ERRORS
from headrace.store.trimming import TrimmingSession
from headrace.telemetry import get_logger

PASS_SECONDS = 5.0  # between two passes
KEPT_SECONDS = 300.0  # after its end, for which a task stays: requests, and workers that come late, find it until then
ANNOUNCED_SECONDS = 3 * STATE_SECONDS  # from a mark until tasks are dropped; by then every process knows the mark
TARGET_SHARE = 0.9  # of the tasks that may stay, which are left: so tasks go in few steps, each with one mark
TASKS_AT_ONCE = 200  # read in one query; a thousand records or so
STOP_SECONDS = 0.5  # to wait for a pass that was cancelled

log = get_logger(__name__)


class Trimming:
    """Takes finished tasks out of the log, while this projector leads.

    Args:
        event_log: The log.
        database_url: Where the read model is.

    Attributes:
        dropped: How many ends of tasks have left the log since the process started.
        kept: How many ends of tasks the log has; None while this projector does not lead, or has not counted them.
    """

    def __init__(self, event_log: Log, database_url: str) -> None:
        self.dropped = 0
        self.kept: int | None = None
        self._log = event_log
        self._database_url = database_url
        self._passing: asyncio.Task[None] | None = None
        self._due_at = 0.0
        self._forget()

    def _forget(self) -> None:
        """Know nothing of the log: neither what is counted, nor which mark was carried out."""
        self.kept = None
        self._epoch = self._counted_through = 0
        self._done: int | None = None
        self._marked_at: float | None = None

    @asynccontextmanager
    async def leading(self) -> AsyncGenerator[None]:
        """End with the block what a pass is doing; whoever leads next goes on with it."""
        self._forget()
        try:
            yield
        finally:
            if self._passing is not None:
                self._passing.cancel()
                await asyncio.wait({self._passing}, timeout=STOP_SECONDS)
                self._passing = None
            self._forget()

    def pass_when_due(self) -> None:
        """Begin a pass in the background, unless one is under way or the last one began just now."""
        now = asyncio.get_running_loop().time()
        if self._log.settings.max_tasks and now >= self._due_at and (self._passing is None or self._passing.done()):
            self._due_at = now + PASS_SECONDS
            self._passing = asyncio.create_task(self._pass(), name="trimming")

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics of what has left the log."""
        about = "Ends of tasks that have left the log because it has newer ones"
        yield counter("headrace_log_dropped_tasks", about, self.dropped)
        if self.kept is None:
            return
        yield gauge(
            "headrace_log_finished_tasks", "Ends of tasks in the log, as the leading projector counts them", self.kept
        )

    async def _pass(self) -> None:
        """Trim once. What goes wrong is said, and tried again in the next pass."""
        try:
            session = await TrimmingSession.connect(self._database_url)
            try:
                await self.trim(session)
            finally:
                session.close()
        except (HeadraceError, *DRIVER_ERRORS) as error:
            log.warning("the log cannot be trimmed yet", error=str(error) or type(error).__name__)

    async def trim(self, session: TrimmingSession) -> None:
        """Drop what was announced for long enough, and announce what is to be dropped next.

        Raises:
            LogUnavailable: The log does not answer.
            OSError: Postgres cannot be reached.
            asyncpg.PostgresError: Postgres refuses.
        """
        state = await self._log.refresh()
        if state.epoch != self._epoch:
            self._forget()
            self._epoch = state.epoch
        if not await self._carry_out(session, state):
            return
        kept = await self._count(session, state)
        if kept > self._log.settings.max_tasks:
            await self._announce(session, state, kept)

    async def _carry_out(self, session: TrimmingSession, state: StreamState) -> bool:
        """Drop the tasks that ended before the newest mark; whether that is done."""
        if not state.marks or state.marks[-1] == self._done:
            return True
        now = asyncio.get_running_loop().time()
        if self._marked_at is None:
            # Another projector has announced it, and may have carried it out.
            self._marked_at = now
        if now < self._marked_at + ANNOUNCED_SECONDS:
            return False
        mark = state.marks[-1]
        count = await self._drop(session, state.marks[-2] if len(state.marks) > 1 else 0, mark)
        self.dropped += count
        if self.kept is not None:
            self.kept -= count
        self._done, self._marked_at = mark, None
        log.info("finished tasks have left the log early", tasks=count, through=mark)
        return True

    async def _drop(self, session: TrimmingSession, after: int, through: int) -> int:
        """Take the events of the tasks out of the log that ended behind one sequence and up to another; return how many ends."""
        count = 0
        while after < through:
            ended = await session.list_ended(self._epoch, after, through, TASKS_AT_ONCE)
            # Of a log that was made anew, these would be the records of other tasks.
            if (await self._log.refresh()).epoch != self._epoch:
                raise LogUnavailable("the log was made anew meanwhile")
            # The ends go last: a worker that is given a task once more finds its end for as long as there is anything to run.
            # So does whoever asks for the task: without it, what the task has said would look like a task that runs.
            await withdraw_all(self._log, ended.events)
            await withdraw_all(self._log, await find_remains(self._log, ended.tasks, through))
            await withdraw_all(self._log, ended.ends)
            count, after = count + ended.number, ended.last
        return count

    async def _count(self, session: TrimmingSession, state: StreamState) -> int:
        """Count the ends behind the newest mark; after the first time only those that were not counted yet."""
        before = self.kept
        if before is None:
            before, self._counted_through = 0, state.marks[-1] if state.marks else 0
        ends = await session.count_ends(self._epoch, self._counted_through)
        self.kept = before + ends.number
        self._counted_through = max(self._counted_through, ends.last)
        return self.kept

    async def _announce(self, session: TrimmingSession, state: StreamState, kept: int) -> None:
        """Append a mark behind the oldest ends that are too many."""
        done = state.marks[-1] if state.marks else 0
        excess = kept - int(self._log.settings.max_tasks * TARGET_SHARE)
        before = clock.now() - timedelta(seconds=KEPT_SECONDS)
        cut = await session.find_cut(self._epoch, done, excess, before)
        # A firing that is read once more must find its task.
        if (unread := await unread_from(self._log)) is not None:
            cut = min(cut, unread - 1)
        if cut <= done:
            return
        try:
            await self._log.appender.append(
                subjects.dropped(cut), b"", {subjects.TTL: "never", **conditions.subject_is_empty()}
            )
        except AppendRefused:
            # An acknowledgement was lost.
            log.info("the mark was appended before", through=cut)
        self._marked_at = asyncio.get_running_loop().time()
        # Two are left: what is between them may not be carried out yet.
        for mark in state.marks[:-1]:
            await withdraw_newest(self._log, subjects.dropped(mark))
