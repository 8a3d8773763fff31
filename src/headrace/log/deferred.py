"""What is deferred: the timers of tasks that are due later, as the broker holds them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from headrace.log import subjects, timers
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject

TIMERS_MAX = 5_000  # timers that are read, with their inputs; beyond, a log says how many there are at least
TIMERS_BYTES_MAX = 32 << 20  # bytes of these


class Deferred(msgspec.Struct, frozen=True, kw_only=True):
    """The deferred tasks of a kind and a priority.

    Attributes:
        count: How many there are.
        next_due_at: When the first of them is due.
    """

    count: int
    next_due_at: datetime

    def joined(self, other: Deferred) -> Deferred:
        """Return both together."""
        return Deferred(count=self.count + other.count, next_due_at=min(self.next_due_at, other.next_due_at))


class AllDeferred(msgspec.Struct, frozen=True, kw_only=True):
    """All deferred tasks by kind and priority; ``is_complete`` when there are no more than were read."""

    by_lane: dict[tuple[str, str], Deferred]
    is_complete: bool


async def read_deferred(log: Log) -> AllDeferred:
    """Read the timers of tasks, up to `TIMERS_MAX` and `TIMERS_BYTES_MAX` of them.

    Raises:
        LogUnavailable: the log does not answer.
    """
    found: dict[tuple[str, str], Deferred] = {}
    start, more, count, size = 1, True, 0, 0
    while more and count < TIMERS_MAX and size < TIMERS_BYTES_MAX:
        records, more = await log.replayer.page(subjects.task_timer("*", "*"), start=start)
        for record in records:
            start, count, size = record.sequence + 1, count + 1, size + len(record.payload)
            _add(found, record)
    return AllDeferred(by_lane=found, is_complete=not more)


def _add(found: dict[tuple[str, str], Deferred], record: Record) -> None:
    try:
        task = TaskSubject.parse(record.headers.get(subjects.SCHEDULE_TARGET, ""))
        due_at = timers.due_at(record.headers.get(subjects.SCHEDULE, ""))
    except ValueError:
        # Somebody else's timer under our subject: the projector names what it cannot read.
        return
    lane = (task.kind, task.priority)
    one = Deferred(count=1, next_due_at=due_at)
    found[lane] = found[lane].joined(one) if lane in found else one
