"""Folding a page: from decoded events and the rows that they are about to the rows to write."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.contracts.events import Deleted, Finished
from headrace.log.memberships import batch_of
from headrace.projector.decode import BatchRecord, DecodedRecord, ScheduleRecord, TaskRecord
from headrace.projector.fold.activity import ActivityFold
from headrace.projector.fold.batches import BatchFold
from headrace.projector.fold.schedules import ScheduleFold
from headrace.projector.fold.tasks import TaskFold
from headrace.store.projection import FoldedPage
from headrace.store.tables import BatchRow, ScheduleRow, TaskRow


class Unfoldable(Exception):
    """The page has an event that has no meaning: a schedule whose cron expression is none, say."""


def fold_page(
    page: Iterable[DecodedRecord],
    task_rows: dict[str, TaskRow],
    batch_rows: dict[str, BatchRow],
    schedule_rows: dict[str, ScheduleRow],
    epoch: int,
) -> FoldedPage:
    """Fold a page of decoded records, in log order, into one row for each task, batch and schedule, and the new entries of the timeline.

    Args:
        page: The records.
        task_rows: The rows of the tasks that the page is about, where there are any; they may be changed in place.
        batch_rows: The rows of the batches that the page may change, where there are any.
        schedule_rows: The rows of the schedules that the page may change, where there are any.
        epoch: The log's epoch.

    Raises:
        Unfoldable: An event of the page cannot be folded. Some of the rows are changed.
    """
    tasks, batches = TaskFold(task_rows, epoch), BatchFold(batch_rows, epoch)
    schedules, activity = ScheduleFold(schedule_rows, epoch), ActivityFold()
    try:
        for decoded in page:
            _apply_event(decoded, tasks, batches, schedules, activity)
    except Exception as error:
        # The fold is pure, so what it raises is about a value of an event, and would be raised again.
        raise Unfoldable(repr(error)) from error
    return FoldedPage(
        tasks=tasks.changed.values(),
        places=tasks.places,
        events=tasks.timeline,
        batches=batches.changed.values(),
        schedules=schedules.changed.values(),
        deleted_tasks=tuple(tasks.deleted),
        deleted_schedules=tuple(schedules.deleted),
        activity=activity.rows(),
        files=tasks.file_rows(),
    )


def _apply_event(
    decoded: DecodedRecord, tasks: TaskFold, batches: BatchFold, schedules: ScheduleFold, activity: ActivityFold
) -> None:
    match decoded:
        case TaskRecord():
            _apply_task_event(decoded, tasks, batches, schedules, activity)
        case BatchRecord():
            batches.apply_event(*decoded)
        case ScheduleRecord():
            schedules.apply_event(*decoded)


def _apply_task_event(
    decoded: TaskRecord, tasks: TaskFold, batches: BatchFold, schedules: ScheduleFold, activity: ActivityFold
) -> None:
    """Apply an event of a task: to the task itself, to the counts of its batch and of its minute, and to the schedule that
    submitted it.
    """
    record, subject, event = decoded
    if isinstance(event, Deleted):
        state_before = tasks.delete(subject)
        if state_before is None:
            # This projector reads the log only now, and has not seen what was erased.
            activity.count_erased(decoded, event)
        batches.count_deleted(batch_of(record.headers), subject.owner, state_before, event, record.sequence)
        schedules.apply_task_event(record, subject, event)
        return
    before = tasks.progress_of(subject.task)
    row = tasks.apply_event(record, subject, event)
    if row is not None:
        batches.count_task(before and before[0], row, event.withdrawn if isinstance(event, Finished) else None)
    activity.count_event(decoded, before, changed=row is not None)
    schedules.apply_task_event(record, subject, event)
