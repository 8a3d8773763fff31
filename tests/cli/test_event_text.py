from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.cli.terminal.event_text import describe_event, event_color, shortened
from headrace.cli.terminal.tail import EventFilter
from headrace.contracts.events import EventName, Outcome
from headrace.log.records import Record
from tests.examples import examples
from tests.unit.strategies import garbage


@pytest.mark.parametrize("name", EventName)
@given(data=st.data())
@examples(60)
def test_whatever_a_worker_wrote_is_shown_in_some_words(name: EventName, data: st.DataObject) -> None:
    fields: dict[str, Any] = {}
    with suppress(ValueError, RecursionError):
        read = json.loads(data.draw(garbage(name)))
        fields = read if isinstance(read, dict) else {}
    assert isinstance(shortened(describe_event(name, fields)), str)
    assert event_color(name, fields) in (None, "blue", "magenta", "cyan", "red", "green", "yellow")


def test_a_time_that_no_clock_here_can_show_is_shown_as_it_is() -> None:
    assert "9999" in describe_event("deferred", {"attempt": 1, "due_at": "9999-12-31T23:59:59-12:00"})


def test_an_end_says_how_long_its_attempt_ran_when_it_was_started() -> None:
    failed = {"outcome": "failed", "error": {"code": "timeout", "message": "too late"}}
    assert describe_event("finished", failed) == "failed (timeout): too late"
    assert describe_event("finished", failed | {"run_seconds": 30.0}) == "failed (timeout), ran 30 s: too late"
    cancelled = {"outcome": "cancelled", "by": "ada", "run_seconds": 0.25}
    assert describe_event("finished", cancelled) == "cancelled by ada, ran 250 ms"
    started = {"attempt": 2, "worker": "w", "queued_seconds": 90}
    assert describe_event("started", started) == "by w, attempt 2, waited 2 min"


@pytest.mark.parametrize(
    ("payload", "outcome", "slower_than", "shown"),
    [
        (b'{"event":"finished","attempt":1,"outcome":"failed","run_seconds":11}', "failed", 10, True),
        (b'{"event":"finished","attempt":1,"outcome":"failed","run_seconds":11}', None, 11, False),
        (b'{"event":"finished","attempt":1,"outcome":"succeeded","run_seconds":11}', "failed", None, False),
        (b'{"event":"finished","attempt":1,"outcome":"failed"}', "failed", None, True),
        (b'{"event":"finished","attempt":1,"outcome":"failed"}', None, 0, False),
        (b"no event", "failed", None, True),
    ],
)
def test_ends_are_chosen_by_outcome_and_duration_also_of_those_who_wrote_neither(
    payload: bytes, outcome: str | None, slower_than: float | None, shown: bool
) -> None:
    wanted = EventFilter(
        outcome=Outcome(outcome) if outcome else None,
        slower_than=None if slower_than is None else timedelta(seconds=slower_than),
    )
    record = Record(1, "hr.tasks.finished.echo.normal.u.t1", datetime.now(UTC), {}, payload)
    assert wanted.matches(record) is shown
