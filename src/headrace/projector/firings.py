"""Firings of schedules: the broker's timers go off in the log, and each firing submits one task.

Every projector reads them, whether it leads or stands by, and needs no Postgres for it. A firing is acknowledged last, so one
whose reader died is read again; the task's id follows from the schedule and the occurrence, so that makes no second task.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import msgspec

from headrace.contracts.schedules import Missed, ScheduleDefinition, ScheduleEventName, ScheduleFired, decode
from headrace.cron import first, is_over, missed, occurrence
from headrace.errors import AppendRefused, LogFull, LogUnavailable, TooLarge
from headrace.lifecycle.schedules import occurrence_task_id, submit_occurrence
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.consumers import provision_firings
from headrace.log.deliveries import Delivery
from headrace.log.jetstream import ProvisionError
from headrace.log.prune import purge
from headrace.log.records import Record
from headrace.log.subjects import ScheduleSubject
from headrace.telemetry import get_logger

STALE_SECONDS = (
    300.0  # what was made so long ago is submitted only if nothing newer was: an outage ends without a flood
)
MISSED_SECONDS = 5.0  # timers fire up to 0.3 s late; later than this, nobody could make it fire
ORDER = 32  # firings on order; each takes about a millisecond
ORDER_EXPIRES_SECONDS = 30.0
CHECK_SECONDS = 1.0
RECOVERY_SECONDS = 2.0  # after the log is back: a broker that still knows its timers has made late firings by then
STOP_SECONDS = 0.5

log = get_logger(__name__)


@asynccontextmanager
async def submitting_firings(to: Log) -> AsyncGenerator[None]:
    """While the block runs, firings submit tasks."""
    firings = Firings(to)
    working = asyncio.create_task(firings.work(), name="firings")
    try:
        yield
    finally:
        while not working.done():
            working.cancel()
            await asyncio.wait({working}, timeout=STOP_SECONDS)
        await firings.close()


class Firings:
    """Reads firings, in the order of the log, and submits their tasks."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._puller = log.puller(subjects.FIRINGS, self._on_delivery, self._on_end)
        self._acknowledger = log.acknowledger()
        self._arrived: list[Delivery] = []
        self._wake = asyncio.Event()
        self._gone = True  # nobody has made sure of the consumer yet
        self._back: datetime | None = None  # since when, while missed firings are still to be looked for

    async def work(self) -> None:
        """Read and submit until cancelled; survives the loss of the log."""
        await self._puller.open()
        forget = self._log.on_reconnect(self._pull_anew)
        try:
            while True:
                if self._gone:
                    await self._restore()
                await self._submit_arrived()
                await self._make_up()
                if self._puller.outstanding == 0 and not self._gone:
                    await self._puller.pull(ORDER, ORDER_EXPIRES_SECONDS)
                with suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_SECONDS):
                        await self._wake.wait()
                self._wake.clear()
                self._puller.check()
        finally:
            forget()

    async def close(self) -> None:
        """Stop listening. What has arrived and was not dealt with, another is given soon."""
        await self._puller.close()
        await self._acknowledger.flush()

    async def _restore(self) -> None:
        try:
            await provision_firings(self._log)
            self._gone, self._back = False, datetime.now(UTC)
        except (LogUnavailable, ProvisionError) as error:
            log.warning("firings cannot be read yet", error=str(error))

    async def _make_up(self) -> None:
        if self._back is None or (datetime.now(UTC) - self._back).total_seconds() < RECOVERY_SECONDS:
            return
        try:
            await make_up(self._log, self._back)
            self._back = None
        except (LogUnavailable, LogFull) as error:
            log.warning("missed firings cannot be looked for yet", error=error.message)

    async def _submit_arrived(self) -> None:
        while self._arrived:
            delivery = self._arrived.pop(0)
            try:
                await submit(self._log, delivery)
            except (LogUnavailable, LogFull) as error:
                log.warning("a firing waits for the log", sequence=delivery.sequence, error=error.message)
                self._arrived.clear()  # they are delivered again
                return
            except Exception as error:  # one bad firing must not stop the others
                log.error("a firing cannot be submitted; it is dropped", sequence=delivery.sequence, exc_info=error)
            self._acknowledger.ack(delivery)

    async def _pull_anew(self) -> None:
        self._puller.reset()
        self._gone = True  # the log may have been made anew
        self._wake.set()

    def _on_delivery(self, delivery: Delivery) -> None:
        self._arrived.append(delivery)
        self._wake.set()

    def _on_end(self, gone: bool) -> None:
        self._gone = self._gone or gone
        self._wake.set()


async def submit(to: Log, firing: Delivery) -> None:
    """Submit the task of a firing, unless it comes too early, too late, or was submitted before.

    A broker that was away for longer than an interval counts on from the firing that it makes when it is back, so that is on
    time. When it was there and no projector was, all firings are in the log; of those that are minutes late the last is submitted.

    Raises:
        LogFull: the log takes nothing.
        LogUnavailable: the log does not answer; do it again.
        MsgspecError: the firing cannot be read.
        ValueError: likewise.
    """
    subject, definition, next_at = _read(firing)
    due = occurrence(definition, next_at)
    if is_over(definition, due):
        timer = subjects.schedule_timer(subject.owner, subject.schedule)
        await purge(to, timer, before=firing.sequence)
        return
    if definition.start_at is not None and due < definition.start_at:
        return
    if definition.missed is Missed.SKIP and (firing.at - due).total_seconds() > MISSED_SECONDS:
        log.info("a missed firing is skipped", schedule=subject.schedule, due_at=due.isoformat())
        return
    if (datetime.now(UTC) - firing.at).total_seconds() > STALE_SECONDS and await _has_fired_since(to, firing):
        log.info(
            "a firing that nobody was there to submit is left to the next",
            schedule=subject.schedule,
            due_at=due.isoformat(),
        )
        return
    task = occurrence_task_id(subject.schedule, due)
    try:
        await submit_occurrence(
            to, subject.owner, definition, task, firing.at, {subjects.OF_SCHEDULE: subject.schedule}
        )
    except AppendRefused:
        log.info("a firing was submitted before", schedule=subject.schedule, task_id=task)
    except TooLarge as error:
        log.error("a firing's task is too large", schedule=subject.schedule, error=error.message)


async def _has_fired_since(to: Log, firing: Record) -> bool:
    last = await to.replayer.last(firing.subject)
    return last is not None and last.sequence > firing.sequence


async def make_up(to: Log, back: datetime) -> None:
    """Submit for firings that the broker has forgotten.

    A broker that was stopped makes a firing that it missed when it is back; one that was killed does not, and goes on with
    the next. What it announced last, and when a timer was set, tell which it was to make before it was ``back``. A schedule
    that has fired again by the time somebody looks, because it fires every few seconds, has nothing to catch up with.

    Raises:
        LogFull: the log takes nothing.
        LogUnavailable: the log does not answer; do it again.
    """
    start, more = 1, True
    while more:
        timers, more = await to.replayer.page(subjects.SCHEDULE_TIMERS, start=start)
        for timer in timers:
            start = timer.sequence + 1
            if not timer.payload:
                continue  # of a schedule that is paused, or no more
            try:
                await _make_up_for(to, timer, back)
            except (ValueError, KeyError, msgspec.MsgspecError) as error:
                log.error("a timer cannot be read", sequence=timer.sequence, error=str(error))


async def _make_up_for(to: Log, timer: Record, back: datetime) -> None:
    owner, schedule = timer.subject.split(".")[-2:]
    definition = _fired(timer).definition
    last = await to.replayer.last(subjects.schedule_event(ScheduleEventName.FIRED, owner, schedule))
    if last is not None and last.sequence > timer.sequence:
        expected = datetime.fromisoformat(last.headers[subjects.SCHEDULE_NEXT])
    else:
        expected = first(definition, timer.at)
    if expected is None or expected >= back:
        return
    due = missed(definition, expected, back)
    early = definition.start_at is not None and due < definition.start_at
    late = definition.missed is Missed.SKIP and (back - due).total_seconds() > MISSED_SECONDS
    if early or late or is_over(definition, due):
        return
    task = occurrence_task_id(schedule, due)
    with suppress(AppendRefused):  # another projector was first
        await submit_occurrence(to, owner, definition, task, back, {subjects.OF_SCHEDULE: schedule})
        log.info("a missed firing is made up for", schedule=schedule, due_at=due.isoformat(), task_id=task)


def _fired(record: Record) -> ScheduleFired:
    fired = decode(record.payload)
    if not isinstance(fired, ScheduleFired):
        raise msgspec.ValidationError("this is no firing")
    return fired


def _read(firing: Delivery) -> tuple[ScheduleSubject, ScheduleDefinition, datetime]:
    definition = _fired(firing).definition
    try:
        next_at = datetime.fromisoformat(firing.headers[subjects.SCHEDULE_NEXT])
    except KeyError as error:
        raise ValueError("it does not say when it fires next") from error
    return ScheduleSubject.parse(firing.subject), definition, next_at.astimezone(UTC)
