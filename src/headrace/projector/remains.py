"""The remains of tasks that leave the log early: what they have said, of which the read model does not know where it stands.

A log that has nothing of a task but its progress, lines, chunks and files cannot be told from one whose task still runs, so these have
to leave before its end does.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.contracts.events import HIGH_RATE, EventName
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.replay import SUBJECTS_MAX
from headrace.log.subjects import TaskSubject

SAID = (*sorted(HIGH_RATE), EventName.STORED)
TASKS_AT_ONCE = SUBJECTS_MAX // len(SAID)
_BEGINS = (EventName.QUEUED, EventName.DEFERRED)


async def find_remains(log: Log, tasks: Sequence[TaskSubject], through: int) -> list[int]:
    """Find what tasks that have ended have said, also behind their ends, but not in a later run.

    Args:
        log: The log.
        tasks: The subjects of one event of each. Their runs up to ``through`` are over.
        through: What is queued behind this sequence begins a later run.

    Returns:
        Where it stands, in no particular order.

    Raises:
        LogUnavailable: The log does not answer.
    """
    talkative: dict[str, TaskSubject] = {}
    for begin in range(0, len(tasks), TASKS_AT_ONCE):
        of_some = [task.of(name) for task in tasks[begin : begin + TASKS_AT_ONCE] for name in SAID]
        newest = await log.replayer.last_of_each(*of_some)
        talkative |= {found.task: found for found in (TaskSubject.parse(each.subject) for each in newest)}
    return [sequence for task in talkative.values() for sequence in await _said_by(log, task, through)]


async def _said_by(log: Log, task: TaskSubject, through: int) -> Sequence[int]:
    found: list[int] = []
    start, more = 1, True
    while more:
        records, more = await log.replayer.page(subjects.task_events(task.owner, task.task), start=start)
        for record in records:
            name = TaskSubject.parse(record.subject).event
            if name in _BEGINS and record.sequence > through:
                return found
            if name in SAID:
                found.append(record.sequence)
        start = records[-1].sequence + 1 if records else start
    return found
