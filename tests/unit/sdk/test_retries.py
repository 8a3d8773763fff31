from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from headrace.contracts.events import Queued
from headrace.contracts.tasks import DELAY_SECONDS_MAX, FailureCode
from headrace.sdk.retries import INITIAL_SECONDS_MIN, Backoff, Retry
from headrace.task import Context, KindError, task
from headrace.worker.outcomes import Failed, HandlerRaised, Retrying, retry_or_fail
from tests.examples import examples
from tests.kinds.plain import Nothing

FAILED = Failed(FailureCode.RAISED, "it went wrong")


@st.composite
def backoffs(draw: st.DrawFn, jitter: st.SearchStrategy[float] = st.floats(0, 1)) -> Backoff:  # noqa: B008
    initial = draw(st.floats(INITIAL_SECONDS_MIN, DELAY_SECONDS_MAX))
    return Backoff(
        initial=initial,
        factor=draw(st.floats(1, 1e9) | st.just(math.inf)),
        maximum=draw(st.floats(initial, DELAY_SECONDS_MAX)),
        jitter=draw(jitter),
    )


@given(backoff=backoffs(), attempt=st.integers(1, 100))
@examples(300)
def test_no_wait_is_shorter_than_the_first_or_longer_than_the_maximum_with_its_jitter(
    backoff: Backoff, attempt: int
) -> None:
    assert backoff.find_error() is None
    assert backoff.initial <= backoff.after(attempt) <= backoff.maximum * (1 + backoff.jitter)


@given(backoff=backoffs(jitter=st.just(0.0)))
@examples(200)
def test_without_jitter_every_wait_is_as_long_as_the_one_before_or_longer(backoff: Backoff) -> None:
    waits = [backoff.after(attempt) for attempt in range(1, 101)]
    assert waits == sorted(waits)
    assert waits[0] == backoff.initial


def test_waits_double_up_to_the_maximum_unless_said_otherwise() -> None:
    backoff = Backoff(jitter=0)
    assert [backoff.after(attempt) for attempt in (1, 2, 3, 4, 9, 10, 100)] == [1, 2, 4, 8, 256, 300, 300]
    constant = Backoff(initial=5, factor=1, jitter=0)
    assert [constant.after(attempt) for attempt in (1, 2, 100)] == [5, 5, 5]


def test_what_failed_together_does_not_come_back_together() -> None:
    waits = [Backoff(initial=10, jitter=0.5).after(1) for _ in range(200)]
    assert min(waits) >= 10
    assert max(waits) <= 15
    assert max(waits) - min(waits) > 3


def test_nothing_is_waited_longer_than_a_year_however_it_was_made_up() -> None:
    longest = Backoff(initial=DELAY_SECONDS_MAX, maximum=DELAY_SECONDS_MAX, jitter=1)
    assert longest.find_error() is None
    assert longest.after(1) <= DELAY_SECONDS_MAX * 2


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"initial": 0}, "initial"),
        ({"initial": -1}, "initial"),
        ({"initial": math.nan}, "initial"),
        ({"initial": DELAY_SECONDS_MAX + 1, "maximum": DELAY_SECONDS_MAX + 2}, "initial"),
        ({"factor": 0.99}, "factor"),
        ({"factor": math.nan}, "factor"),
        ({"maximum": 0.5}, "maximum"),
        ({"maximum": DELAY_SECONDS_MAX + 1}, "maximum"),
        ({"maximum": math.nan}, "maximum"),
        ({"jitter": -0.1}, "jitter"),
        ({"jitter": 1.1}, "jitter"),
        ({"jitter": math.nan}, "jitter"),
    ],
)
def test_a_backoff_that_makes_no_sense_is_refused_where_the_kind_is_written(
    given: dict[str, float], field: str
) -> None:
    wrong = Backoff(**given).find_error()
    assert wrong is not None
    assert wrong.startswith(f"backoff.{field}=")

    async def handler(input: Nothing, context: Context) -> None: ...

    with pytest.raises(KindError, match=f"kind 'handler': backoff.{field}="):
        task(backoff=Backoff(**given))(handler)


@pytest.mark.parametrize("option", ["retry_on", "give_up_on"])
@pytest.mark.parametrize("classes", [ValueError, [ValueError], ("ValueError",), (ValueError(),), (int,)])
def test_what_is_to_be_retried_is_a_tuple_of_exception_classes(option: str, classes: Any) -> None:
    async def handler(input: Nothing, context: Context) -> None: ...

    with pytest.raises(KindError, match=f"{option}=.* must be a tuple of exception classes"):
        task(**{option: classes})(handler)


@pytest.mark.parametrize("after", [-0.001, DELAY_SECONDS_MAX + 1, math.nan, math.inf, -math.inf])
def test_a_handler_cannot_ask_for_a_wait_that_is_none(after: float) -> None:
    with pytest.raises(ValueError, match="from 0 seconds to a year"):
        Retry(after=after)


def test_a_handler_may_ask_for_no_wait_at_all() -> None:
    assert Retry(after=0).after == 0
    assert Retry().after is None
    assert str(Retry(message="the shop is closed")) == "the shop is closed"


def fate(error: BaseException, attempt: int = 1, most: int | None = None, **options: Any) -> Failed | Retrying:
    """What becomes of an attempt of a kind with three of them."""

    async def handler(input: Nothing, context: Context) -> None: ...

    kind = task(**{"max_attempts": 3, "backoff": Backoff(initial=7, jitter=0), **options})(handler)
    queued = Queued(attempt=attempt, fence=0, input=Raw(b"{}"), max_attempts=most)
    return retry_or_fail(kind, queued, error, FAILED)


def test_an_attempt_that_fails_is_tried_again_until_none_is_left() -> None:
    assert fate(ValueError()) == Retrying(7, FAILED)
    assert fate(ValueError(), attempt=2) == Retrying(14, FAILED)
    assert fate(ValueError(), attempt=3) == FAILED
    assert fate(ValueError(), attempt=4) == FAILED


def test_what_was_submitted_decides_how_many_attempts_there_are() -> None:
    assert fate(ValueError(), most=1) == FAILED
    assert fate(ValueError(), attempt=3, most=4) == Retrying(28, FAILED)


def test_only_what_is_worth_it_is_tried_again() -> None:
    assert isinstance(fate(ConnectionResetError(), retry_on=(OSError,)), Retrying)
    assert fate(ValueError(), retry_on=(OSError,)) == FAILED
    assert fate(ConnectionResetError(), give_up_on=(ConnectionError,)) == FAILED
    assert isinstance(fate(FileNotFoundError(), retry_on=(OSError,), give_up_on=(ConnectionError,)), Retrying)
    assert fate(SystemExit(3)) == FAILED, "by itself, only an Exception is"


def test_what_was_raised_in_a_process_is_known_by_its_names() -> None:
    names = ("builtins.ConnectionResetError", "builtins.ConnectionError", "builtins.OSError", "builtins.Exception")
    error = HandlerRaised(names, "reset", "Traceback")
    assert isinstance(fate(error), Retrying)
    assert isinstance(fate(error, retry_on=(OSError,)), Retrying)
    assert fate(error, retry_on=(ValueError,)) == FAILED
    assert fate(error, give_up_on=(ConnectionError,)) == FAILED


def test_a_handler_that_asks_for_another_attempt_gets_it_whatever_the_kind_says() -> None:
    assert fate(Retry(after=0.5), retry_on=(), give_up_on=(Exception,)) == Retrying(0.5, FAILED)
    assert fate(Retry(after=0)) == Retrying(0, FAILED)
    assert fate(Retry(), attempt=2) == Retrying(14, FAILED)


def test_a_handler_that_asks_for_another_attempt_in_the_last_one_fails_and_is_told_so() -> None:
    failed = fate(Retry(after=1, message="the shop is closed"), attempt=3)
    assert failed == Failed(FailureCode.RAISED, "the shop is closed; but this was attempt 3 of 3")
