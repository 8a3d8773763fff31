"""The projector process: it folds the log into the read model, one page in one transaction. Read this first.

Of several projectors one leads: the one whose Postgres session holds the lock. It writes pages in that session. The checkpoint
is written with the page, so a page counts exactly once. The acknowledgement to the broker comes after that, and only shows
operators how far the projector has come.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

from prometheus_client.metrics_core import Metric

from headrace.contracts.positions import Position
from headrace.errors import HeadraceError
from headrace.health import Readiness, all_needed
from headrace.log.backlog import Backlog
from headrace.log.connection import Log
from headrace.log.deliveries import Delivery
from headrace.log.jetstream import ProvisionError
from headrace.log.metrics import LogCollector
from headrace.log.opening import open_log, until_compared
from headrace.log.presence import Presence, process_name
from headrace.metrics.page import MetricsPage
from headrace.operations.answers import Operations
from headrace.operations.port import serve_operations
from headrace.projector.backfill import Backfill
from headrace.projector.batch_progress import BatchProgress
from headrace.projector.cluster_figures import ClusterFigures
from headrace.projector.decode import batch_ids, decode_page, schedule_ids, task_ids
from headrace.projector.firings import FiringReader, submitting_firings
from headrace.projector.fold.page import Unfoldable, fold_page
from headrace.projector.metrics import LOG_LOST, LOG_SHORTENED, ProjectorMetrics, show
from headrace.projector.owner_counts import OwnerCountsTelling
from headrace.projector.pages import OutOfOrder, Pages
from headrace.projector.rearm_timers import TimerSearch
from headrace.projector.recovery import find_end, recover_from_loss, recover_from_shortening
from headrace.projector.retention import Retention
from headrace.projector.role import LEADING, STANDING_BY, Role
from headrace.projector.schedule_telling import ScheduleTelling
from headrace.projector.sweep import SWEEP_SECONDS, Sweep
from headrace.projector.trimming import Trimming
from headrace.settings import Settings
from headrace.stop import enter_unless_stopped
from headrace.store.leader_queries import list_unsettled_batches
from headrace.store.leadership import LeaderSession
from headrace.store.outages import DRIVER_ERRORS, describe_outage
from headrace.store.projection import FoldedPage, Projection, Unstorable
from headrace.store.repair import end_repair, is_repair_pending
from headrace.telemetry import get_logger

STAND_BY_SECONDS = 1.0  # between two attempts of a projector that stands by to take the lock
IDLE_SECONDS = SWEEP_SECONDS  # wait for a page before the sweep; a statement so often also keeps the session alive
RETRY_SECONDS = 1.0  # until a projector that cannot reach Postgres or the log tries again
STOP_SECONDS = 0.5  # until a projector that was cancelled is cancelled again
RESTART_SECONDS = 0.1  # until pages are read anew: a server that goes away ends pulls faster than connections

log = get_logger(__name__)


async def project(settings: Settings, stop: asyncio.Event) -> None:
    """Run a projector until ``stop`` is set.

    Raises:
        LogUnavailable: NATS cannot be reached at start.
        ProvisionError: The log cannot be made what the settings say.
        OSError: The address of the operations port cannot be listened on.
    """
    operations = Operations(stop)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            serve_operations(settings.projector.ops, operations, variable="HEADRACE_PROJECTOR_OPS")
        )
        opening = _open_logs(settings, operations)
        if (logs := await enter_unless_stopped(stack, opening, stop)) is None:
            return
        opened, for_firings = logs
        projector = Projector(opened, settings.database.url)
        _show(operations.metrics, projector, settings, opened, for_firings)
        operations.count_backlog = Backlog(opened).count
        async with submitting_firings(for_firings, settings.database.url, projector.metrics) as firings:
            operations.ready = partial(check_readiness, projector, firings, (opened, for_firings))
            telling = asyncio.create_task(Presence(opened, "projector", process_name()).tell_regularly(), name="tell")
            working = asyncio.create_task(projector.work(), name="projector")
            stopped = asyncio.create_task(stop.wait(), name="stop")
            await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            telling.cancel()
            # A driver that loses its connection in this moment swallows the cancellation, so it is repeated.
            while not working.done():
                working.cancel()
                await asyncio.wait({working}, timeout=STOP_SECONDS)
        if not working.cancelled():
            working.result()
    log.info("stopped")


@asynccontextmanager
async def _open_logs(settings: Settings, operations: Operations) -> AsyncGenerator[tuple[Log, Log]]:
    """Open the log twice, for the block: to project, and to submit what schedules fire."""
    async with (
        open_log(settings, "projector", on_wait=operations.note_wait) as opened,
        open_log(settings, "firings", until_compared, operations.note_wait) as for_firings,
    ):
        yield opened, for_firings


def _show(page: MetricsPage, projector: Projector, settings: Settings, event_log: Log, for_firings: Log) -> None:
    figures = ClusterFigures(event_log, settings.stream.max_bytes, lambda: projector.role.is_leading)
    page.prepare = figures.refresh
    page.add(projector, projector.retention, projector.trimming, figures, LogCollector(event_log, for_firings))


async def check_readiness(projector: Projector, firings: FiringReader, logs: tuple[Log, ...]) -> Readiness:
    """Say how each thing is that the process depends on: it keeps the read model, and submits what schedules fire."""
    checks = await projector.role.checks() | {"firings": firings.problem or "ok"}
    checks["permissions"] = next((each.not_permitted for each in logs if each.not_permitted), "ok")
    return all_needed(checks)


class Projector:
    """Stands by until it leads, then projects until it loses Postgres or the log.

    Attributes:
        role: Whether it leads, and how what it depends on is.
        metrics: What it counts.
        retention, trimming: Remove what is too old, or too much for the log, while it leads.
    """

    def __init__(self, log: Log, database_url: str) -> None:
        self._log = log
        self._database_url = database_url
        self._batch_progress, self._owner_counts = BatchProgress(log), OwnerCountsTelling(log)
        self._schedule_telling = ScheduleTelling(log)
        self._backfill = Backfill()
        self.role = Role(log, database_url)
        self.metrics = ProjectorMetrics()
        self.retention = Retention(database_url, self._owner_counts.note)
        self.trimming = Trimming(log, database_url)
        self._sweep = Sweep(log, self.metrics)
        self._gap: str | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield what Prometheus is shown of it."""
        yield from show(self.metrics, is_leading=self.role.is_leading, lacks_migration=self._gap is not None)

    async def work(self) -> None:
        """Lead or stand by, for ever; survives the loss of Postgres and of the log."""
        while True:
            try:
                await self._lead_when_free()
            except DRIVER_ERRORS as error:
                self.role.blame("postgres", f"cannot use Postgres: {describe_outage(error)}")
            except (HeadraceError, ProvisionError) as error:
                self.role.blame("log", f"cannot use the log: {error}")
            # Neither Postgres nor the log says when it is back.
            await asyncio.sleep(RETRY_SECONDS)

    async def _lead_when_free(self) -> None:
        session = await LeaderSession.connect(self._database_url)
        try:
            while (gap := await session.find_gap()) is not None:
                self._gap = gap
                self.role.blame("postgres", gap)
                # Nobody says that the database was migrated.
                await asyncio.sleep(RETRY_SECONDS)
            self._gap = None
            while not await session.try_lead():
                self.role.set(STANDING_BY)
                self.role.note_answer()
                # Postgres wakes only sessions that block on the lock, so the lock is tried again.
                await asyncio.sleep(STAND_BY_SECONDS)
            while True:
                with suppress(OutOfOrder):
                    await self._project_from_checkpoint(session)
                log.warning("what the log delivers has a gap; beginning again from the checkpoint")
                await asyncio.sleep(RESTART_SECONDS)
        finally:
            session.close()

    async def _project_from_checkpoint(self, session: LeaderSession) -> None:
        """Read the log from the checkpoint, page by page.

        Raises:
            OutOfOrder: The consumer repeated or skipped a record; begin again.
        """
        projection = Projection(session)
        checkpoint = await self._compare_with_log(session, projection)
        self.role.set(LEADING)
        self._backfill.begin()
        await session.hold_while(self._batch_progress.settle(await list_unsettled_batches(session)))
        async with (
            Pages.after(self._log, checkpoint.sequence) as pages,
            self.retention.leading(),
            self.trimming.leading(),
        ):
            timers = TimerSearch(self._log)
            while True:
                patience = self._backfill.patience(self._owner_counts.patience(IDLE_SECONDS))
                page = await session.hold_while(pages.next(patience))
                if page:
                    began = time.monotonic()
                    await self._project_page(projection, page)
                    await session.hold_while(self._schedule_telling.tell(page))
                    self.metrics.record_page(page, time.monotonic() - began)
                    await pages.acknowledge(page)
                else:
                    await session.keep_alive()
                self.role.note_answer()
                await self._owner_counts.tell_when_due(session)
                await self._backfill.fill_when_due(session)
                await self._sweep.sweep_when_due(session)
                self.trimming.pass_when_due()
                # Only a read model that has caught up with the log says which timers are missing, and which tasks are over.
                if not (page and page[-1].pending):
                    await timers.search_when_due(session)
                    self.retention.pass_when_due()

    async def _compare_with_log(self, session: LeaderSession, projection: Projection) -> Position:
        """Compare the checkpoint with the log, repair what the log has lost, and allow appends.

        Returns:
            The position after which to read.
        """
        if await projection.count_if_needed():
            log.info("counted all tasks anew")
        state = await self._log.refresh()
        checkpoint = await projection.read_checkpoint()
        if checkpoint is None:
            # The rows of all other tables know which events they reflect. Counts would be added to what an earlier one has left.
            await projection.forget_activity()
            checkpoint = Position(state.epoch, 0)
        elif checkpoint.epoch != state.epoch:
            log.error(
                "the log was made anew; projecting it from its beginning", before=str(checkpoint), epoch=state.epoch
            )
            queued = await recover_from_loss(self._log, session)
            self.metrics.requeued.add((LOG_LOST,), queued)
            checkpoint = Position(state.epoch, 0)
        elif (last := await find_end(self._log, checkpoint)) < checkpoint.sequence or await is_repair_pending(session):
            log.error("the log is shorter than it was", checkpoint=str(checkpoint), last_sequence=last)
            queued = await recover_from_shortening(self._log, session, checkpoint, last)
            self.metrics.requeued.add((LOG_SHORTENED,), queued)
        await projection.write_checkpoint(checkpoint)
        await end_repair(session)
        if not await self._log.continuity.is_compared():
            await self._log.continuity.mark_compared()
        log.info("projecting", after=str(checkpoint), last_sequence=state.last_sequence)
        return checkpoint

    async def _project_page(self, projection: Projection, page: list[Delivery]) -> None:
        """Fold and write a page. One that cannot be projected is halved until the event is found that is to blame."""
        checkpoint = Position(self._log.epoch, page[-1].sequence)
        try:
            folded = await self._fold(projection, page)
            self._owner_counts.note(await projection.write_page(folded, checkpoint))
        except (Unfoldable, Unstorable) as error:
            if len(page) > 1:
                middle = len(page) // 2
                await self._project_page(projection, page[:middle])
                await self._project_page(projection, page[middle:])
                return
            folded = await self._project_odd(projection, page[0], error)
        self.metrics.record_ends(folded.tasks)
        await projection.hold_while(self._batch_progress.publish_changes(folded.batches))

    async def _project_odd(self, projection: Projection, delivery: Delivery, problem: Exception) -> FoldedPage:
        """Project one event with the nearest values that Postgres can hold; leave it out when that does not help."""
        checkpoint = Position(self._log.epoch, delivery.sequence)
        try:
            folded = await self._fold(projection, [delivery])
            folded.make_storable()
            self._owner_counts.note(await projection.write_page(folded, checkpoint))
        except (Unfoldable, Unstorable) as error:
            log.error("an event cannot be stored; it is left out", sequence=delivery.sequence, exc_info=error)
            await projection.write_checkpoint(checkpoint)
            return FoldedPage()
        log.warning(
            "an event has a value that Postgres cannot hold; the nearest one is stored",
            sequence=delivery.sequence,
            error=str(problem),
        )
        return folded

    async def _fold(self, projection: Projection, page: list[Delivery]) -> FoldedPage:
        """Load the rows that a page is about, and fold its events into them.

        Raises:
            Unfoldable: An event of the page cannot be folded.
            Unstorable: An event of the page is about an id that Postgres cannot hold.
        """
        decoded = list(decode_page(page))
        tasks = await projection.load_tasks(list(task_ids(decoded)))
        batches = await projection.load_batches(list(batch_ids(decoded, tasks.values())))
        schedules = await projection.load_schedules(list(schedule_ids(decoded)))
        return fold_page(decoded, tasks, batches, schedules, self._log.epoch)
