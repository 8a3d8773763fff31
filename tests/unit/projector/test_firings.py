"""What a reader of firings appends: the tasks that they stand for, and the next timer."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from headrace.contracts.schedules import (
    Resting,
    RestReason,
    ScheduleDefinition,
    ScheduleEventName,
    ScheduleFired,
    ScheduleSaved,
    encode,
)
from headrace.cron import last_due
from headrace.lifecycle.schedules import delete_schedule, not_deleted, occurrence_task_id, save_schedule, set_timer
from headrace.log import clock, subjects
from headrace.log.connection import Log
from headrace.log.deliveries import Delivery
from headrace.projector.firings import submit_firing
from headrace.projector.overdue_timers import decode_fired
from tests.purge import purge

EVERY = ScheduleDefinition(kind="echo", input={}, every=60)
HOURLY = ScheduleDefinition(kind="echo", input={}, every=3600)


@pytest.mark.invariant(4)
async def test_a_firing_submits_its_task_and_sets_the_next_timer_also_when_it_is_read_twice(shared_log: Log) -> None:
    owner, schedule = new()
    due_at = clock.now().replace(microsecond=0)
    firing = await fired(shared_log, owner, schedule, ScheduleFired(definition=HOURLY, due_at=due_at))
    for _ in range(2):
        await submit_firing(shared_log, firing)
    assert await tasks_of(shared_log, owner) == [occurrence_task_id(schedule, due_at)]
    assert await due_next(shared_log, owner, schedule) == due_at + timedelta(hours=1)
    await delete_schedule(shared_log, owner, schedule)


async def test_a_firing_of_a_schedule_that_rests_submits_nothing_and_sets_the_next_timer(shared_log: Log) -> None:
    owner, schedule = new()
    due_at = clock.now().replace(microsecond=0)
    firing = await fired(shared_log, owner, schedule, ScheduleFired(definition=HOURLY, due_at=due_at))
    asked: list[tuple[str, str]] = []

    def find_resting(owner: str, kind: str) -> Resting:
        asked.append((owner, kind))
        return Resting(reason=RestReason.ACCOUNT_DISABLED, message="it rests")

    await submit_firing(shared_log, firing, find_resting)
    assert asked == [(owner, "echo")]
    assert await tasks_of(shared_log, owner) == []
    assert await due_next(shared_log, owner, schedule) == due_at + timedelta(hours=1)
    await delete_schedule(shared_log, owner, schedule)


async def test_a_timer_that_was_set_after_the_firing_stays(shared_log: Log) -> None:
    owner, schedule = new()
    due_at = clock.now().replace(microsecond=0)
    for changed in (EVERY, msgspec.structs.replace(HOURLY, paused=True)):
        firing = await fired(shared_log, owner, schedule, ScheduleFired(definition=HOURLY, due_at=due_at))
        saved = ScheduleSaved(definition=changed, next_at=due_at + timedelta(minutes=1))
        await save_schedule(shared_log, owner, schedule, saved, not_deleted(owner, schedule))
        await submit_firing(shared_log, firing)
        expected = None if changed.paused else due_at + timedelta(minutes=1)
        assert await due_next(shared_log, owner, schedule) == expected
    await delete_schedule(shared_log, owner, schedule)


@pytest.mark.parametrize("change", ["paused", "deleted", "changed"])
async def test_a_change_in_the_moment_of_a_firing_stands_although_the_broker_takes_its_timer_away(
    shared_log: Log, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, schedule = new()
    every_second = msgspec.structs.replace(EVERY, every=1)
    due_at = clock.now().replace(microsecond=0)
    await save(shared_log, owner, schedule, every_second, due_at + timedelta(days=1))
    if change == "deleted":
        await delete_schedule(shared_log, owner, schedule)
    else:
        changed = HOURLY if change == "changed" else msgspec.structs.replace(every_second, paused=True)
        await save(shared_log, owner, schedule, changed, due_at + timedelta(hours=1))
    firing = await fired(
        shared_log, owner, schedule, ScheduleFired(definition=every_second, due_at=due_at), purges=True
    )
    monkeypatch.setattr(clock, "system_now", lambda: firing.at + timedelta(seconds=30))
    await submit_firing(shared_log, firing)
    # It was due before the change, and what is due by its definition since then is not.
    until = last_due(every_second, due_at, firing.at)
    assert await tasks_of(shared_log, owner) == [occurrence_task_id(schedule, until)]
    expected = due_at + timedelta(hours=1) if change == "changed" else None
    assert await due_next(shared_log, owner, schedule) == expected
    if change == "changed":
        await delete_schedule(shared_log, owner, schedule)


async def test_a_firing_in_the_moment_of_a_change_that_keeps_the_times_is_followed_by_the_changed_definition(
    shared_log: Log,
) -> None:
    owner, schedule = new()
    due_at = clock.now().replace(microsecond=0)
    changed = msgspec.structs.replace(HOURLY, input={"changed": True})
    await save(shared_log, owner, schedule, changed, due_at)
    firing = await fired(shared_log, owner, schedule, ScheduleFired(definition=HOURLY, due_at=due_at), purges=True)
    await submit_firing(shared_log, firing)
    assert await tasks_of(shared_log, owner) == [occurrence_task_id(schedule, due_at)]
    timer = await shared_log.replayer.last(subjects.schedule_timer(owner, schedule))
    assert timer is not None
    assert decode_fired(timer) == ScheduleFired(definition=changed, due_at=due_at + timedelta(hours=1))
    await delete_schedule(shared_log, owner, schedule)


async def test_what_was_due_after_a_schedule_was_paused_is_not_submitted_however_late_its_firing_is_read(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, schedule = new()
    definition = msgspec.structs.replace(EVERY, every=1)
    due_at = clock.now()
    firing = await fired(shared_log, owner, schedule, ScheduleFired(definition=definition, due_at=due_at))
    paused = ScheduleSaved(definition=msgspec.structs.replace(definition, paused=True))
    await save_schedule(shared_log, owner, schedule, paused, not_deleted(owner, schedule))
    monkeypatch.setattr(clock, "system_now", lambda: due_at + timedelta(seconds=30))
    await submit_firing(shared_log, firing)
    assert await tasks_of(shared_log, owner) == [occurrence_task_id(schedule, due_at)]
    await delete_schedule(shared_log, owner, schedule)


async def test_the_timer_that_has_fired_is_replaced_when_the_broker_has_not_taken_it_away_yet(shared_log: Log) -> None:
    owner, schedule = new()
    due_at = clock.now().replace(microsecond=0)
    await set_timer(shared_log, owner, schedule, ScheduleFired(definition=HOURLY), due_at + timedelta(days=1), 0)
    firing = await fired(shared_log, owner, schedule, ScheduleFired(definition=HOURLY, due_at=due_at))
    await submit_firing(shared_log, firing)
    assert await due_next(shared_log, owner, schedule) == due_at + timedelta(hours=1)
    await delete_schedule(shared_log, owner, schedule)


async def test_a_firing_of_an_older_versions_timer_submits_its_task(shared_log: Log) -> None:
    owner, schedule = new()
    next_at = clock.now().replace(microsecond=0) + timedelta(minutes=1)
    firing = await fired(shared_log, owner, schedule, ScheduleFired(definition=EVERY))
    firing.headers = {subjects.SCHEDULE_NEXT: next_at.isoformat()}
    await submit_firing(shared_log, firing)
    assert await tasks_of(shared_log, owner) == [occurrence_task_id(schedule, next_at - timedelta(minutes=1))]
    assert await due_next(shared_log, owner, schedule) is None


async def test_a_schedule_whose_definition_cannot_be_read_goes_on_by_its_firings(shared_log: Log) -> None:
    owner, schedule = new()
    due_at = clock.now().replace(microsecond=0)
    await shared_log.appender.append(subjects.schedule_event(ScheduleEventName.SAVED, owner, schedule), b"{", {})
    firing = await fired(shared_log, owner, schedule, ScheduleFired(definition=HOURLY, due_at=due_at))
    await submit_firing(shared_log, firing)
    assert await due_next(shared_log, owner, schedule) == due_at + timedelta(hours=1)
    await delete_schedule(shared_log, owner, schedule)


def new() -> tuple[str, str]:
    return uuid.uuid4().hex, str(uuid.uuid4())


async def save(log: Log, owner: str, schedule: str, definition: ScheduleDefinition, next_at: datetime) -> None:
    saved = ScheduleSaved(definition=definition, next_at=None if definition.paused else next_at)
    await save_schedule(log, owner, schedule, saved, not_deleted(owner, schedule))


async def fired(log: Log, owner: str, schedule: str, event: ScheduleFired, *, purges: bool = False) -> Delivery:
    """Append a firing, as the broker does, and return it as it is delivered.

    With ``purges`` whatever timer there is goes with it, as the broker has it when it appends the firing of a timer.
    """
    subject = subjects.schedule_event(ScheduleEventName.FIRED, owner, schedule)
    await log.appender.append(subject, encode(event), {})
    if purges:
        await purge(log, subjects.schedule_timer(owner, schedule))
    record = await log.replayer.last(subject)
    assert record is not None
    return cast("Any", SimpleNamespace(**{name: getattr(record, name) for name in record.__slots__}))


async def tasks_of(log: Log, owner: str) -> list[str]:
    return [
        each.subject.rpartition(".")[2] for each in (await log.replayer.page(f"hr.tasks.queued.*.*.{owner}.*")).records
    ]


async def due_next(log: Log, owner: str, schedule: str) -> datetime | None:
    timer = await log.replayer.last(subjects.schedule_timer(owner, schedule))
    return None if timer is None or not timer.payload else decode_fired(timer).due_at
