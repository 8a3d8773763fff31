from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.events import Queued, decode
from headrace.contracts.schedules import ScheduleDefinition, ScheduleFired, ScheduleSaved
from headrace.errors import AppendRefused
from headrace.lifecycle.schedules import (
    delete_schedule,
    not_deleted,
    occurrence_task_id,
    save_schedule,
    set_timer,
    submit_occurrence,
)
from headrace.log import subjects
from headrace.log.conditions import subject_unchanged
from headrace.log.connection import Log
from headrace.log.memberships import labels_of, title_of
from tests.examples import examples

FAR = datetime(2096, 2, 29, tzinfo=UTC)
NEVER = ScheduleDefinition(kind="noop", input={}, cron="0 0 0 29 2 *")

instants = st.datetimes(timezones=st.just(UTC)).map(lambda found: found.replace(microsecond=0))


@pytest.mark.invariant(4)
@given(schedule=st.uuids().map(str), occurrence=instants)
@examples(200)
def test_a_task_follows_from_its_schedule_and_the_occurrence_and_is_another_for_any_other(
    schedule: str, occurrence: datetime
) -> None:
    task = occurrence_task_id(schedule, occurrence)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", task)
    assert task == occurrence_task_id(schedule, occurrence)
    if occurrence.year not in (1, 9999):
        assert task == occurrence_task_id(schedule, occurrence.astimezone(ZoneInfo("Asia/Kolkata")))
        assert task != occurrence_task_id(schedule, occurrence + timedelta(seconds=1))
    assert task != occurrence_task_id(schedule[::-1], occurrence) or schedule == schedule[::-1]


def new() -> tuple[str, str]:
    """An owner and a schedule of their own."""
    return uuid.uuid4().hex, str(uuid.uuid4())


async def timer_of(log: Log, owner: str, schedule: str) -> bytes | None:
    found = await log.replayer.last(subjects.schedule_timer(owner, schedule))
    return None if found is None else found.payload


async def test_a_definition_has_a_timer_as_long_as_it_is_active(shared_log: Log) -> None:
    owner, schedule = new()
    saved = await save_schedule(
        shared_log, owner, schedule, ScheduleSaved(definition=NEVER, next_at=FAR), not_deleted(owner, schedule)
    )
    assert (await shared_log.refresh()).last_sequence >= saved.sequence
    assert await timer_of(shared_log, owner, schedule)
    for inactive in (
        msgspec.structs.replace(NEVER, paused=True),
        msgspec.structs.replace(NEVER, end_at=datetime(2020, 1, 1, tzinfo=UTC)),
    ):
        await save_schedule(
            shared_log, owner, schedule, ScheduleSaved(definition=inactive), not_deleted(owner, schedule)
        )
        assert await timer_of(shared_log, owner, schedule) == b""
        await save_schedule(
            shared_log, owner, schedule, ScheduleSaved(definition=NEVER, next_at=FAR), not_deleted(owner, schedule)
        )
        assert await timer_of(shared_log, owner, schedule)


async def test_a_schedule_that_was_deleted_cannot_be_saved_or_deleted_again(shared_log: Log) -> None:
    owner, schedule = new()
    saved = ScheduleSaved(definition=NEVER, next_at=FAR)
    await save_schedule(shared_log, owner, schedule, saved, not_deleted(owner, schedule))
    await delete_schedule(shared_log, owner, schedule)
    with pytest.raises(AppendRefused):
        await save_schedule(shared_log, owner, schedule, saved, not_deleted(owner, schedule))
    with pytest.raises(AppendRefused):
        await delete_schedule(shared_log, owner, schedule)
    assert await timer_of(shared_log, owner, schedule) == b""


async def test_of_two_who_set_a_timer_again_one_does(shared_log: Log) -> None:
    owner, schedule = new()
    saved = ScheduleSaved(definition=NEVER, next_at=FAR)
    await save_schedule(shared_log, owner, schedule, saved, subject_unchanged(0))
    with pytest.raises(AppendRefused):
        await save_schedule(shared_log, owner, schedule, saved, subject_unchanged(0))


async def test_a_timer_is_set_only_in_place_of_the_one_that_its_setter_knows(shared_log: Log) -> None:
    owner, schedule = new()
    first = await set_timer(shared_log, owner, schedule, ScheduleFired(definition=NEVER), FAR, 0)
    with pytest.raises(AppendRefused):
        await set_timer(shared_log, owner, schedule, ScheduleFired(definition=NEVER), FAR, 0)
    await set_timer(shared_log, owner, schedule, ScheduleFired(definition=NEVER), FAR, first.sequence)
    paused = ScheduleSaved(definition=msgspec.structs.replace(NEVER, paused=True))
    await save_schedule(shared_log, owner, schedule, paused, not_deleted(owner, schedule))
    with pytest.raises(AppendRefused):
        await set_timer(shared_log, owner, schedule, ScheduleFired(definition=NEVER), FAR, 0)
    await delete_schedule(shared_log, owner, schedule)


@pytest.mark.invariant(4)
async def test_a_task_is_submitted_once(shared_log: Log) -> None:
    owner, schedule = new()
    at = datetime(2030, 1, 1, tzinfo=UTC)
    definition = msgspec.structs.replace(
        NEVER, expires_in=60.0, max_attempts=2, priority="high", input={"a": [1]}, labels={"customer": "42"}
    )
    task = occurrence_task_id(schedule, at)
    firing = ScheduleFired(definition=definition, title="Nightly")
    await submit_occurrence(shared_log, owner, firing, task, at, {subjects.OF_SCHEDULE: schedule})
    other_kind = msgspec.structs.replace(definition, kind="echo")
    (record,) = (await shared_log.replayer.page(subjects.task_events(owner, task))).records
    assert record.subject == f"hr.tasks.queued.noop.high.{owner}.{task}"
    assert record.headers[subjects.OF_SCHEDULE] == schedule
    assert (title_of(record.headers), labels_of(record.headers)) == ("Nightly", {"customer": "42"})
    queued = decode(record.payload)
    assert queued == Queued(
        attempt=1, fence=0, input=msgspec.Raw(b'{"a":[1]}'), max_attempts=2, expires_at=at + timedelta(seconds=60)
    )
    for again in (definition, other_kind):
        with pytest.raises(AppendRefused):
            await submit_occurrence(shared_log, owner, ScheduleFired(definition=again), task, at, {})
    assert len((await shared_log.replayer.page(subjects.task_events(owner, task))).records) == 1
