from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from headrace.api.waiting.throughput import AGE_MAX, MINUTE, Running, Window, starts_per_second, window_of
from headrace.store.activity import KindPace

NOON = datetime(2030, 5, 4, 12, tzinfo=UTC)
NONE, EIGHT = Running(0, None), Running(8, 3.0)
NOTHING = KindPace(saturated_starts=0, runs=0, mean_run_seconds=None)


def test_starts_are_counted_since_the_first_whole_minute_in_which_somebody_has_waited() -> None:
    now = NOON + timedelta(seconds=30)
    assert window_of(NOON - timedelta(seconds=90), now) == Window(NOON - 4 * MINUTE, NOON - MINUTE)
    assert window_of(NOON - timedelta(days=1), now) == Window(NOON - 4 * MINUTE, NOON - 4 * MINUTE)
    assert window_of(NOON - MINUTE, now).saturated_since == NOON - MINUTE
    window = window_of(NOON - timedelta(seconds=90), now)
    assert starts_per_second(KindPace(180, 0, None), window, NONE, None, now) == 2.0
    assert starts_per_second(NOTHING, window, Running(3, 1.0), None, now) is None


def test_for_a_task_that_has_just_come_those_that_run_tell_how_fast_tasks_start() -> None:
    now = NOON + timedelta(seconds=30)
    window = window_of(now, now)
    assert window.saturated_since > now
    assert starts_per_second(KindPace(0, 20, 4.0), window, EIGHT, None, now) == 2.0
    assert starts_per_second(KindPace(0, 4, 4.0), window, EIGHT, None, now) is None, "four say too little"
    assert starts_per_second(KindPace(0, 20, 4.0), window, NONE, None, now) is None


def test_no_more_tasks_start_in_a_second_than_their_kind_allows() -> None:
    now = NOON + timedelta(seconds=30)
    of_a_millisecond = KindPace(0, 20, 0.001)
    assert starts_per_second(of_a_millisecond, window_of(now, now), Running(1, None), 1.5, now) == 1.5
    counted = KindPace(180, 0, None)
    assert starts_per_second(counted, window_of(NOON - timedelta(seconds=90), NOON + MINUTE), NONE, 0.5, now) == 0.5


@given(
    st.floats(0, 1e6),
    st.builds(KindPace, st.integers(0, 10**6), st.integers(0, 10**6), st.none() | st.floats(0, 5000)),
    st.builds(Running, st.integers(0, 1000), st.none() | st.floats(0, 5000)),
    st.none() | st.floats(0.001, 1e4),
)
def test_an_estimate_is_above_nothing(waited: float, pace: KindPace, running: Running, rate: float | None) -> None:
    window = window_of(NOON - timedelta(seconds=waited), NOON)
    found = starts_per_second(pace, window, running, rate, NOON)
    assert found is None or 0 < found <= (rate or found)
    assert window.since <= window.saturated_since


@given(st.integers(5, 100), st.floats(0.001, 100), st.integers(1, 50), st.floats(0, 1000))
def test_quick_runs_say_nothing_about_tasks_that_have_run_for_much_longer(
    runs: int, mean_seconds: float, count: int, age: float
) -> None:
    found = starts_per_second(KindPace(0, runs, mean_seconds), window_of(NOON, NOON), Running(count, age), None, NOON)
    assert (found is None) == (age > AGE_MAX * mean_seconds)
    assert found is None or found == starts_per_second(
        KindPace(0, runs, mean_seconds), window_of(NOON, NOON), Running(count, None), None, NOON
    )


def test_two_slots_with_long_tasks_after_a_few_quick_ones_promise_no_start() -> None:
    quick = KindPace(saturated_starts=0, runs=9, mean_run_seconds=0.12)
    assert starts_per_second(quick, window_of(NOON, NOON), Running(2, 1.5), None, NOON) is None
