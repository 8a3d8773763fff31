from __future__ import annotations

import math
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest
from msgspec import Raw, Struct

from headrace.contracts.events import Finished, Outcome, Queued, decode, encode
from headrace.contracts.tasks import FailureCode
from headrace.sdk.kind import AnyKind
from headrace.task import Context, Retry, task
from headrace.worker.outcomes import (
    MESSAGE_CHARS_MAX,
    TRACEBACK_CHARS_MAX,
    AttemptOutcome,
    Failed,
    Retrying,
    Stop,
    Succeeded,
    outcome_of,
    raised,
    read_input,
    returned,
    to_event,
)


class Nothing(Struct, frozen=True):
    """No input."""


def kind_returning(value: object) -> AnyKind:
    @task(max_attempts=3)
    async def odd(input: Nothing, context: Context) -> Any:
        return value

    return odd


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


class Exits(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


class Disguised(Exception):
    @property
    def __class__(self) -> type:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise RuntimeError("who I am is my own affair")


class Nameless(type):
    @property
    def __name__(cls) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        raise RuntimeError("no name")


class Anonymous(Exception, metaclass=Nameless):
    pass


class Elsewhere(Exception):
    __module__ = Exits()  # type: ignore[assignment]


class Untraced(Exception):
    @property
    def __traceback__(self) -> None:  # type: ignore[override]
        raise GeneratorExit


class Forgetful(Retry):
    def __init__(self) -> None:
        """Leave out what `Retry` does."""


def noted() -> Exception:
    error = ValueError("with notes")
    error.__notes__ = 5  # type: ignore[assignment]
    return error


def nonsense(after: object) -> Retry:
    asked = Retry()
    asked.after = after  # type: ignore[assignment]
    return asked


ODD_EXCEPTIONS: dict[str, Callable[[], BaseException]] = {
    "whose message exits": Exits,
    "that hides its class": Disguised,
    "whose class has no name": Anonymous,
    "from no module": Elsewhere,
    "without a traceback": Untraced,
    "Retry without a wait": Forgetful,
    "with odd notes": noted,
    "with an odd line": lambda: SyntaxError("odd", ("f.py", 1, 2, 5)),
    "with an odd place": lambda: SyntaxError("odd", ("f.py", "one", "two", "x = \n")),
    "StopIteration": lambda: StopIteration(3),
    "GeneratorExit": GeneratorExit,
    "Retry soon": lambda: nonsense("soon"),
    "Retry at no time": lambda: nonsense(math.nan),
    "Retry never": lambda: nonsense(1e300),
    "Retry before": lambda: nonsense(-1),
}


@pytest.mark.invariant(1)
@pytest.mark.parametrize("name", ODD_EXCEPTIONS)
@pytest.mark.parametrize("max_attempts", [1, 2])
def test_whatever_a_handler_raises_has_an_outcome_that_can_be_written(name: str, max_attempts: int) -> None:
    queued = Queued(attempt=1, fence=0, input=Raw(b"{}"), max_attempts=max_attempts)
    outcome = outcome_of(kind_returning(None), queued, ODD_EXCEPTIONS[name]())
    if isinstance(outcome, Retrying):
        assert max_attempts == 2
        assert 0 <= outcome.after <= 2  # what the kind's backoff says
        outcome = outcome.cause
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.RAISED
    assert written(outcome).error is not None


class Holder(Struct):
    x: int


def unset() -> Holder:
    holder = Holder(1)
    del holder.x
    return holder


class NoZone(tzinfo):
    def utcoffset(self, dt: datetime | None) -> timedelta:
        raise KeyError("no such zone")


class Leaving(tzinfo):
    def utcoffset(self, dt: datetime | None) -> timedelta:
        raise SystemExit(3)


class Deep(Struct):
    inside: Any


def deep(levels: int) -> Any:
    value: Any = None
    for _ in range(levels):
        value = Deep(value)
    return value


ODD_RESULTS: dict[str, Callable[[], object]] = {
    "a field that is not set": unset,
    "a zone that raises": lambda: datetime(2026, 1, 1, tzinfo=NoZone()),
    "a zone that exits": lambda: datetime(2026, 1, 1, tzinfo=Leaving()),
    "no value but its class": lambda: Disguised(),
    "a generator": lambda: (n for n in range(3)),
    "a lock": threading.Lock,
    "a lone surrogate": lambda: "caf\udce9",
    "nested too deep": lambda: deep(900),
    "an error page": lambda: Raw(b"<html>502</html>"),
    "nothing": lambda: Raw(b""),
    "half an answer": lambda: Raw(b'{"a": [1'),
    "two answers": lambda: Raw(b"{} {}"),
    "no JSON number": lambda: Raw(b"NaN"),
    "Latin-1": lambda: Raw(b'"caf\xe9"'),
    "an encoded surrogate": lambda: Raw(b'"\xed\xa0\x80"'),
    "Raw below": lambda: {"a": [Holder(Raw(b"<html>"))]},  # type: ignore[arg-type]
    "Raw that closes what it did not open": lambda: [Raw(b"1], [2")],
    "Raw that is deep": lambda: Raw(b"[" * 900 + b"]" * 900),
}


@pytest.mark.invariant(1)
@pytest.mark.parametrize("name", ODD_RESULTS)
def test_a_result_that_nobody_could_read_is_named_as_invalid(name: str) -> None:
    outcome = returned(kind_returning(None), ODD_RESULTS[name]())
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.RESULT_INVALID
    assert "cannot be written as JSON" in outcome.message
    assert written(outcome).error is not None


def test_json_that_a_handler_passes_on_is_kept_as_it_is() -> None:
    for given in (b'{"a": 1}', b'{\n  "a": "\xc3\xa9"\n}\n', b"[" * 400 + b"]" * 400, b"1e400"):
        assert returned(kind_returning(None), Raw(given)) == Succeeded(given)


def test_a_watchdog_stops_also_what_a_result_does_while_it_is_written_down() -> None:
    class Stopped(tzinfo):
        def utcoffset(self, dt: datetime | None) -> timedelta:
            raise Stop

    with pytest.raises(Stop):
        returned(kind_returning(None), datetime(2026, 1, 1, tzinfo=Stopped()))


class Picky(Struct, frozen=True):
    raises: str
    numbers: set[Any] = set()

    def __post_init__(self) -> None:
        if self.raises:
            raise {"exit": SystemExit(3), "key": KeyError("raises"), "unspeakable": Exits()}[self.raises]


@pytest.mark.invariant(1)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (b'{"raises":1}', "Expected `str`, got `int` - at `$.raises`"),
        (b'{"raises":"caf\xe9"}', "can't decode byte"),
        (b'{"raises":"","numbers":[[1]]}', "unhashable"),
        (b'{"raises":"key"}', "KeyError: 'raises'"),
        (b'{"raises":"exit"}', "SystemExit: 3"),
        (b'{"raises":"unspeakable"}', "Exits: (its message cannot be read)"),
    ],
)
def test_whatever_an_input_raises_while_it_is_read_it_is_named_as_invalid(given: bytes, message: str) -> None:
    @task()
    async def picky(input: Picky, context: Context) -> None: ...

    assert isinstance(read_input(picky, b'{"raises":""}'), Picky)
    failed = read_input(picky, given)
    assert isinstance(failed, Failed)
    assert failed.code is FailureCode.INVALID_INPUT
    assert message in failed.message
