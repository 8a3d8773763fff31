from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from litestar import Request
from msgspec.structs import replace

from headrace.api.edge.request import AnyRequest
from headrace.api.streaming.follower import Follower
from headrace.api.streaming.metrics import StreamMetrics
from headrace.api.streaming.opening import Opening, count_resume, open_stream, read_cursor
from headrace.contracts.positions import Position
from headrace.errors import InvalidPosition, MalformedRequest
from headrace.log.continuity import Filled
from headrace.log.streams import StreamState

EPOCH = 1000
STATE = StreamState(epoch=EPOCH, first_sequence=50, last_sequence=90, bytes=0)
NOW = Position(EPOCH, 90)


def opened(
    cursor: Position | None,
    oldest: Position | None = None,
    filled: Filled | None = None,
    marks: tuple[int, ...] = (),
) -> tuple[Position, str, int]:
    log: Any = SimpleNamespace(filled=filled)
    metrics = StreamMetrics()
    opening = open_stream(log, metrics, replace(STATE, marks=marks), cursor, NOW, oldest)
    return opening.position, opening.chunk.decode(), metrics.resumes["reset"]


def test_a_stream_without_a_cursor_opens_at_its_default_with_an_id_alone() -> None:
    assert opened(None) == (NOW, "id: 1000-90\n\n", 0)


def test_a_stream_goes_on_after_its_cursor() -> None:
    assert opened(Position(EPOCH, 60)) == (Position(EPOCH, 60), "id: 1000-60\n\n", 0)


@pytest.mark.invariant(6)
@pytest.mark.parametrize(
    ("cursor", "filled", "reason"),
    [
        (Position(999, 60), None, "the log was lost and made anew"),
        (Position(EPOCH, 91), None, "the position is ahead of the log"),
        (Position(EPOCH, 70), Filled(first=65, last=80), "the log has lost its latest events"),
        (Position(EPOCH, 48), None, "events after the position have left the log"),
    ],
)
def test_a_client_whose_cursor_the_log_cannot_continue_is_told_why(
    cursor: Position, filled: Filled | None, reason: str
) -> None:
    position, chunk, resets = opened(cursor, filled=filled)
    assert position == NOW
    assert "event: reset\n" in chunk
    assert reason in chunk
    assert resets == 1


def test_the_last_event_before_the_oldest_one_is_no_gap() -> None:
    assert opened(Position(EPOCH, 49))[1] == "id: 1000-49\n\n"


def test_an_old_cursor_is_no_gap_for_a_task_whose_first_event_comes_later() -> None:
    assert opened(Position(EPOCH, 48), oldest=Position(EPOCH, 47))[1] == "id: 1000-48\n\n"


@pytest.mark.invariant(6)
def test_a_stream_of_many_tasks_does_not_go_on_where_finished_tasks_have_left_and_one_of_a_task_does() -> None:
    assert "event: reset\n" in opened(Position(EPOCH, 69), marks=(60, 70))[1]
    assert opened(Position(EPOCH, 70), marks=(60, 70))[1] == "id: 1000-70\n\n"
    assert opened(Position(EPOCH, 69), oldest=Position(EPOCH, 55), marks=(60, 70))[1] == "id: 1000-69\n\n"


@pytest.mark.invariant(6)
def test_a_stream_of_a_task_that_was_run_again_does_not_go_on_in_a_run_that_has_left() -> None:
    assert "event: reset\n" in opened(Position(EPOCH, 60), oldest=Position(EPOCH, 75), marks=(60, 70))[1]
    assert opened(Position(EPOCH, 70), oldest=Position(EPOCH, 75), marks=(60, 70))[1] == "id: 1000-70\n\n"


def asked(query: str = "") -> AnyRequest:
    scope: Any = {"type": "http", "query_string": query.encode(), "headers": []}
    return Request(scope)


def test_the_header_of_a_browser_is_newer_than_the_cursor_in_its_url() -> None:
    assert read_cursor(asked(), "1000-1", "1000-2") == Position(1000, 2)
    assert read_cursor(asked(), "1000-1", None) == Position(1000, 1)
    assert read_cursor(asked(), None, None) is None


@pytest.mark.parametrize("name", ["lastEventId", "lastEventID", "last_event_id", "Last-Event-ID", "lasteventid"])
def test_what_a_polyfill_puts_into_the_url_is_newer_than_after_and_older_than_the_header(name: str) -> None:
    request = asked(f"after=1000-1&{name}=1000-2")
    assert read_cursor(request, "1000-1", None) == Position(1000, 2)
    assert read_cursor(request, "1000-1", "1000-3") == Position(1000, 3)
    assert read_cursor(asked(f"{name}="), None, None) is None


def test_two_different_last_events_are_refused() -> None:
    with pytest.raises(MalformedRequest, match="differs"):
        read_cursor(asked("lastEventId=1000-1&last_event_id=1000-2"), None, None)
    assert read_cursor(asked("lastEventId=1000-1&last_event_id=1000-1"), None, None) == Position(1000, 1)


@pytest.mark.parametrize(
    ("after", "header", "named"), [("x", None, "after"), ("", None, "after"), (None, "1-2-3", "Last-Event-ID")]
)
def test_a_cursor_that_is_no_position_is_refused_by_name(after: str | None, header: str | None, named: str) -> None:
    with pytest.raises(InvalidPosition, match=f"^{named}: ") as refused:
        read_cursor(asked(), after, header)
    assert refused.value.errors[0].path == f"{'query' if header is None else 'header'} {named}"


@pytest.mark.parametrize(
    ("opening", "counted"),
    [(Opening(NOW, b""), {"hit": 1}), (Opening(NOW, b"", is_reset=True), {})],
)
def test_a_reset_is_no_resume_even_where_the_log_ends_at_the_cursor(opening: Opening, counted: dict[str, int]) -> None:
    metrics, follower = StreamMetrics(), cast("Follower", SimpleNamespace(in_memory=True))
    count_resume(metrics, NOW, opening, follower)
    assert {name: count for name, count in metrics.resumes.items() if count} == counted
