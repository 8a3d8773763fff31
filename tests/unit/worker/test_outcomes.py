from __future__ import annotations

import pytest

from headrace.contracts.events import Finished, Outcome, decode, encode
from headrace.contracts.tasks import FailureCode
from headrace.worker.outcomes import (
    MESSAGE_CHARS_MAX,
    TRACEBACK_CHARS_MAX,
    AttemptOutcome,
    Failed,
    Succeeded,
    raised,
    to_event,
)


def written(outcome: AttemptOutcome) -> Finished:
    event = decode(encode(to_event(outcome, 2, "w1")))
    assert isinstance(event, Finished)
    return event


def caught(error: Exception, depth: int = 0) -> Failed:
    def handler(left: int) -> None:
        if left:
            handler(left - 1)
        raise error

    try:
        handler(depth)
    except Exception as same:  # noqa: BLE001 - any error may be asked for
        return raised(same, __file__)
    raise AssertionError


def test_a_result_is_written_as_it_is() -> None:
    event = written(Succeeded(b'{"a": [1, null]}'))
    assert (event.outcome, event.attempt, event.error) == (Outcome.SUCCEEDED, 2, None)
    assert bytes(event.result) == b'{"a": [1, null]}'


def test_a_failure_has_a_code_and_a_sentence_and_no_result() -> None:
    event = written(Failed(FailureCode.TIMEOUT, "It took too long."))
    assert event.outcome is Outcome.FAILED
    assert bytes(event.result) == b"null"
    assert event.error is not None
    assert (event.error.code, event.error.message, event.error.traceback) == (
        FailureCode.TIMEOUT,
        "It took too long.",
        None,
    )


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("no such thing"), "ValueError: no such thing"),
        (ValueError(), "ValueError"),
        (KeyError("name"), "KeyError: 'name'"),
        (ExceptionGroup("two", [ValueError("a"), TypeError("b")]), "ExceptionGroup: two (2 sub-exceptions)"),
    ],
)
def test_what_a_handler_raises_is_named_with_what_it_says(error: Exception, message: str) -> None:
    failed = caught(error)
    assert failed.code is FailureCode.RAISED
    assert failed.message == message
    assert failed.traceback is not None
    assert "in handler" in failed.traceback
    assert message in failed.traceback


def test_a_traceback_says_where_in_the_handler_and_nothing_of_its_callers() -> None:
    trace = caught(ValueError("x")).traceback
    assert trace is not None
    assert trace.startswith("Traceback (most recent call last):\n")
    assert "raise error" in trace
    assert trace.rstrip().endswith("ValueError: x")


def test_a_long_story_is_cut_where_it_says_least() -> None:
    failed = caught(ValueError("x" * 100_000), depth=200)
    assert len(failed.message) == MESSAGE_CHARS_MAX
    assert failed.message.endswith("…")
    assert failed.traceback is not None
    assert len(failed.traceback) == TRACEBACK_CHARS_MAX
    assert written(Failed(FailureCode.RAISED, "y" * 5000)).error.message == "y" * (MESSAGE_CHARS_MAX - 1) + "…"  # type: ignore[union-attr]


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("I would rather not say")


@pytest.mark.parametrize("error", [ValueError("cannot read caf\udce9.txt"), Unspeakable()])
def test_whatever_a_handler_raises_can_be_written_down(error: Exception) -> None:
    assert written(caught(error)).error is not None
