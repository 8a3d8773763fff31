"""What each event adds to the counts of its minute.

An event is counted in the minute in which the log took it, and each sort of event by a rule that no page and no repetition
changes. What only `queued` events tell is counted by what they change in the row of their task: a timer's `queued` event follows
a `deferred` one, and one that was withdrawn is known from the end of its task.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from headrace.contracts.events import Deferred, Deleted, Finished, Outcome, Queued, Started
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.projector.decode import TaskRecord
from headrace.projector.fold.tasks import FINAL, TaskProgress, fold_task
from headrace.store.activity_statements import EPOCH
from headrace.store.histograms import BUCKETS, bucket_of
from headrace.store.storable import storable_instant
from headrace.store.tables import COUNTERS, COUNTS, ActivityRow

_ACCEPTED, _STARTED, _RETRIED = (COUNTS.index(name) for name in ("accepted", "started", "retried"))
_OUTCOMES = {outcome: COUNTS.index(outcome) for outcome in Outcome}
_FIRST_WAIT = len(COUNTS)
_FIRST_RUN = _FIRST_WAIT + BUCKETS
_MINUTE_SECONDS = 60


class ActivityFold:
    """The counts that a page adds, by owner, kind and minute."""

    def __init__(self) -> None:
        # Minutes are numbered from 1970 on: the hash of a number costs less than that of a time.
        self._counters: dict[tuple[str, str, int], list[int]] = {}

    def rows(self) -> list[ActivityRow]:
        """Return a row for each owner, kind and minute of the page."""
        return [
            ActivityRow(
                owner=owner, at=EPOCH + timedelta(seconds=minute * _MINUTE_SECONDS), kind=kind, counters=counters
            )
            for (owner, kind, minute), counters in self._counters.items()
        ]

    def count_event(self, decoded: TaskRecord, before: TaskProgress | None, *, changed: bool) -> None:
        """Count an event of a task.

        Args:
            decoded: The event.
            before: How far its task had come, None for a task without a row.
            changed: Whether the event has changed the row of its task.
        """
        record, subject, event = decoded
        match event:
            case Queued() | Deferred():
                if changed:
                    self._count_begin(subject, event, record.at, before)
            case Started():
                counters = self._minute(subject, record.at)
                counters[_STARTED] += 1
                _add_duration(counters, _FIRST_WAIT, event.queued_seconds)
            case Finished():
                self._count_finish(decoded, event, before, changed=changed)
            case _:
                pass

    def count_erased(self, decoded: TaskRecord, deleted: Deleted) -> None:
        """Count the events of a deleted task that were erased before they were read, each in its own minute.

        Args:
            decoded: The deletion.
            deleted: Its event.
        """
        record, subject, _ = decoded
        row = None
        for erased in deleted.erased:
            name = cast("str", erased.event.__struct_config__.tag)
            at = storable_instant(erased.at)
            then = Record(erased.sequence, subject.of(name), at, record.headers, b"")
            before = None if row is None else (row.state, row.attempt)
            changed = fold_task(row, then, subject._replace(event=name), erased.event, 0)
            self.count_event(TaskRecord(then, subject, erased.event), before, changed=changed is not None)
            row = changed or row

    def _count_begin(
        self, subject: TaskSubject, event: Queued | Deferred, at: datetime, before: TaskProgress | None
    ) -> None:
        """Count the begin of a run as accepted, and that of a later attempt as retried."""
        if before is None or before[0] in FINAL:
            self._minute(subject, at)[_ACCEPTED] += 1
        elif event.attempt > before[1]:
            self._minute(subject, at)[_RETRIED] += 1

    def _count_finish(
        self, decoded: TaskRecord, event: Finished, before: TaskProgress | None, *, changed: bool
    ) -> None:
        """Count the end of a run, once: not when the log was given back an end that the read model still had."""
        if before is not None and (not changed or (event.restored is not None and before[0] in FINAL)):
            return
        if event.withdrawn is not None:
            at = storable_instant(event.withdrawn.at)
            self._count_begin(decoded.subject, event.withdrawn.queued, at, before)
        at = decoded.record.at if event.restored is None else storable_instant(event.restored)
        counters = self._minute(decoded.subject, at)
        counters[_OUTCOMES[event.outcome]] += 1
        _add_duration(counters, _FIRST_RUN, event.run_seconds)

    def _minute(self, subject: TaskSubject, at: datetime) -> list[int]:
        key = subject.owner, subject.kind, int(at.timestamp() // _MINUTE_SECONDS)
        found = self._counters.get(key)
        if found is None:
            found = self._counters[key] = [0] * len(COUNTERS)
        return found


def _add_duration(counters: list[int], first: int, seconds: float | None) -> None:
    if seconds is not None:
        counters[first + bucket_of(seconds)] += 1
