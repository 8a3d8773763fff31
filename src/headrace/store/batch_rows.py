"""What a batch's row says; for the projector and the API alike."""

from __future__ import annotations

import msgspec

from headrace.contracts.batches import Batch, Counts
from headrace.contracts.labels import labels_of_entries
from headrace.store.reading import to_contract
from headrace.store.tables import BatchRow


def is_over(row: BatchRow) -> bool:
    """Whether no task of the batch can change by itself any more: all are final, and no others will be added.

    No task is added to a batch that is cancelled (see `headrace.lifecycle.batch_append`), nor to one that has settled. That holds
    also when a task was run again since, which takes the cancellation back.
    """
    is_complete = row.succeeded + row.failed + row.cancelled >= row.total
    no_more_come = is_complete or row.cancelled_at is not None or row.settled_sequence > 0
    return row.pending + row.queued + row.running == 0 and no_more_come


def counts_of(row: BatchRow) -> Counts:
    """Return how many of the batch's tasks are in each state."""
    return msgspec.convert(row, Counts, from_attributes=True)


def to_batch(row: BatchRow) -> Batch:
    """Build what clients see of a batch."""
    return to_contract(row, Batch, counts=counts_of(row), labels=labels_of_entries(row.labels))
