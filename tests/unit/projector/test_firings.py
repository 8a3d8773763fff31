"""What becomes of firings that were made while no projector was there."""

from __future__ import annotations

import uuid
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from headrace.contracts.schedules import ScheduleDefinition, ScheduleEventName, ScheduleFired, ScheduleSaved, encode
from headrace.lifecycle.schedules import delete_schedule, not_deleted, occurrence_task_id, save_schedule
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.projector import firings
from headrace.projector.missed_firings import submit_missed_firings

EVERY = ScheduleDefinition(kind="echo", input={}, every=60)


async def test_of_the_firings_that_nobody_was_there_to_submit_the_last_is_submitted(log: Log, monkeypatch: Any) -> None:
    monkeypatch.setattr(firings, "STALE_SECONDS", -1.0)  # all of them are late
    subject = subjects.schedule_event(ScheduleEventName.FIRED, "u1", "s1")
    state = await log.refresh()
    for number in range(3):
        await log.appender.append(subject, encode(ScheduleFired(definition=EVERY)), {"number": str(number)})
    page = await log.replayer.page(subject, start=state.last_sequence + 1)
    for number, record in enumerate(page.records):
        next_at = record.at.replace(microsecond=0) + timedelta(minutes=number + 1)
        firing = SimpleNamespace(
            sequence=record.sequence,
            subject=record.subject,
            at=record.at,
            payload=record.payload,
            headers={subjects.SCHEDULE_NEXT: next_at.isoformat()},
        )
        await firings.submit_firing(log, cast("Any", firing))
    queued = await log.replayer.page("hr.tasks.queued.>")
    assert len(queued.records) == 1
    due = page.records[-1].at.replace(microsecond=0) + timedelta(minutes=2)
    assert queued.records[0].subject.endswith(occurrence_task_id("s1", due))


@pytest.mark.invariant(4)
@pytest.mark.parametrize(
    ("seconds_late", "missed", "submits"),
    [(3, "skip", True), (60, "skip", False), (3, "catch_up_once", True), (60, "catch_up_once", True)],
)
async def test_a_firing_that_the_broker_forgot_is_made_up_for_once(
    shared_log: Log, seconds_late: int, missed: str, submits: bool
) -> None:
    owner, schedule = uuid.uuid4().hex, str(uuid.uuid4())
    definition = ScheduleDefinition(kind="noop", input={}, every=86_400, missed=missed)  # pyright: ignore[reportArgumentType]
    await save_schedule(shared_log, owner, schedule, ScheduleSaved(definition=definition), not_deleted(owner, schedule))
    timer = await shared_log.replayer.last(subjects.schedule_timer(owner, schedule))
    assert timer is not None
    back = timer.at + timedelta(days=1, seconds=seconds_late)
    for _ in range(2):
        await submit_missed_firings(shared_log, back)
    tasks = (await shared_log.replayer.page(subjects.all_of(owner, "*"))).records
    assert len(tasks) == submits
    await delete_schedule(shared_log, owner, schedule)
