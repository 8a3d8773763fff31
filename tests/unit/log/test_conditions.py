from __future__ import annotations

import pytest

from headrace.errors import AppendRefused
from headrace.log import conditions
from headrace.log.connection import Log

pytestmark = pytest.mark.invariant(4)

OWNER = "conditions"


def event(name: str, task: str) -> str:
    return f"hr.tasks.{name}.echo.normal.{OWNER}.{task}"


async def test_a_task_is_new_until_any_event_of_it_stands_in_the_log(shared_log: Log) -> None:
    append, is_new = shared_log.appender.append, conditions.task_is_new(OWNER, "new")
    await append(event("queued", "new"), b"{}", is_new)
    with pytest.raises(AppendRefused):
        await append(event("deferred", "new"), b"{}", is_new)


async def test_a_task_has_changed_once_it_has_a_newer_event_of_whatever_name(shared_log: Log) -> None:
    append = shared_log.appender.append
    queued = await append(event("queued", "changed"), b"{}", {})
    await append(event("started", "changed"), b"{}", conditions.task_unchanged(OWNER, "changed", queued.sequence))
    with pytest.raises(AppendRefused):
        await append(event("queued", "changed"), b"{}", conditions.task_unchanged(OWNER, "changed", queued.sequence))


async def test_a_condition_on_the_own_subject_does_not_see_other_subjects(shared_log: Log) -> None:
    append = shared_log.appender.append
    await append(event("queued", "own"), b"{}", {})
    first = await append(event("started", "own"), b"{}", conditions.subject_is_empty())
    await append(event("started", "own"), b"{}", conditions.subject_unchanged(first.sequence))
    with pytest.raises(AppendRefused):
        await append(event("started", "own"), b"{}", conditions.subject_unchanged(first.sequence))


async def test_a_condition_on_another_subject_refuses_what_comes_after_an_event_there(shared_log: Log) -> None:
    append, finished = shared_log.appender.append, event("finished", "other")
    await append(event("started", "other"), b"{}", conditions.no_event_of(finished))
    end = await append(finished, b"{}", {})
    with pytest.raises(AppendRefused):
        await append(event("started", "other"), b"{}", conditions.no_event_of(finished))
    await append(event("queued", "other"), b"{}", conditions.last_event_of(finished, end.sequence))


def test_only_the_condition_that_a_task_is_new_is_read_as_such() -> None:
    assert conditions.expects_new_task(conditions.task_is_new("u1", "t1"), "u1", "t1")
    assert not conditions.expects_new_task(conditions.task_is_new("u1", "t1"), "u1", "t2")
    assert not conditions.expects_new_task(conditions.task_unchanged("u1", "t1", 7), "u1", "t1")
    assert not conditions.expects_new_task(conditions.subject_is_empty(), "u1", "t1")
    assert not conditions.expects_new_task({}, "u1", "t1")
