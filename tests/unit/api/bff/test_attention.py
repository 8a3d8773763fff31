"""What needs attention, of what is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.api.bff.attention import (
    FAILURES_SHOWN_MAX,
    Facts,
    KindFacts,
    LogRoom,
    Overdue,
    ReadModelLag,
    StuckSchedule,
    find_attention,
)
from headrace.contracts.filters import Filter
from headrace.contracts.screens.rows import Attention, Group
from headrace.contracts.tasks import FailureCode, State

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
SINCE = NOW - timedelta(hours=23)


def group(number: int) -> Group:
    at = NOW - timedelta(minutes=number)
    return Group(
        fingerprint=f"{number:016x}",
        kind="echo",
        code=FailureCode.RAISED,
        message="no",
        count=number,
        first_at=SINCE,
        last_at=at,
        newest="t1",
    )


def find(limit: int = 20, **known: Any) -> list[Attention]:
    return find_attention(Facts(**{"owner": None, "failures": [], "failures_since": SINCE} | known), limit)


def test_nothing_needs_attention_when_all_is_well() -> None:
    idle = KindFacts("echo", has_workers=False, announced_at=SINCE, paused_at=NOW, queued=0)
    busy = KindFacts("other", has_workers=True, announced_at=NOW, paused_at=None, queued=9)
    room = LogRoom(bytes=79, bytes_max=100, at=NOW)
    lag = ReadModelLag(events=9, seconds=9.9, since=NOW)
    assert find(kinds=[idle, busy], log=room, behind=lag) == []


def test_failures_that_are_alike_are_one_thing_and_the_filter_has_those_that_are_counted() -> None:
    found = find(failures=[group(number) for number in range(1, 9)])
    assert [each.count for each in found] == [1, 2, 3]
    assert len(found) == FAILURES_SHOWN_MAX
    first = found[0]
    assert (first.what, first.severity, first.kind, first.since) == ("failures", "look", "echo", group(1).last_at)
    assert first.group == group(1)
    assert first.query == Filter(state=[State.FAILED], fingerprint=group(1).fingerprint, finished_from=SINCE)


def test_what_waits_for_a_kind_that_is_paused_or_that_nobody_runs_is_told() -> None:
    paused = KindFacts("paused_kind", has_workers=False, announced_at=SINCE, paused_at=NOW, queued=3)
    left = KindFacts("left", has_workers=False, announced_at=SINCE, paused_at=None, queued=7)
    found = find(kinds=[paused, left])
    assert [(each.what, each.severity, each.kind, each.count, each.since) for each in found] == [
        ("no_workers", "act", "left", 7, SINCE),
        ("paused", "look", "paused_kind", 3, NOW),
    ]
    assert [each.query for each in found] == [
        Filter(state=[State.QUEUED], kind=["left"]),
        Filter(state=[State.QUEUED], kind=["paused_kind"]),
    ]


def test_tasks_that_are_late_or_expire_soon_and_schedules_that_do_not_fire_are_told() -> None:
    late = Overdue(12, SINCE, NOW - timedelta(minutes=15))
    soon = Overdue(2, NOW + timedelta(minutes=3), NOW + timedelta(minutes=15))
    stuck = StuckSchedule("s1", "echo", NOW - timedelta(minutes=4))
    found = {each.what: each for each in find(late=late, expiring=soon, schedules=[stuck], owner="u2")}
    assert found["late"].query == Filter(owner="u2", state=[State.QUEUED], created_before=late.before)
    assert (found["late"].count, found["late"].since, found["late"].severity) == (12, SINCE, "look")
    assert (found["expiring"].count, found["expiring"].since, found["expiring"].severity) == (2, soon.first_at, "act")
    assert found["schedule_stuck"].query == Filter(owner="u2", schedule="s1")
    assert (found["schedule_stuck"].since, found["schedule_stuck"].kind) == (stuck.since, "echo")


def test_administrators_are_told_of_a_log_that_fills_and_of_a_read_model_that_is_behind() -> None:
    (filling,) = find(log=LogRoom(bytes=81, bytes_max=100, at=NOW))
    assert (filling.what, filling.severity, filling.count, filling.query) == ("log_filling", "look", 81, None)
    (urgent,) = find(log=LogRoom(bytes=95, bytes_max=100, at=NOW))
    assert urgent.severity == "act"
    (behind,) = find(behind=ReadModelLag(events=4000, seconds=12, since=SINCE))
    assert (behind.what, behind.severity, behind.count, behind.since) == ("behind", "act", 4000, SINCE)


def test_what_somebody_has_to_do_comes_first_and_there_is_a_limit() -> None:
    left = KindFacts("left", has_workers=False, announced_at=SINCE, paused_at=None, queued=7)
    late = Overdue(12, SINCE, NOW)
    found = find(failures=[group(1), group(2)], kinds=[left], late=late, limit=3)
    assert [each.what for each in found] == ["no_workers", "failures", "failures"]
    assert found[1].since > found[2].since
