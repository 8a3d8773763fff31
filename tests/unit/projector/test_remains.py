from __future__ import annotations

from headrace.log.connection import Log
from headrace.log.subjects import TaskSubject
from headrace.projector.remains import TASKS_AT_ONCE, find_remains

OWNER = "remains"


def task(name: str) -> TaskSubject:
    return TaskSubject("", "talk", "normal", OWNER, name)


async def append(log: Log, name: str, *events: str) -> list[int]:
    return [(await log.appender.append(task(name).of(each), b"{}", {})).sequence for each in events]


async def test_what_tasks_have_said_remains_also_behind_their_ends_and_not_what_says_how_they_went(
    shared_log: Log,
) -> None:
    said = await append(shared_log, "t1", "queued", "started", "progressed", "logged", "progressed", "finished")
    late = await append(shared_log, "t1", "progressed", "stored")
    await append(shared_log, "t2", "queued", "started", "finished")
    other = await append(shared_log, "t3", "emitted")
    found = await find_remains(shared_log, [task("t1"), task("t2"), task("t3")], said[-1])
    assert sorted(found) == sorted([*said[2:5], *late, *other])


async def test_what_is_said_in_a_later_run_does_not_remain(shared_log: Log) -> None:
    first = await append(shared_log, "t4", "queued", "progressed", "finished")
    await append(shared_log, "t4", "queued", "started", "progressed")
    assert await find_remains(shared_log, [task("t4")], first[-1]) == [first[1]]


async def test_of_more_tasks_than_one_question_has_room_for_all_remains_are_found(shared_log: Log) -> None:
    names = [f"many-{number}" for number in range(TASKS_AT_ONCE + 2)]
    said = [await append(shared_log, name, "logged") for name in (names[0], names[-1])]
    found = await find_remains(shared_log, [task(name) for name in names], said[-1][0])
    assert sorted(found) == [said[0][0], said[1][0]]
