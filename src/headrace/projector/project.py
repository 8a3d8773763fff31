"""The projector process: the log, folded into the read model, a page a transaction.

Of several projectors one is active: the one whose Postgres session holds the lock, and pages are written in that session.
The checkpoint is written with the page, so a page counts exactly once; the broker's acknowledgement comes after and only
tells operators how far things are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import msgspec

from headrace.contracts import batches as batch_events
from headrace.contracts import schedules as schedule_events
from headrace.contracts.batches import BatchEvent
from headrace.contracts.events import Event, Finished, decode
from headrace.contracts.positions import Position
from headrace.contracts.schedules import ScheduleEvent
from headrace.errors import HeadraceError
from headrace.health import serve_health
from headrace.log import subjects
from headrace.log.connection import Log, open_log, until_compared
from headrace.log.continuity import is_compared, mark_compared
from headrace.log.provision import ProvisionError
from headrace.log.records import Delivery
from headrace.log.subjects import BatchSubject, ScheduleSubject, TaskSubject, has_events, is_of_batch, is_of_schedule
from headrace.projector.batch_progress import Settling
from headrace.projector.firings import submitting_firings
from headrace.projector.fold.batches import Batches
from headrace.projector.fold.schedules import Schedules, arm_missing, schedule_of
from headrace.projector.fold.tasks import fold, timeline_entries
from headrace.projector.pages import OutOfOrder, Pages
from headrace.projector.recovery import after_loss, after_shortening
from headrace.projector.sweep import SWEEP_SECONDS, Sweep
from headrace.settings import Settings
from headrace.store.projection import BatchRow, EventRow, ReadModel, TaskRow, Unstorable
from headrace.telemetry import get_logger

STAND_BY_SECONDS = 1.0  # how often a projector that stands by looks whether it is needed
IDLE_SECONDS = SWEEP_SECONDS  # how long to wait for a page before looking after the rest; also keeps the session alive
RETRY_SECONDS = 1.0
STOP_SECONDS = 0.5
AGAIN_SECONDS = 0.1  # a server that goes away ends pulls faster than connections

log = get_logger(__name__)

_Unreachable = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)


async def project(settings: Settings, stop: asyncio.Event) -> None:
    """Run a projector until ``stop`` is set.

    Raises:
        LogUnavailable: NATS cannot be reached at start.
        ProvisionError: the log cannot be made what the settings say.
    """
    async with open_log(settings, "projector") as opened, open_log(settings, "firings", until_compared) as for_firings:
        projector = Projector(opened, settings.database.url)
        async with serve_health(settings.projector.health, projector.ready), submitting_firings(for_firings):
            working = asyncio.create_task(projector.work(), name="projector")
            stopped = asyncio.create_task(stop.wait(), name="stop")
            await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            while not working.done():  # more than once: a driver that loses its connection just then swallows it
                working.cancel()
                await asyncio.wait({working}, timeout=STOP_SECONDS)
        if not working.cancelled():
            working.result()
    log.info("stopped")


class Projector:
    """Stands by until it leads, then projects, for ever."""

    def __init__(self, log: Log, database_url: str) -> None:
        self._log = log
        self._database_url = database_url
        self._settling = Settling(log)
        self._sweep = Sweep(log)
        self._role = "starting"

    async def ready(self) -> dict[str, str]:
        """Its health: the state of each thing it depends on."""
        return {
            "nats": "ok" if self._log.is_connected else "disconnected; reconnecting",
            "postgres": "ok" if self._role in ("leading", "standing by") else self._role,
        }

    async def work(self) -> None:
        """Lead or stand by; survives the loss of Postgres and of the log."""
        while True:
            try:
                await self._lead_when_free()
            except _Unreachable as error:
                self._became(f"cannot reach Postgres: {error}")
            except (HeadraceError, ProvisionError) as error:
                self._became(f"cannot use the log: {error}")
            await asyncio.sleep(RETRY_SECONDS)  # whatever is away does not say when it is back

    async def _lead_when_free(self) -> None:
        read_model = await ReadModel.connect(self._database_url)
        try:
            while not await read_model.try_lead():
                self._became("standing by")
                await asyncio.sleep(STAND_BY_SECONDS)  # a lock that is freed wakes only those who block on it
            self._became("leading")
            while True:
                with suppress(OutOfOrder):
                    await self._project_from_checkpoint(read_model)
                log.warning("what the log delivers has a gap; beginning again from the checkpoint")
                await asyncio.sleep(AGAIN_SECONDS)
        finally:
            read_model.close()

    async def _project_from_checkpoint(self, read_model: ReadModel) -> None:
        checkpoint = await self._find_checkpoint(read_model)
        await self._settling.settle(await read_model.unsettled_batches())
        async with Pages.after(self._log, checkpoint.sequence) as pages:
            armed = False
            while True:
                page = await pages.next(IDLE_SECONDS)
                if page:
                    await self._write(read_model, page)
                    await pages.acknowledge(page)
                else:
                    await read_model.stay()
                await self._sweep.now_and_then(read_model)
                if not armed and not (page and page[-1].pending):  # the read model knows what the log knows
                    await arm_missing(self._log, read_model)
                    armed = True

    async def _find_checkpoint(self, read_model: ReadModel) -> Position:
        """Compare the log with the read model; make up for what the log has lost; say that it may be appended to."""
        state = await self._log.refresh()
        checkpoint = await read_model.checkpoint()
        if checkpoint is None:
            checkpoint = Position(state.epoch, 0)
        elif checkpoint.epoch != state.epoch:
            log.error(
                "the log was made anew; projecting it from its beginning", before=str(checkpoint), epoch=state.epoch
            )
            await after_loss(self._log, read_model)
            checkpoint = Position(state.epoch, 0)
        elif checkpoint.sequence > state.last_sequence or await read_model.repairing() is not None:
            log.error("the log is shorter than it was", checkpoint=str(checkpoint), last_sequence=state.last_sequence)
            await after_shortening(self._log, read_model, checkpoint)
        await read_model.write_page((), (), checkpoint)
        await read_model.end_repair()
        if not await is_compared(self._log.connection, self._log.settings.replicas):
            await mark_compared(self._log.connection)
        log.info("projecting", after=str(checkpoint), last_sequence=state.last_sequence)
        return checkpoint

    async def _write(self, read_model: ReadModel, page: list[Delivery]) -> None:
        """Write a page. One that Postgres cannot take is halved until the event is found that it cannot hold."""
        checkpoint = Position(self._log.epoch, page[-1].sequence)
        try:
            tasks, events, batches, schedules = await self._fold(read_model, page)
            await read_model.write_page(
                tasks.values(), events, checkpoint, batches.values(), schedules.changed.values(), tuple(schedules.gone)
            )
            await self._settling.counted(batches.values())
        except Unstorable as error:
            if len(page) == 1:
                log.error("an event cannot be stored; it is left out", sequence=page[0].sequence, error=str(error))
                await read_model.write_page((), (), checkpoint)
            else:
                middle = len(page) // 2
                await self._write(read_model, page[:middle])
                await self._write(read_model, page[middle:])

    async def _fold(
        self, read_model: ReadModel, page: list[Delivery]
    ) -> tuple[dict[str, TaskRow], list[EventRow], dict[str, BatchRow], Schedules]:
        """One row for each task, batch and schedule that the page changes, a line for each event of a task's timeline."""
        epoch = self._log.epoch
        read = list(_read(page))
        rows = await read_model.tasks(list({each.subject.task for each in read if isinstance(each, _Read)}))
        batches = Batches(await read_model.batches(list(_batches_of(read, rows.values()))), epoch)
        schedules = Schedules(await read_model.schedules(list({*filter(None, map(schedule_of, page))})), epoch)
        changed: dict[str, TaskRow] = {}
        events: list[EventRow] = []
        for each in read:
            if isinstance(each, _ReadOfBatch):
                batches.happened(*each)
                continue
            if isinstance(each, _ReadOfSchedule):
                schedules.happened(*each)
                continue
            record, subject, event = each
            before = rows.get(subject.task)
            was = before.state if before is not None else None
            row = fold(before, record, subject, event, epoch)
            if row is not None:
                rows[subject.task] = changed[subject.task] = row
                batches.moved(was, row, event.withdrawn if isinstance(event, Finished) else None)
            schedules.submitted(record, subject, event)
            events.extend(timeline_entries(record, subject, event, epoch))
        return changed, events, batches.changed, schedules

    def _became(self, role: str) -> None:
        if role != self._role:
            self._role = role
            log.info(role)


class _Read(NamedTuple):
    record: Delivery
    subject: TaskSubject
    event: Event


class _ReadOfBatch(NamedTuple):
    record: Delivery
    subject: BatchSubject
    event: BatchEvent


class _ReadOfSchedule(NamedTuple):
    record: Delivery
    subject: ScheduleSubject
    event: ScheduleEvent


def _batches_of(read: Iterable[_Read | _ReadOfBatch | _ReadOfSchedule], rows: Iterable[TaskRow]) -> set[str]:
    """The batches that what was read is about, or may be."""
    found = {row.batch for row in rows if row.batch is not None}
    for each in read:
        if isinstance(each, _ReadOfBatch):
            found.add(each.subject.batch)
        elif isinstance(each, _Read) and (batch := each.record.headers.get(subjects.BATCH)) is not None:
            found.add(batch)
    return found


def _read(page: list[Delivery]) -> Iterator[_Read | _ReadOfBatch | _ReadOfSchedule]:
    for record in page:
        if not has_events(record.subject):
            continue
        try:
            record.payload.decode()  # what is passed on as it is was not looked into
            if is_of_batch(record.subject):
                yield _ReadOfBatch(record, BatchSubject.parse(record.subject), batch_events.decode(record.payload))
                continue
            if is_of_schedule(record.subject):
                event = schedule_events.decode(record.payload)
                yield _ReadOfSchedule(record, ScheduleSubject.parse(record.subject), event)
                continue
            yield _Read(record, TaskSubject.parse(record.subject), decode(record.payload))
        except (ValueError, msgspec.MsgspecError) as error:  # one bad event must not stop the log
            log.error("an event cannot be read; it is left out", sequence=record.sequence, error=str(error))
