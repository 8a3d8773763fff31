"""Firings of schedules: the broker's timers append them to the log, and each firing submits a task and sets the next timer.

Every projector reads firings, whether it leads or stands by, and goes on with that while Postgres is away. A firing is acknowledged last, so
one whose reader died is redelivered. That makes no second task, because the task's id follows from the schedule and the
occurrence; and no second timer, because there is one for each schedule.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from headrace.contracts.schedules import Resting, ScheduleDefinition, ScheduleFired
from headrace.cron import is_over, last_due
from headrace.errors import AppendRefused, LogFull, LogUnavailable, TooLarge
from headrace.lifecycle.resting import resting
from headrace.lifecycle.schedules import occurrence_task_id, submit_occurrence
from headrace.log import clock, consumer_names, subjects
from headrace.log.connection import Log
from headrace.log.consumers import provision_firings
from headrace.log.deliveries import Delivery
from headrace.log.jetstream import ProvisionError
from headrace.log.subjects import ScheduleSubject
from headrace.projector.disabled_owners import DisabledOwners
from headrace.projector.due_occurrences import occurrences_to_submit
from headrace.projector.metrics import FiringResult, ProjectorMetrics
from headrace.projector.next_timers import end_of_definition, next_firing, read_newest_definition, set_next_timer
from headrace.projector.overdue_timers import decode_fired, set_overdue_timers_again
from headrace.repeated import RepeatedWarning
from headrace.run_time_settings import CurrentSettings
from headrace.telemetry import get_logger

REPEATED_SINCE = timedelta(days=366 * 50)  # no cron expression fires less often
PULL_FIRINGS = 32  # in one pull; each takes about a millisecond
PULL_EXPIRES_SECONDS = 30.0
CHECK_SECONDS = 1.0  # between two checks of the pull and the consumer while no firing comes
RECOVERY_SECONDS = 2.0  # after the log is back: a broker that still has its timers has appended late firings by then
STOP_SECONDS = 0.5  # until a reader that was cancelled is cancelled again

log = get_logger(__name__)


@asynccontextmanager
async def submitting_firings(
    event_log: Log, database_url: str, metrics: ProjectorMetrics
) -> AsyncGenerator[FiringReader]:
    """Submit the tasks of firings while the block runs, and count the firings."""
    disabled_owners = DisabledOwners(database_url)
    firings = FiringReader(event_log, disabled_owners, metrics)
    working = {
        asyncio.create_task(disabled_owners.follow(), name="disabled owners"),
        asyncio.create_task(firings.work(), name="firings"),
    }
    try:
        yield firings
    finally:
        while working:
            for each in working:
                each.cancel()
            _, working = await asyncio.wait(working, timeout=STOP_SECONDS)
        await firings.close()


class FiringReader:
    """Reads firings, in the order of the log, and submits their tasks."""

    def __init__(self, log: Log, disabled_owners: DisabledOwners, metrics: ProjectorMetrics) -> None:
        self._log = log
        self._firings = metrics.firings
        self._disabled_owners = disabled_owners
        self._puller = log.puller(consumer_names.FIRINGS, self._on_delivery, self._on_end)
        self._acknowledger = log.acknowledger()
        self._arrived: list[Delivery] = []
        self._wake = asyncio.Event()
        self._current = CurrentSettings(log)
        self._follows_settings = False
        # Whether the consumer may be missing in the log, as at the start.
        self._consumer_lost = True
        # When the log was back, until the timers that the broker has forgotten are set again.
        self._back_since: datetime | None = None
        self._reading = RepeatedWarning(get_logger(__name__), "firings cannot be read yet", "firings are read")
        self._searching = RepeatedWarning(
            get_logger(__name__), "overdue timers cannot be looked for yet", "overdue timers were looked for"
        )

    @property
    def problem(self) -> str | None:
        """Why no firings are read, as health checks say it; None when nothing is known."""
        return self._reading.problem or self._log.problem

    async def work(self) -> None:
        """Read and submit until cancelled; survives the loss of the log."""
        await self._puller.open()
        forget = self._log.on_reconnect(self._on_reconnect)
        try:
            while True:
                if self._consumer_lost:
                    await self._provision_consumer()
                await self._submit_arrived()
                await self._set_overdue_timers_again()
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
            if not self._follows_settings:
                await self._current.open()
                self._follows_settings = True
            await provision_firings(self._log)
            self._consumer_lost, self._back_since = False, clock.now()
            self._reading.end()
        except (LogUnavailable, ProvisionError) as error:
            self._reading.note(str(error))

    async def _submit_arrived(self) -> None:
        # Until the log was compared with the read model it takes nothing.
        while self._arrived and self._log.is_current and self._disabled_owners.are_known:
            delivery = self._arrived.pop(0)
            try:
                self._firings[await submit_firing(self._log, delivery, self._resting)] += 1
            except (LogUnavailable, LogFull) as error:
                log.warning("a firing waits for the log", sequence=delivery.sequence, error=error.message)
                # The broker redelivers what is not acknowledged.
                self._arrived.clear()
                return
            except Exception as error:
                # One bad firing must not stop the others.
                self._firings["failed"] += 1
                log.error("a firing cannot be submitted; it is dropped", sequence=delivery.sequence, exc_info=error)
            self._acknowledger.ack(delivery)

    def _resting(self, owner: str, kind: str) -> Resting | None:
        is_disabled, is_enabled = owner in self._disabled_owners, self._current.is_enabled(kind)
        return resting(kind, is_owner_disabled=is_disabled, is_kind_enabled=is_enabled)

    async def _set_overdue_timers_again(self) -> None:
        """Set the timers again that the broker has forgotten, once the log is back for long enough."""
        since = self._back_since
        if since is None or (clock.now() - since).total_seconds() < RECOVERY_SECONDS:
            return
        try:
            await set_overdue_timers_again(self._log)
            self._back_since = None
            self._searching.end()
        except (LogUnavailable, LogFull, TooLarge) as error:
            self._searching.note(error.message)

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


async def submit_firing(
    event_log: Log, firing: Delivery, find_resting: Callable[[str, str], Resting | None] = lambda _owner, _kind: None
) -> FiringResult:
    """Submit the tasks of the occurrences that a firing stands for, and set the timer for the next one.

    `occurrences_to_submit` says which these are; nearly always it is the one that the timer was set for. There are none
    while the schedule rests, of which ``find_resting`` returns the reason, by the owner and the kind.

    Raises:
        LogFull: The log has no room.
        LogUnavailable: The log does not answer. Submit the firing again.
        MsgspecError: The firing cannot be decoded.
        ValueError: The firing does not say when it was due.
    """
    marks = (await event_log.keep_current()).marks
    if marks and firing.sequence <= marks[-1]:
        # It was submitted before, and its task may have left the log; see `headrace.projector.trimming`.
        return "skipped"
    subject, fired, now = ScheduleSubject.parse(firing.subject), decode_fired(firing), clock.now()
    definition, due_at = fired.definition, fired.due_at or _due_of_repeated(fired.definition, firing)
    newest, until = await read_newest_definition(event_log, subject), now
    if last_due(definition, due_at, now) > max(due_at, firing.at):
        until = await end_of_definition(event_log, firing, subject, newest, now)
    due = occurrences_to_submit(definition, due_at, firing.at, until, event_log.served_since)
    if due_at not in due and not is_over(definition, due_at):
        log.info("a missed firing is skipped", schedule=subject.schedule, due_at=due_at.isoformat())
    if (rest := find_resting(subject.owner, definition.kind)) is not None:
        log.info("a firing is skipped", schedule=subject.schedule, reason=rest.message)
        due = []
    for each in due:
        await _submit(event_log, subject, fired, each, max(each, firing.at))
    # A timer of an older version is repeated by the broker, until it is replaced.
    if fired.due_at is not None and (next_one := next_firing(fired, due_at, newest, now)) is not None:
        await set_next_timer(event_log, firing, subject, next_one)
    return "submitted" if due else "skipped"


async def _submit(
    event_log: Log, subject: ScheduleSubject, fired: ScheduleFired, due_at: datetime, at: datetime
) -> None:
    task = occurrence_task_id(subject.schedule, due_at)
    try:
        await submit_occurrence(event_log, subject.owner, fired, task, at, {subjects.OF_SCHEDULE: subject.schedule})
    except AppendRefused:
        log.info("a firing was submitted before", schedule=subject.schedule, task_id=task)
    except TooLarge as error:
        log.error("a firing's task is too large", schedule=subject.schedule, error=error.message)


def _due_of_repeated(definition: ScheduleDefinition, firing: Delivery) -> datetime:
    """Return the occurrence that the firing of a timer of an older version stands for.

    Raises:
        ValueError: It does not say when it fires next.
    """
    if definition.cron is not None:
        return last_due(definition, firing.at - REPEATED_SINCE, firing.at)
    if (next_at := firing.headers.get(subjects.SCHEDULE_NEXT)) is None:
        raise ValueError("it does not say when it fires next")
    return datetime.fromisoformat(next_at).astimezone(UTC) - timedelta(seconds=definition.every or 0)
