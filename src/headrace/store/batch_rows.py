"""A batch's row, and what is to be seen of it; for the projector and the API alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.contracts.batches import Batch, BatchState, Counts
from headrace.contracts.positions import Position
from headrace.contracts.tasks import Priority
from headrace.store.projection import BatchRow

if TYPE_CHECKING:
    from headrace.store import tables


def is_over(row: BatchRow) -> bool:
    """Whether nothing further happens to any of its tasks: all there are are final, and there will be no others.

    None are added to one that is cancelled (see `headrace.api.v1.batch_append`), nor to one that has settled, also when some of its
    tasks were run again, which takes its cancellation back.
    """
    is_complete = row.succeeded + row.failed + row.cancelled >= row.total
    no_more_come = is_complete or row.cancelled_at is not None or row.settled_sequence > 0
    return row.pending + row.queued + row.running == 0 and no_more_come


def counts(row: BatchRow | tables.Batch) -> Counts:
    """How many of its tasks are in each state."""
    return Counts(
        pending=row.pending,
        queued=row.queued,
        running=row.running,
        succeeded=row.succeeded,
        failed=row.failed,
        cancelled=row.cancelled,
    )


def view(row: BatchRow | tables.Batch) -> Batch:
    """A row as clients see it."""
    return Batch(
        id=row.id,
        kind=row.kind,
        name=row.name,
        priority=Priority(row.priority),
        owner=row.owner,
        total=row.total,
        counts=counts(row),
        state=BatchState(row.state),
        created_at=row.created_at,
        cancelled_at=row.cancelled_at,
        settled_at=row.settled_at,
        position=str(Position(row.epoch, row.sequence)),
    )
