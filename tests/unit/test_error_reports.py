from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
import sentry_sdk
import structlog
from sentry_sdk.transport import Transport

from headrace import error_reports

DSN = {"SENTRY_DSN": "http://0123456789abcdef@127.0.0.1:1/7"}
CANARY = "canary-of-the-input"


class Kept(Transport):
    """A transport that sends nothing."""

    events: list[dict[str, Any]]

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        Kept.events = []

    def capture_envelope(self, envelope: Any) -> None:
        Kept.events += [item.payload.json for item in envelope.items if item.type == "event"]


@pytest.fixture
def events() -> Generator[list[dict[str, Any]]]:
    error_reports.start("worker", DSN, transport=Kept)
    yield Kept.events
    error_reports.stop()
    structlog.contextvars.clear_contextvars()


def fail_with(secret: str) -> None:
    password = secret
    raise ValueError(f"cannot read {password}")


def test_a_report_has_names_and_places_and_the_ids_of_the_log(events: list[dict[str, Any]]) -> None:
    structlog.contextvars.bind_contextvars(correlation_id="click-1", trace_id="4" * 32, span_id="5" * 16)
    try:
        fail_with(CANARY)
    except ValueError as error:
        error_reports.report_error(error, route="/api/v1/tasks", method="POST")
    (event,) = events
    (exception,) = event["exception"]["values"]
    assert (exception["type"], exception["stacktrace"]["frames"][-1]["function"]) == ("ValueError", "fail_with")
    assert event["tags"] == {
        "process": "worker",
        "correlation_id": "click-1",
        "route": "/api/v1/tasks",
        "method": "POST",
    }
    assert event["contexts"]["trace"]["trace_id"] == "4" * 32
    assert CANARY not in str(event)


def test_a_failure_is_reported_from_the_text_of_its_traceback_without_its_message(events: list[dict[str, Any]]) -> None:
    trace = f'  File "/kinds/a.py", line 7, in run\n    do({CANARY})\n  File "/lib/b.py", line 9, in do\nValueError: {CANARY}\n'
    error_reports.report_failure("ValueError", trace, task_id="t-1", kind="k", attempt="2")
    error_reports.report_failure(f"{CANARY} is no name", None)
    first, second = events
    frames = first["exception"]["values"][0]["stacktrace"]["frames"]
    assert [(each["filename"], each["lineno"], each["function"]) for each in frames] == [
        ("/kinds/a.py", 7, "run"),
        ("/lib/b.py", 9, "do"),
    ]
    assert second["exception"]["values"][0]["type"] == "Exception"
    assert CANARY not in str(events)


def test_what_a_handler_sends_itself_is_stripped_like_a_report(events: list[dict[str, Any]]) -> None:
    sentry_sdk.set_extra("input", CANARY)
    sentry_sdk.set_user({"id": CANARY})
    sentry_sdk.add_breadcrumb(message=CANARY)
    try:
        fail_with(CANARY)
    except ValueError as error:
        sentry_sdk.capture_exception(error)
    (event,) = events
    assert event["exception"]["values"][0]["type"] == "ValueError"
    assert CANARY not in str(event)


def test_nothing_is_reported_without_an_address() -> None:
    error_reports.start("worker", {})
    error_reports.report_failure("ValueError", None)
    error_reports.stop()
