"""What becomes of firings that were made while no projector was there."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from headrace.contracts.schedules import ScheduleDefinition, ScheduleEventName, ScheduleFired, encode
from headrace.lifecycle.schedules import occurrence_task_id
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.projector import firings

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
