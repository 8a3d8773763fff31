"""Firings of schedules: the broker's timers append them to the log, and each firing submits one task.

Every projector reads firings, whether it leads or stands by, and needs no Postgres for that. A firing is acknowledged last, so
one whose reader died is redelivered. That makes no second task, because the task's id follows from the schedule and the
occurrence.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from headrace.contracts.schedules import Missed, ScheduleDefinition
from headrace.cron import is_over, occurrence
from headrace.errors import AppendRefused, LogFull, LogUnavailable, TooLarge
from headrace.lifecycle.schedules import occurrence_task_id, submit_occurrence
from headrace.log import clock, subjects
from headrace.log.connection import Log
from headrace.log.consumers import provision_firings
from headrace.log.deliveries import Delivery
from headrace.log.jetstream import ProvisionError
from headrace.log.prune import purge
from headrace.log.records import Record
from headrace.log.subjects import ScheduleSubject
from headrace.projector.missed_firings import MISSED_SECONDS, decode_fired, submit_missed_firings
from headrace.telemetry import get_logger

# After an outage only the newest firing of a schedule is submitted; older ones would flood its workers.
STALE_SECONDS = 300.0
PULL_FIRINGS = 32  # in one pull; each takes about a millisecond
PULL_EXPIRES_SECONDS = 30.0
CHECK_SECONDS = 1.0  # between two checks of the pull and the consumer while no firing comes
RECOVERY_SECONDS = 2.0  # after the log is back: a broker that still has its timers has appended late firings by then
STOP_SECONDS = 0.5  # until a reader that was cancelled is cancelled again

log = get_logger(__name__)


@asynccontextmanager
async def submitting_firings(event_log: Log) -> AsyncGenerator[None]:
    """Submit the tasks of firings while the block runs."""
    firings = FiringReader(event_log)
    working = asyncio.create_task(firings.work(), name="firings")
    try:
        yield
    finally:
        while not working.done():
            working.cancel()
            await asyncio.wait({working}, timeout=STOP_SECONDS)
        await firings.close()


class FiringReader:
    """Reads firings, in the order of the log, and submits their tasks."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._puller = log.puller(subjects.FIRINGS, self._on_delivery, self._on_end)
        self._acknowledger = log.acknowledger()
        self._arrived: list[Delivery] = []
        self._wake = asyncio.Event()
        # Whether the consumer may be missing in the log, as at the start.
        self._consumer_lost = True
        # When the log was back, until the firings that it missed are submitted.
        self._back_since: datetime | None = None

    async def work(self) -> None:
        """Read and submit until cancelled; survives the loss of the log."""
        await self._puller.open()
        forget = self._log.on_reconnect(self._on_reconnect)
        try:
            while True:
                if self._consumer_lost:
                    await self._provision_consumer()
                await self._submit_arrived()
                await self._submit_missed()
                if self._puller.outstanding == 0 and not self._consumer_lost:
                    await self._puller.pull(PULL_FIRINGS, PULL_EXPIRES_SECONDS)
                await self._wait_for_firing()
                self._puller.check()
        finally:
            forget()

    async def close(self) -> None:
        """Stop reading. Firings that have arrived and were not submitted are redelivered to another projector."""
        await self._puller.close()
        await self._acknowledger.flush()

    async def _provision_consumer(self) -> None:
        try:
            await provision_firings(self._log)
            self._consumer_lost, self._back_since = False, clock.now()
        except (LogUnavailable, ProvisionError) as error:
            log.warning("firings cannot be read yet", error=str(error))

    async def _submit_arrived(self) -> None:
        while self._arrived:
            delivery = self._arrived.pop(0)
            try:
                await submit_firing(self._log, delivery)
            except (LogUnavailable, LogFull) as error:
                log.warning("a firing waits for the log", sequence=delivery.sequence, error=error.message)
                # The broker redelivers what is not acknowledged.
                self._arrived.clear()
                return
            except Exception as error:
                # One bad firing must not stop the others.
                log.error("a firing cannot be submitted; it is dropped", sequence=delivery.sequence, exc_info=error)
            self._acknowledger.ack(delivery)

    async def _submit_missed(self) -> None:
        """Submit the firings that the broker has missed, once the log is back for long enough."""
        since = self._back_since
        if since is None or (clock.now() - since).total_seconds() < RECOVERY_SECONDS:
            return
        try:
            await submit_missed_firings(self._log, since)
            self._back_since = None
        except (LogUnavailable, LogFull) as error:
            log.warning("missed firings cannot be looked for yet", error=error.message)

    async def _wait_for_firing(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(CHECK_SECONDS):
                await self._wake.wait()
        self._wake.clear()

    def _on_delivery(self, delivery: Delivery) -> None:
        self._arrived.append(delivery)
        self._wake.set()

    def _on_end(self, gone: bool) -> None:
        self._consumer_lost = self._consumer_lost or gone
        self._wake.set()

    async def _on_reconnect(self) -> None:
        """Pull anew, from a consumer that may be missing: the log may have been made anew."""
        self._puller.reset()
        self._consumer_lost = True
        self._wake.set()


async def submit_firing(event_log: Log, firing: Delivery) -> None:
    """Submit the task of a firing, unless it comes too early, too late, or was submitted before.

    A broker that was away for longer than an interval appends one firing when it is back and counts on from there, so that
    firing is on time. While the broker was there and no projector was, all firings went into the log; of those that are
    minutes late only the last is submitted.

    Raises:
        LogFull: The log has no room.
        LogUnavailable: The log does not answer. Submit the firing again.
        MsgspecError: The firing cannot be decoded.
        ValueError: The firing does not say when it fires next.
    """
    subject, definition, next_at = _decode_firing(firing)
    due = occurrence(definition, next_at)
    if is_over(definition, due):
        timer = subjects.schedule_timer(subject.owner, subject.schedule)
        await purge(event_log, timer, before=firing.sequence)
        return
    if definition.start_at is not None and due < definition.start_at:
        return
    if definition.missed is Missed.SKIP and (firing.at - due).total_seconds() > MISSED_SECONDS:
        log.info("a missed firing is skipped", schedule=subject.schedule, due_at=due.isoformat())
        return
    if (clock.now() - firing.at).total_seconds() > STALE_SECONDS and await _has_fired_since(event_log, firing):
        log.info(
            "a firing that nobody was there to submit is left to the next",
            schedule=subject.schedule,
            due_at=due.isoformat(),
        )
        return
    task = occurrence_task_id(subject.schedule, due)
    try:
        await submit_occurrence(
            event_log, subject.owner, definition, task, firing.at, {subjects.OF_SCHEDULE: subject.schedule}
        )
    except AppendRefused:
        log.info("a firing was submitted before", schedule=subject.schedule, task_id=task)
    except TooLarge as error:
        log.error("a firing's task is too large", schedule=subject.schedule, error=error.message)


async def _has_fired_since(event_log: Log, firing: Record) -> bool:
    """Whether the log has a newer firing of the same schedule."""
    last = await event_log.replayer.last(firing.subject)
    return last is not None and last.sequence > firing.sequence


def _decode_firing(firing: Delivery) -> tuple[ScheduleSubject, ScheduleDefinition, datetime]:
    """Return a firing's subject, its schedule's definition, and the time of the next firing."""
    definition = decode_fired(firing).definition
    try:
        next_at = datetime.fromisoformat(firing.headers[subjects.SCHEDULE_NEXT])
    except KeyError as error:
        raise ValueError("it does not say when it fires next") from error
    return ScheduleSubject.parse(firing.subject), definition, next_at.astimezone(UTC)
