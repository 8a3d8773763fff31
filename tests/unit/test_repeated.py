from __future__ import annotations

from structlog.testing import capture_logs

from headrace.repeated import REASONS_MAX, RepeatedWarning
from headrace.telemetry import get_logger


def test_each_reason_is_logged_once_and_the_end_says_how_often_it_failed() -> None:
    with capture_logs() as lines:
        warning = RepeatedWarning(get_logger("test"), "cannot", "can again")
        for reason in ("no host", "no table", "no host", "no host"):
            warning.note(reason)
        warning.end()
        warning.end()
        warning.note("no host")
    said = [(each["event"], each.get("error"), each.get("failed")) for each in lines]
    assert said == [
        ("cannot", "no host", None),
        ("cannot", "no table", None),
        ("can again", None, 4),
        ("cannot", "no host", None),
    ]


def test_reasons_that_are_new_each_time_are_not_logged_for_ever() -> None:
    with capture_logs() as lines:
        warning = RepeatedWarning(get_logger("test"), "cannot", "can again")
        for number in range(1000):
            warning.note(f"reason {number}")
    assert len(lines) == REASONS_MAX
