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
from headrace.lifecycle.schedules import delete_schedule, not_deleted, occurrence_task_id, save_schedule, set_timer
from headrace.log import clock, subjects
from headrace.log.connection import Log
from headrace.log.deliveries import Delivery
from headrace.projector.firings import submit_firing
from headrace.projector.overdue_timers import decode_fired

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


def new() -> tuple[str, str]:
    return uuid.uuid4().hex, str(uuid.uuid4())


async def fired(log: Log, owner: str, schedule: str, event: ScheduleFired) -> Delivery:
    """Append a firing, as the broker does, and return it as it is delivered."""
    subject = subjects.schedule_event(ScheduleEventName.FIRED, owner, schedule)
    await log.appender.append(subject, encode(event), {})
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
