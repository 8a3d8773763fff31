"""Which firing follows one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from headrace.contracts.schedules import ScheduleDefinition, ScheduleDeleted, ScheduleFired, ScheduleSaved
from headrace.projector.next_timers import NewestDefinition, next_firing

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOURLY = ScheduleDefinition(kind="echo", input={}, every=3600)
FIRED = ScheduleFired(definition=HOURLY, due_at=NOON, title="hourly")
ONE = NOON + timedelta(hours=1)
TWO = NOON + timedelta(hours=2)


def after(saved: ScheduleSaved | ScheduleDeleted | None, now: datetime = NOON + SECOND) -> ScheduleFired | None:
    return next_firing(FIRED, NOON, None if saved is None else NewestDefinition(NOON, saved), now)


def test_the_next_occurrence_follows_by_the_newest_definition_or_else_by_that_of_the_firing() -> None:
    changed = msgspec.structs.replace(HOURLY, input={"changed": True})
    for next_at in (None, NOON - timedelta(hours=5), NOON):
        saved = ScheduleSaved(definition=changed, next_at=next_at, title="changed")
        assert after(saved) == ScheduleFired(definition=changed, due_at=ONE, title="changed")
    assert after(None) == ScheduleFired(definition=HOURLY, due_at=ONE, title="hourly")
    assert after(None, now=ONE + SECOND) == ScheduleFired(definition=HOURLY, due_at=TWO, title="hourly")


def test_the_first_firing_of_a_definition_follows_that_of_an_older_one_although_it_is_over_by_now() -> None:
    first_at = NOON + timedelta(minutes=7)
    saved = ScheduleSaved(definition=HOURLY, next_at=first_at)
    for now in (NOON + SECOND, TWO):
        assert after(saved, now) == ScheduleFired(definition=HOURLY, due_at=first_at)


def test_nothing_follows_when_the_schedule_is_paused_deleted_or_over() -> None:
    assert after(ScheduleDeleted()) is None
    assert after(ScheduleSaved(definition=msgspec.structs.replace(HOURLY, paused=True))) is None
    assert after(ScheduleSaved(definition=msgspec.structs.replace(HOURLY, end_at=NOON))) is None
    assert after(ScheduleSaved(definition=msgspec.structs.replace(HOURLY, end_at=ONE))) is None


@pytest.mark.parametrize("at", [datetime(9999, 12, 31, tzinfo=UTC), datetime(2030, 1, 1), datetime.min])  # noqa: DTZ001, DTZ901
def test_a_first_firing_for_which_there_can_be_no_timer_is_ignored(at: datetime) -> None:
    assert after(ScheduleSaved(definition=HOURLY, next_at=at)) == ScheduleFired(definition=HOURLY, due_at=ONE)
