"""What a task is called goes through the broker as it was decided: through an append, a timer, the live feed and a replay."""

from __future__ import annotations

import unicodedata
import uuid
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from headrace.contracts.events import EventName
from headrace.contracts.labels import LABEL_KEY_PATTERN
from headrace.contracts.titles import choose_title
from headrace.errors import AppendRefused
from headrace.lifecycle.queueing import WaitingTask, queue_if_new, submit_task
from headrace.log import clock, subjects
from headrace.log.connection import Log
from headrace.log.memberships import labels_of, name_task, title_of
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from tests.examples import examples
from tests.waiting import until

KEYS = st.from_regex(LABEL_KEY_PATTERN.partition("$")[0], fullmatch=True)
LABEL_LENGTH = 63
VALUES = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=LABEL_LENGTH)
LABELS = st.dictionaries(KEYS, VALUES, max_size=8)
LIKE_A_HEADER = f"{subjects.EXPECTED_LAST_SUBJECT_SEQUENCE}: 7\r\n{subjects.MSG_ID}: 7"


def waiting(title: str | None, labels: dict[str, str], **more: Any) -> WaitingTask:
    owner, task = uuid.uuid4().hex, str(uuid.uuid4())
    subject = TaskSubject(EventName.QUEUED, "named", "normal", owner, task)
    return WaitingTask(subject=subject, input=Raw(b"{}"), headers=name_task(title, labels, task), **more)


def composed(value: str) -> str:
    """Return a value of a label as it is kept: composed, unless it is too long then."""
    found = unicodedata.normalize("NFC", value)
    return found if len(found) <= LABEL_LENGTH else value


async def newest_of(log: Log, task: WaitingTask, event: EventName) -> Record | None:
    return await log.replayer.last(subjects.task_events(task.subject.owner, task.subject.task, event=event))


@given(st.lists(st.tuples(st.text(min_size=1), LABELS), min_size=8, max_size=8))
@example([(LIKE_A_HEADER, {"customer": 'say "é": € 👩‍💻'}), (" a\u2028b\x85c\ufeff", {"a": "\\"})])
@settings(examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
async def test_titles_and_labels_come_back_as_they_were_decided(
    shared_log: Log, named: list[tuple[str, dict[str, str]]]
) -> None:
    for text, labels in named:
        title = choose_title({"text": text}, None)
        task = waiting(title, labels)
        await submit_task(shared_log, task)
        record = await newest_of(shared_log, task, EventName.QUEUED)
        assert record is not None
        assert title_of(record.headers) == (title or task.subject.task[-12:])
        assert labels_of(record.headers) == {key: composed(value) for key, value in labels.items()}


async def test_a_timer_keeps_the_title_and_the_labels_for_the_event_that_it_appends(shared_log: Log) -> None:
    title, labels = f"Aufsatz № 1 {LIKE_A_HEADER}".replace("\r\n", " "), {"customer": "Größe 👩‍💻"}
    task = waiting(title, labels, due_at=clock.now() + timedelta(seconds=0.5))
    await submit_task(shared_log, task)
    queued = await until(lambda: newest_of(shared_log, task, EventName.QUEUED), "the timer to fire")
    assert subjects.SCHEDULER in queued.headers
    for record in (queued, await newest_of(shared_log, task, EventName.DEFERRED)):
        assert record is not None
        assert (title_of(record.headers), labels_of(record.headers)) == (title, labels)


@pytest.mark.invariant(4)
async def test_a_title_that_reads_like_a_condition_changes_none(shared_log: Log) -> None:
    task = waiting(LIKE_A_HEADER.replace("\r\n", " "), {"a": LIKE_A_HEADER[:60]})
    await queue_if_new(shared_log, task)
    again = WaitingTask(subject=task.subject, input=task.input, headers={**task.headers, subjects.BATCH: "b"})
    with suppress(AppendRefused):
        assert (await queue_if_new(shared_log, again)).duplicate
    records = (await shared_log.replayer.page(subjects.task_events(task.subject.owner))).records
    assert len(records) == 1
