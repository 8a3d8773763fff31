from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from headrace.log.timers import EARLY, exact_timer_headers, is_due_soon, timer_headers


def test_a_timer_is_set_earlier_than_its_task_is_due_by_what_the_broker_may_be_late() -> None:
    due_at = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=2)))
    headers = timer_headers(due_at, "hr.tasks.queued.echo.normal.u1.t1", {"Headrace-Batch": "b1"})
    assert headers == {
        "Headrace-Batch": "b1",
        "Nats-Schedule": "@at 2026-03-01T09:59:59.950000Z",
        "Nats-Schedule-Target": "hr.tasks.queued.echo.normal.u1.t1",
        "Nats-TTL": "never",
    }


def test_what_is_due_before_a_timer_could_fire_is_due_soon() -> None:
    now = datetime.now(UTC)
    assert is_due_soon(now - timedelta(days=1))
    assert is_due_soon(now + EARLY)
    assert not is_due_soon(now + EARLY + timedelta(minutes=1))


def test_the_timer_of_a_schedule_is_set_for_its_very_occurrence() -> None:
    due_at = datetime(2026, 3, 1, 12, 0, 0, tzinfo=timezone(timedelta(hours=2)))
    assert exact_timer_headers(due_at, "hr.schedules.fired.u1.s1") == {
        "Nats-Schedule": "@at 2026-03-01T10:00:00.000000Z",
        "Nats-Schedule-Target": "hr.schedules.fired.u1.s1",
        "Nats-TTL": "never",
    }
