"""What a worker makes of the events that earlier deliveries of an attempt left in the log."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Self, cast

import msgspec
import pytest

from headrace.contracts.events import Deferred, Finished, Outcome, Queued, Started
from headrace.contracts.tasks import FailureCode, TaskError
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.replay import Page
from headrace.worker.event_writer import EventWriter
from headrace.worker.execution import Execution
from headrace.worker.history import NOT_STARTED, History, read_history
from tests.unit.worker.executions import DELIVERED_AT, SEQUENCE, SUBJECT, execution, record

INPUT = msgspec.Raw(b"{}")
RETENTION = (datetime.now(UTC) - DELIVERED_AT).total_seconds() + 3600.0


class FakeLog:
    """The log of one task, and what was queued again."""

    def __init__(self, *records: Record, timer: bool = False, has_delivered: bool = True) -> None:
        self.records = records
        self.timer = timer
        self.has_delivered = has_delivered
        self.queued_again: list[Deferred] = []

    async def last_of_each(self, *_: str) -> list[Record]:
        return list({each.subject: each for each in self.records}.values())

    async def last(self, subject: str) -> Record | None:
        if subject.startswith("hr.timers"):
            return self.records[0] if self.timer else None
        return next((each for each in reversed(self.records) if each.subject == subject), None)

    async def page(self, subject: str, *, start: int, records: int) -> Page:
        found = [each for each in self.records if each.subject == subject and each.sequence >= start]
        return Page(found[:records], more=len(found) > records)

    @property
    def leading(self) -> Self:
        return self

    async def has_dropped(self, sequence: int) -> bool:
        return sequence != SEQUENCE or not self.has_delivered

    async def queue_again(self, _: Execution, deferred: Deferred) -> None:
        self.queued_again.append(deferred)

    async def read(self, of: Execution) -> History:
        log = cast("Log", SimpleNamespace(replayer=self, settings=SimpleNamespace(replicas=1, retention=RETENTION)))
        return await read_history(log, cast("EventWriter", self), of)


def started(delivered: int, sequence: int) -> Record:
    return record(Started(attempt=1, worker="w", delivered=delivered), sequence)


def deferred(**fields: Any) -> Record:
    error = TaskError(code=FailureCode.RAISED, message="")
    event = Deferred(
        **{"attempt": 2, "fence": 0, "input": INPUT, "due_at": datetime.now(UTC), "error": error, **fields}
    )
    return record(event, SEQUENCE + 2)


async def test_a_task_without_a_trace_was_not_started() -> None:
    assert await FakeLog().read(execution()) == NOT_STARTED


@pytest.mark.invariant(2)
async def test_a_task_that_has_left_the_log_since_it_was_delivered_is_over() -> None:
    assert await FakeLog(has_delivered=False).read(execution(delivered=2)) == History(ended=True)
    later_run = record(Queued(attempt=1, fence=SEQUENCE + 5, input=INPUT), SEQUENCE + 9)
    assert await FakeLog(later_run, has_delivered=False).read(execution(delivered=2)) == History(ended=True)


async def test_the_first_start_counts_though_it_left_no_trace() -> None:
    assert await FakeLog().read(execution(delivered=2)) == History(starts=1, has_started=False)


async def test_starts_with_a_trace_are_counted_once() -> None:
    log = FakeLog(started(1, SEQUENCE + 1), started(2, SEQUENCE + 2))
    assert await log.read(execution(delivered=3)) == History(starts=2, has_started=True)


async def test_a_delivery_that_came_before_the_task_was_due_started_nothing() -> None:
    assert await FakeLog().read(execution(delivered=2, due_at=datetime.now(UTC))) == NOT_STARTED


async def test_starts_of_an_earlier_attempt_do_not_count() -> None:
    assert await FakeLog(started(1, SEQUENCE - 1)).read(execution()) == NOT_STARTED


async def test_a_run_that_has_finished_has_ended_and_the_finish_of_an_earlier_run_ends_nothing() -> None:
    finished = Finished(attempt=1, outcome=Outcome.SUCCEEDED)
    assert (await FakeLog(record(finished, SEQUENCE + 1)).read(execution())).ended
    assert not (await FakeLog(record(finished, 5)).read(execution(fence=5))).ended


async def test_an_attempt_whose_next_one_is_queued_has_ended() -> None:
    log = FakeLog(record(Queued(attempt=2, fence=0, input=INPUT), SEQUENCE + 1))
    assert (await log.read(execution())).ended


async def test_an_attempt_that_was_queued_again_is_left_to_the_newer_record() -> None:
    """As by the sweep, when the consumer had let go of this delivery. The newer record counts, whatever was started before it."""
    again = record(Queued(attempt=1, fence=0, input=INPUT), SEQUENCE + 4)
    assert await FakeLog(started(1, SEQUENCE + 1), again).read(execution(delivered=2)) == History(ended=True)
    own = record(Queued(attempt=1, fence=0, input=INPUT), SEQUENCE)
    assert not (await FakeLog(own).read(execution(delivered=2))).ended
    other_run = record(Queued(attempt=1, fence=SEQUENCE + 3, input=INPUT), SEQUENCE + 4)
    assert not (await FakeLog(other_run).read(execution(delivered=2))).ended


async def test_a_deferred_attempt_whose_timer_is_set_is_left_to_the_timer() -> None:
    log = FakeLog(deferred(), timer=True)
    assert (await log.read(execution())).ended
    assert log.queued_again == []


async def test_a_deferred_attempt_without_a_timer_is_queued_again_unless_it_was() -> None:
    log = FakeLog(deferred())
    assert (await log.read(execution())).ended
    assert [each.attempt for each in log.queued_again] == [2]


async def test_a_deferral_of_another_run_is_no_later_attempt() -> None:
    log = FakeLog(deferred(fence=3))
    assert not (await log.read(execution())).ended
    assert log.queued_again == []


def test_the_records_of_these_tests_have_subjects_of_tasks() -> None:
    assert started(1, 1).subject == SUBJECT.format(event="started")
