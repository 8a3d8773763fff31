"""How an execution goes from one phase to the next, and what a cancellation does in each."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from headrace.contracts.events import Finished, Outcome
from headrace.sdk.kind import AnyKind
from headrace.worker.execution import Execution, Phase
from tests.unit.worker.executions import delivery, execution


async def begun(**options: float) -> Execution:
    """An execution with a task that runs it."""
    made = execution(**options)
    made.task = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    return made


async def stops(made: Execution) -> bool:
    """Whether the task of an execution is being stopped. Ends it in any case."""
    assert made.task is not None
    stopping = made.task.cancelling() > 0
    made.task.cancel()
    await asyncio.wait([made.task])
    return stopping


def test_the_phases_of_an_execution_follow_each_other() -> None:
    made = execution()
    phases = [made.phase]
    for step in (made.start, made.conclude, made.end):
        step()
        phases.append(made.phase)
    assert phases == [Phase.DELIVERED, Phase.RUNNING, Phase.ENDING, Phase.ENDED]


def test_a_kind_with_a_rate_waits_for_its_permit() -> None:
    made = execution(rate=5.0)
    assert made.awaits_permit
    made.start()
    assert made.phase is Phase.WAITING_FOR_RATE
    assert made.awaits_permit
    made.permit()
    assert made.phase is Phase.RUNNING
    assert not made.awaits_permit
    assert not execution().awaits_permit


def test_a_handler_that_is_given_up_may_still_return() -> None:
    made = execution()
    made.start()
    made.give_up()
    made.end()
    made.conclude()
    assert made.phase is Phase.ENDED, "it had ended before the handler returned"

    made = execution()
    made.start()
    made.give_up()
    made.conclude()
    assert made.phase is Phase.ENDING
    made.end()
    made.end()
    assert made.phase is Phase.ENDED, "both append an outcome, and the log takes one"


@pytest.mark.parametrize("step", ["permit", "give_up", "conclude"])
def test_a_step_that_does_not_follow_is_an_error(step: str) -> None:
    with pytest.raises(AssertionError):
        getattr(execution(), step)()


def test_an_attempt_that_runs_cannot_end_before_it_is_over() -> None:
    made = execution()
    made.start()
    for step in (made.end, made.start, made.permit):
        with pytest.raises(AssertionError):
            step()


def test_a_handler_is_stubborn_some_time_after_its_timeout_until_it_is_given_up() -> None:
    made = execution()
    made.start()
    assert not made.is_stubborn(1e9, 5.0), "no handler runs"
    made.deadline = 100.0
    assert not made.is_stubborn(105.0, 5.0)
    assert made.is_stubborn(105.1, 5.0)
    made.give_up()
    assert not made.is_stubborn(105.1, 5.0)


async def test_a_cancellation_stops_an_attempt_once() -> None:
    for made in (await begun(), await begun(rate=5.0)):
        made.start()
        made.cancel()
        made.cancel()
        assert made.cancelled
        assert made.task is not None
        assert made.task.cancelling() == 1
        assert await stops(made)


async def test_a_cancellation_before_the_attempt_or_after_it_stops_nothing_and_is_remembered() -> None:
    before = await begun()
    before.cancel()
    after = await begun()
    after.start()
    after.conclude()
    after.cancel()
    for made in (before, after):
        assert made.cancelled
        assert not await stops(made)


async def test_a_cancellation_after_the_end_is_too_late() -> None:
    made = await begun()
    made.end()
    made.cancel()
    assert not made.cancelled
    assert not await stops(made)


async def test_a_cancellation_reaches_a_handler_that_was_given_up_until_the_run_has_ended() -> None:
    made = await begun()
    made.start()
    made.give_up()
    made.cancel()
    assert await stops(made)


def test_only_a_queued_event_of_a_task_can_be_executed() -> None:
    kind: AnyKind = execution().kind
    with pytest.raises(msgspec.ValidationError, match="holds Finished"):
        Execution(kind, delivery(Finished(attempt=1, outcome=Outcome.SUCCEEDED)))
