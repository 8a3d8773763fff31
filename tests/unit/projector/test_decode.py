from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from structlog.testing import capture_logs

from headrace.contracts import batches, events, schedules
from headrace.contracts.batches import BatchCreated
from headrace.contracts.events import EventName, Queued
from headrace.contracts.schedules import ScheduleDeleted
from headrace.contracts.tasks import Priority, State
from headrace.log.records import Record
from headrace.projector.decode import (
    BatchRecord,
    ScheduleRecord,
    TaskRecord,
    batch_ids,
    decode_page,
    schedule_ids,
    task_ids,
)
from headrace.projector.fold.page import fold_page
from tests.examples import examples
from tests.unit.strategies import garbage

TASK = events.encode(Queued(attempt=1, fence=0, input=Raw(b"{}")))
BATCH = batches.encode(BatchCreated(kind="echo", total=1, priority=Priority.LOW, name=None))
SCHEDULE = schedules.encode(ScheduleDeleted())
AT = datetime(2026, 1, 2, tzinfo=UTC)


def record(subject: str, payload: bytes, **headers: str) -> Record:
    return Record(1, subject, AT, {name.replace("_", "-"): value for name, value in headers.items()}, payload)


def test_each_record_is_decoded_as_what_it_is_about() -> None:
    page = [
        record("hr.tasks.queued.echo.normal.u1.t1", TASK),
        record("hr.batches.created.u1.b1", BATCH),
        record("hr.schedules.deleted.u1.s1", SCHEDULE),
    ]
    assert [type(each) for each in decode_page(page)] == [TaskRecord, BatchRecord, ScheduleRecord]


def test_timers_and_filler_hold_no_events() -> None:
    assert (
        list(
            decode_page(
                [
                    record("hr.timers.tasks.u1.t1", TASK),
                    record("hr.filler", b""),
                    record("hr.probe", b""),
                    record("hr.dropped.7", b""),
                ]
            )
        )
        == []
    )


@pytest.mark.parametrize(
    ("subject", "payload"),
    [
        ("hr.tasks.queued.echo.normal.u1.t1", b"not json"),
        ("hr.tasks.queued.echo.normal.u1.t1", TASK.replace(b"{}", b'"\xff"')),
        ("hr.tasks.queued.t1", TASK),
        ("hr.tasks.progressed.echo.normal.u1.t1", TASK),
        ("hr.batches.created.u1.b1", b'{"event":"unheard of"}'),
        ("hr.batches.settled.u1.b1", BATCH),
        ("hr.batches.created.u1.b1", b"[" * 5000),
        ("hr.batches.created.u1.b1", BATCH.replace(b"echo", b"\xe9")),
        ("hr.schedules.fired.u1.s1", SCHEDULE),
    ],
)
def test_an_event_that_cannot_be_read_is_logged_and_does_not_stop_what_is_behind_it(
    subject: str, payload: bytes
) -> None:
    with capture_logs() as logged:
        found = list(decode_page([record(subject, payload), record("hr.tasks.queued.echo.normal.u1.t2", TASK)]))
    assert task_ids(found) == {"t2"}
    assert [(line["log_level"], line["sequence"]) for line in logged] == [("error", 1)]


def test_a_deletion_in_place_of_the_definition_is_no_fault_of_its_writer() -> None:
    with capture_logs() as logged:
        (found,) = decode_page([record("hr.schedules.saved.u1.s1", SCHEDULE)])
    assert isinstance(found.event, ScheduleDeleted)
    assert logged == []


def test_a_page_names_the_batches_and_schedules_that_its_tasks_belong_to() -> None:
    page = list(
        decode_page(
            [
                record("hr.tasks.queued.echo.normal.u1.t1", TASK, Headrace_Batch="b1", Headrace_Schedule="s1"),
                record("hr.batches.created.u1.b2", BATCH),
                record("hr.schedules.deleted.u1.s2", SCHEDULE),
            ]
        )
    )
    assert batch_ids(page, []) == {"b1", "b2"}
    assert schedule_ids(page) == {"s1", "s2"}


@pytest.mark.invariant(1)
@pytest.mark.invariant(7)
@pytest.mark.parametrize("name", EventName)
@given(data=st.data())
@examples(40)
def test_whatever_stands_in_the_log_a_page_is_folded_and_an_end_ends_its_task(
    name: EventName, data: st.DataObject
) -> None:
    def page() -> list[Record]:
        begun = Record(1, "hr.tasks.queued.echo.normal.u1.t1", AT, {}, TASK)
        return [begun, Record(2, f"hr.tasks.{name}.echo.normal.u1.t1", AT, {}, payload)]

    payload = data.draw(garbage(name))
    with capture_logs():
        folded = [fold_page(decode_page(page()), {}, {}, {}, 1) for _ in range(2)]
    rows, again = (list(each.tasks) for each in folded)
    assert rows == again
    # A deletion that can be read leaves none.
    assert len(rows) == 1 or (name is EventName.DELETED and not rows)
    if name is EventName.FINISHED:
        assert State(rows[0].state).final
