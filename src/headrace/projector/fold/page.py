"""Folding a page: from decoded events and the rows that they are about to the rows to write."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.contracts.events import Finished
from headrace.projector.decode import BatchRecord, DecodedRecord, ScheduleRecord, TaskRecord
from headrace.projector.fold.batches import BatchFold
from headrace.projector.fold.schedules import ScheduleFold
from headrace.projector.fold.tasks import TaskFold
from headrace.store.projection import FoldedPage
from headrace.store.tables import BatchRow, ScheduleRow, TaskRow


def fold_page(
    page: Iterable[DecodedRecord],
    task_rows: dict[str, TaskRow],
    batch_rows: dict[str, BatchRow],
    schedule_rows: dict[str, ScheduleRow],
    epoch: int,
) -> FoldedPage:
    """Fold a page.

    Args:
        page: The decoded records, in log order.
        task_rows, batch_rows, schedule_rows: The rows that there are of what the page may change, by id. They may be changed
            in place.
        epoch: The log's epoch.

    Returns:
        One row for each task, batch and schedule that the page changes, and the new entries of the timeline.
    """
    tasks, batches, schedules = (
        TaskFold(task_rows, epoch),
        BatchFold(batch_rows, epoch),
        ScheduleFold(schedule_rows, epoch),
    )
    for decoded in page:
        match decoded:
            case TaskRecord(record, subject, event):
                state_before = tasks.state_of(subject.task)
                row = tasks.apply_event(record, subject, event)
                if row is not None:
                    withdrawn = event.withdrawn if isinstance(event, Finished) else None
                    batches.count_task(state_before, row, withdrawn)
                schedules.apply_task_event(record, subject, event)
            case BatchRecord(record, subject, event):
                batches.apply_event(record, subject, event)
            case ScheduleRecord(record, subject, event):
                schedules.apply_event(record, subject, event)
    return FoldedPage(
        tasks=tasks.changed.values(),
        events=tasks.timeline,
        batches=batches.changed.values(),
        schedules=schedules.changed.values(),
        deleted_schedules=tuple(schedules.deleted),
    )
