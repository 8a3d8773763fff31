"""In which hour a failure is counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from headrace.store.failure_counts import hour_of

AHEAD, BEHIND = timezone(timedelta(hours=23, minutes=59)), timezone(-timedelta(hours=23, minutes=59))
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "at",
    [each.replace(tzinfo=zone) for each in (FIRST, LAST) for zone in (UTC, AHEAD, BEHIND)],
    ids=str,
)
def test_the_first_and_the_last_hours_of_the_calendar_are_hours(at: datetime) -> None:
    hour = hour_of(at)
    assert (hour.tzinfo, hour.minute, hour.second, hour.microsecond) == (UTC, 0, 0, 0)
    assert abs(hour.year - at.year) <= 1


def test_a_time_is_counted_in_its_hour_of_utc() -> None:
    assert hour_of(datetime(2026, 5, 4, 12, 34, 56, tzinfo=AHEAD)) == datetime(2026, 5, 3, 12, tzinfo=UTC)
    assert hour_of(datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)) == datetime(1969, 12, 31, 23, tzinfo=UTC)
