from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.schedules import ScheduleDefinition
from headrace.cron import (
    firings_per_minute,
    first,
    following,
    is_active,
    is_over,
    is_time_zone,
    last_due,
    same_times,
    spell_out,
)
from tests.examples import examples

SECOND = timedelta(seconds=1)


def cron(expression: str, time_zone: str = "UTC", **given: datetime) -> ScheduleDefinition:
    return ScheduleDefinition(kind="noop", input={}, cron=expression, time_zone=time_zone, **given)


def every(seconds: int, **given: datetime) -> ScheduleDefinition:
    return ScheduleDefinition(kind="noop", input={}, every=seconds, **given)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "US/Eastern", "America/Argentina/Buenos_Aires", "EST5EDT"])
def test_the_zones_of_iana_are_time_zones(name: str) -> None:
    assert is_time_zone(name)


@pytest.mark.parametrize(
    "name",
    ["", "Europe", "europe/berlin", "../zoneinfo/UTC", "leapseconds", "UTC\0", "localtime", "Factory", "right/UTC"],
)
def test_a_name_that_is_no_zone_or_another_one_on_each_machine_is_none(name: str) -> None:
    assert not is_time_zone(name)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("expression", "spelled"),
    [
        ("* * * * * *", "* * * * * *"),
        ("0 30 9 * * 1-5", "0 30 9 * * 1,2,3,4,5"),
        ("0 */20 * * * *", "0 0,20,40 * * * *"),
        ("0 5/20 * * * *", "0 5,25,45 * * * *"),
        ("0 0 0 * jan,JUL sun", "0 0 0 * 1,7 0"),
        ("0 0 0 * * 7", "0 0 0 * * 0"),
        ("0 0 0 * * 5-7", "0 0 0 * * 0,5,6"),
        ("0 0 0 */10 * *", "0 0 0 1,11,21,31 * *"),
        ("0 0 0 13 * 5", "0 0 0 13 * 5"),
        ("0 0 0 1-31 * 5", "0 0 0 * * *"),
        ("0 0 0 13 * 0-6", "0 0 0 * * *"),
        ("0 0 0 29 2 *", "0 0 0 29 2 *"),
    ],
)
def test_an_expression_is_spelled_out_so_that_all_dialects_agree(expression: str, spelled: str) -> None:
    assert spell_out(expression) == spelled
    assert spell_out(spelled) == spelled


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "6 fields are needed"),
        ("*/5 * * * *", "write a 0 for the second before them"),
        ("* * * * *", "here are 5"),
        ("* * * * * * *", "here are 7"),
        ("60 * * * * *", "Bad second"),
        ("0 0 24 * * *", "Bad hour"),
        ("0 0 0 30 2 *", "Bad day-of-month"),
        ("0 0 0 ? * *", "Bad day-of-month"),
        ("a b c d e f", "Bad second"),
        ("0 0 0 L * *", "name the days"),
        ("0 0 0 LW * *", "name the days"),
        ("0 0 0 * * 5L", "name the days"),
        ("0 0 0 * * 5#1", "name the days"),
        ("0 0 0 */2 * 1", "list the days"),
        ("0 0 0 1 * */2", "list the days"),
    ],
)
def test_what_cannot_be_spelled_out_is_refused_with_a_reason(expression: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        spell_out(expression)


@given(expression=st.text("0123456789*/,-L#W JAN", max_size=40))
@examples(500)
def test_whatever_is_written_is_spelled_out_or_refused(expression: str) -> None:
    try:
        spelled = spell_out(expression)
    except ValueError:
        return
    assert spell_out(spelled) == spelled


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    numbers = st.lists(st.integers(low, high), min_size=1, max_size=3, unique=True)
    return st.just("*") | numbers.map(lambda found: ",".join(map(str, sorted(found))))


_days = st.tuples(st.just("*"), _field(0, 6)) | st.tuples(_field(1, 28), st.just("*"))
expressions = st.builds(
    lambda minute, hour, days, month: f"0 {minute} {hour} {days[0]} {month} {days[1]}",
    _field(0, 59),
    _field(0, 23),
    _days,
    _field(1, 12),
)
zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Asia/Beirut", "Asia/Kolkata", "Pacific/Apia"]
)
ODD_CHANGES = [  # by half an hour, two hours, a quarter of an hour, a day, and 44 minutes and 30 seconds
    ("Australia/Lord_Howe", at("2027-04-03T15:00:00Z")), ("Australia/Lord_Howe", at("2027-10-02T15:30:00Z")),
    ("Antarctica/Troll", at("2027-03-28T01:00:00Z")), ("Antarctica/Troll", at("2027-10-31T01:00:00Z")),
    ("America/Caracas", at("2016-05-01T07:00:00Z")), ("Asia/Pyongyang", at("2015-08-14T15:00:00Z")),
    ("Asia/Kathmandu", at("1985-12-31T18:30:00Z")), ("Pacific/Apia", at("2011-12-30T10:00:00Z")),
    ("Africa/Monrovia", at("1972-01-07T00:44:30Z")),
]  # fmt: skip
CHANGES = [  # of clocks, in these zones, forwards and backwards, also at midnight
    at("2026-03-29T01:00:00+00:00"), at("2026-10-25T01:00:00+00:00"), at("2026-03-08T07:00:00+00:00"),
    at("2026-11-01T06:00:00+00:00"), at("2026-09-06T04:00:00+00:00"), at("2026-04-05T03:00:00+00:00"),
    at("2026-03-28T22:00:00+00:00"), at("2026-10-24T21:00:00+00:00"),
]  # fmt: skip
instants = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-60 * 60, 60 * 60),
)


def matches(expression: str, time_zone: str, instant: datetime) -> bool:
    """Whether a clock on the wall shows what the expression says."""
    local = instant.astimezone(ZoneInfo(time_zone))
    shown = (local.second, local.minute, local.hour, local.day, local.month, local.isoweekday() % 7)
    return all(
        field == "*" or value in map(int, field.split(","))
        for field, value in zip(expression.split(), shown, strict=True)
    )


@given(expression=expressions, zone=zones, after=instants)
@examples(400)
def test_an_occurrence_is_when_the_clocks_match_and_none_is_left_out(
    expression: str, zone: str, after: datetime
) -> None:
    definition = cron(expression, zone)
    found = following(definition, after, after)
    assert found is not None
    assert found > after
    assert matches(expression, zone, found)
    minutes = range(1, min(60 * 36, int((found - after).total_seconds()) // 60))
    assert not any(matches(expression, zone, after + timedelta(minutes=minute)) for minute in minutes)


@given(
    seconds=st.lists(st.integers(0, 59), min_size=1, max_size=2).map(lambda found: ",".join(map(str, found))),
    minute=_field(0, 59),
    hour=st.just("*") | st.sampled_from(["0", "1", "2", "3", "1,2", "23", "13,14"]),
    days=st.sampled_from(["* * *", "1 * *", "31 12 *", "* * 0", "* * 6", "3,28 * *"]),
    change=st.sampled_from(ODD_CHANGES),
    before=st.integers(-7200, 7200),
)
@examples(60)
def test_occurrences_around_odd_changes_of_clocks_are_those_that_a_look_at_every_second_finds(
    seconds: str, minute: str, hour: str, days: str, change: tuple[str, datetime], before: int
) -> None:
    expression, (zone, instant) = f"{seconds} {minute} {hour} {days}", change
    begin, end = instant + timedelta(seconds=before), instant + timedelta(seconds=before + 7200)
    span = [begin + number * SECOND for number in range(int((end - begin).total_seconds()) + 1)]
    right = [second for second in span if matches(expression, zone, second)]
    definition = cron(expression, zone)
    found, cursor = list[datetime](), begin - SECOND
    while (following_one := following(definition, cursor, cursor)) is not None and following_one <= end:
        found.append(following_one)
        cursor = following_one
    assert found == right
    back, cursor = list[datetime](), end
    while (one_before := last_due(definition, begin - SECOND, cursor)) >= begin:
        back.append(one_before)
        cursor = one_before - SECOND
    assert back[::-1] == right


@given(expression=expressions, zone=zones, after=instants)
@examples(400)
def test_the_last_occurrence_before_the_next_one_is_the_known_one(expression: str, zone: str, after: datetime) -> None:
    definition = cron(expression, zone)
    due = following(definition, after, after)
    assert due is not None
    announced = following(definition, due, due)
    assert announced is not None
    assert announced > due
    assert last_due(definition, due, announced - SECOND) == due
    assert last_due(definition, after, due) == due
    assert last_due(definition, due, due - SECOND) == due
    assert last_due(definition, due, announced) == announced


def test_a_time_that_clocks_skip_does_not_occur_and_one_that_they_repeat_occurs_twice() -> None:
    definition = cron("0 30 2 * * *", "Europe/Berlin")
    assert following(definition, at("2026-03-28T12:00:00Z"), at("2026-03-28T12:00:00Z")) == at("2026-03-30T00:30:00Z")
    once = following(definition, at("2026-10-24T12:00:00Z"), at("2026-10-24T12:00:00Z"))
    assert once == at("2026-10-25T00:30:00Z")
    again = following(definition, once, once)
    assert again == at("2026-10-25T01:30:00Z")
    assert last_due(definition, once, again - SECOND) == once


def test_a_midnight_that_clocks_skip_does_not_occur_and_the_day_begins_later() -> None:
    before = at("2026-09-05T12:00:00Z")
    assert following(cron("0 0 0 * * *", "America/Santiago"), before, before) == at("2026-09-07T03:00:00Z")
    assert following(cron("0 0 * 6 9 *", "America/Santiago"), before, before) == at("2026-09-06T04:00:00Z")


@given(
    seconds=st.integers(1, 100_000),
    set_at=st.datetimes(timezones=st.just(UTC)).map(lambda found: found.replace(year=2028)),
    later=st.timedeltas(timedelta(0), timedelta(days=400)),
)
@examples(300)
def test_an_interval_is_counted_from_the_second_in_which_its_timer_was_set(
    seconds: int, set_at: datetime, later: timedelta
) -> None:
    definition = every(seconds)
    begun = first(definition, set_at)
    assert begun is not None
    assert abs(begun - set_at - seconds * SECOND) <= SECOND / 2
    found = following(definition, begun + later, begun)
    assert found is not None
    assert found > begun + later
    assert found - begun - later <= seconds * SECOND
    assert (found - begun) % (seconds * SECOND) == timedelta(0)
    assert last_due(definition, begun, found) == found
    assert last_due(definition, begun, found - SECOND / 2) == found - seconds * SECOND


def test_the_start_is_in_and_the_end_is_not() -> None:
    start, end = at("2030-01-01T00:00:00Z"), at("2030-01-01T00:00:02Z")
    for definition in (cron("* * * * * *", start_at=start, end_at=end), every(1, start_at=start, end_at=end)):
        long_before = at("2029-12-31T00:00:00Z")
        assert following(definition, long_before, long_before) == start
        assert following(definition, start, start) == start + SECOND
        assert following(definition, start + SECOND, start) is None
        assert not is_over(definition, end - SECOND)
        assert is_over(definition, end)
        assert is_active(definition, long_before)
        assert not is_active(definition, end)


@pytest.mark.parametrize("begins", ["2029-12-01T09:00:00.5Z", "2030-01-01T09:00:00Z", "2030-02-01T09:00:00Z"])
def test_an_interval_with_a_start_is_counted_from_it_whenever_it_was_saved(begins: str) -> None:
    start, now = at(begins), at("2030-01-01T00:00:00Z")
    definition = every(86_400, start_at=start)
    found = first(definition, now)
    assert found == following(definition, now, now)
    assert found is not None
    assert found > now
    assert found == start or now < found <= now + timedelta(days=1)
    assert (found - start) % timedelta(days=1) == timedelta(0)


def test_definitions_have_the_same_times_when_only_what_they_submit_differs() -> None:
    assert same_times(every(5), ScheduleDefinition(kind="echo", input={"a": 1}, every=5, name="x", paused=True))
    assert not same_times(every(5), every(6))
    assert not same_times(cron("* * * * * *"), cron("* * * * * *", "Europe/Berlin"))
    assert not same_times(every(5), every(5, start_at=at("2030-01-01T00:00:00Z")))


def test_a_schedule_that_never_fires_again_has_no_next_occurrence() -> None:
    end_of_time = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    now = at("2030-01-01T00:00:00Z")
    assert following(cron("0 0 0 1 1 *", start_at=end_of_time), now, now) is None
    assert following(every(60, start_at=end_of_time), now, now) is None


@pytest.mark.parametrize(
    ("expression", "interval", "expected"),
    [
        (None, 1, 60.0),
        (None, 3600, 1 / 60),
        ("* * * * * *", None, 60.0),
        ("0 * * * * *", None, 1.0),
        ("*/10 0,30 9-17 * * 1-5", None, 6 * 2 * 9 / 1440),
        ("0 0 0 1 1 *", None, 1 / 1440),
    ],
)
def test_how_often_a_schedule_fires_in_a_minute_is_averaged_over_its_days(
    expression: str | None, interval: int | None, expected: float
) -> None:
    assert firings_per_minute(expression, interval) == pytest.approx(expected)


def test_a_schedule_that_says_no_time_never_fires_and_stops_nobody_who_asks() -> None:
    # No API accepts one; the log may have it all the same.
    nothing, now = ScheduleDefinition(kind="noop", input={}), datetime(2026, 1, 1, tzinfo=UTC)
    assert following(nothing, now, now) is None
    assert last_due(nothing, now, now + SECOND) == now
