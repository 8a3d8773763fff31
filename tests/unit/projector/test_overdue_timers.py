"""What becomes of timers that a broker has forgotten, and of those of an older version."""

from __future__ import annotations

import uuid
from datetime import timedelta

from headrace.contracts.schedules import ScheduleDefinition, ScheduleEventName, ScheduleFired, encode
from headrace.lifecycle.schedules import delete_schedule, set_timer
from headrace.log import clock, subjects
from headrace.log.connection import Log
from headrace.projector.overdue_timers import decode_fired, set_overdue_timers_again
from tests.purge import purge
from tests.waiting import until

EVERY = ScheduleDefinition(kind="noop", input={}, every=60)


async def test_a_timer_that_is_overdue_is_set_again_and_fires_and_one_that_is_not_stays(shared_log: Log) -> None:
    owner, overdue, there = uuid.uuid4().hex, str(uuid.uuid4()), str(uuid.uuid4())
    due_at = clock.now() - timedelta(minutes=1)
    # Without the header of a timer it never fires, as if the broker had forgotten it.
    payload = encode(ScheduleFired(definition=EVERY, due_at=due_at))
    await shared_log.appender.append(subjects.schedule_timer(owner, overdue), payload, {})
    kept = await set_timer(
        shared_log, owner, there, ScheduleFired(definition=EVERY), clock.now() + timedelta(hours=1), 0
    )
    await set_overdue_timers_again(shared_log)

    fired = subjects.schedule_event(ScheduleEventName.FIRED, owner, overdue)
    record = await until(lambda: shared_log.replayer.last(fired), "it to fire")
    assert decode_fired(record).due_at == due_at
    now = await shared_log.replayer.last(subjects.schedule_timer(owner, there))
    assert now is not None
    assert now.sequence == kept.sequence
    await delete_schedule(shared_log, owner, there)


async def test_a_timer_that_an_older_version_had_the_broker_repeat_becomes_one_for_the_next_occurrence(
    shared_log: Log,
) -> None:
    owner, schedule = uuid.uuid4().hex, str(uuid.uuid4())
    subject, target = subjects.schedule_timer(owner, schedule), subjects.schedule_event("fired", owner, schedule)
    headers = {"Nats-Schedule": "@every 3600s", "Nats-Schedule-Target": target, "Nats-TTL": "never"}
    hourly = ScheduleDefinition(kind="noop", input={}, every=3600)
    await shared_log.appender.append(subject, encode(ScheduleFired(definition=hourly)), headers)
    before = await shared_log.replayer.last(subject)
    await set_overdue_timers_again(shared_log)
    after = await shared_log.replayer.last(subject)
    assert before is not None
    assert after is not None
    due_at = decode_fired(after).due_at
    assert due_at is not None
    assert abs(due_at - before.at - timedelta(hours=1)) <= timedelta(seconds=0.5)
    assert after.headers["Nats-Schedule"].startswith("@at ")
    await purge(shared_log, subject)
