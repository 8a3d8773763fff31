"""Bulk actions: what is done to every task that a filter selects, in requests that end in seconds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.filters import Filter
from headrace.contracts.tasks import Instant

BULK_TASKS_MAX = 1000  # in one request, so that it ends in seconds; a caller with more asks again
BULK_PER_SECOND_MAX = 500.0  # so that a downstream that failed a million times is not called a million times at once


class Bulk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many tasks are changed: the oldest first, at most `limit` in one request."""

    dry_run: Annotated[bool, Meta(description="Only count the tasks.")] = False
    limit: Annotated[int, Meta(ge=1, le=BULK_TASKS_MAX)] = BULK_TASKS_MAX
    per_second: Annotated[float, Meta(gt=0, le=BULK_PER_SECOND_MAX, description="How many tasks a second at most.")] = (
        100.0
    )


class BulkRequest(Bulk, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request to cancel, or to run again, every task that a filter selects."""

    select: Filter


class BatchRunsRequest(Bulk, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request to run the failed tasks of a batch again."""

    finished_before: Annotated[Instant | None, Meta(description="Only those that failed before this time.")] = None


class BulkResult(Struct, frozen=True, kw_only=True):
    """The result of a bulk request. When ``remaining`` is above 0, send the request again."""

    matched: Annotated[int, Meta(ge=0, description="Tasks that the filter selected when the request came.")]
    done: Annotated[int, Meta(ge=0, description="Tasks that this request changed.")]
    remaining: Annotated[int, Meta(ge=0, description="Tasks that are left for the next request.")]
    position: Annotated[str, Meta(description="The log position of the last change; pass as `at_least=` to read it.")]
    at: Annotated[
        datetime | None,
        Meta(
            description="When the tasks were selected. Tasks that were run again may have ended again since; who repeats the "
            "request passes the first of these times as `finished_before`, so that each runs once."
        ),
    ] = None
