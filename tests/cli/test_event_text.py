from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.cli.terminal.event_text import describe_event, event_color, shortened
from headrace.contracts.events import EventName
from tests.unit.strategies import garbage


@pytest.mark.parametrize("name", EventName)
@given(data=st.data())
@settings(derandomize=True, deadline=None, max_examples=60)
def test_whatever_a_worker_wrote_is_shown_in_some_words(name: EventName, data: st.DataObject) -> None:
    fields: dict[str, Any] = {}
    with suppress(ValueError, RecursionError):
        read = json.loads(data.draw(garbage(name)))
        fields = read if isinstance(read, dict) else {}
    assert isinstance(shortened(describe_event(name, fields)), str)
    assert event_color(name, fields) in (None, "blue", "magenta", "cyan", "red", "green", "yellow")


def test_a_time_that_no_clock_here_can_show_is_shown_as_it_is() -> None:
    assert "9999" in describe_event("deferred", {"attempt": 1, "due_at": "9999-12-31T23:59:59-12:00"})
