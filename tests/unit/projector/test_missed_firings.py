"""What becomes of firings that a broker has forgotten."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from headrace.contracts.schedules import ScheduleDefinition, ScheduleSaved
from headrace.lifecycle.schedules import delete_schedule, not_deleted, save_schedule
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.projector.missed_firings import submit_missed_firings


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
    tasks = (await shared_log.replayer.page(subjects.task_events(owner, "*"))).records
    assert len(tasks) == submits
    await delete_schedule(shared_log, owner, schedule)
