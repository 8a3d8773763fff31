"""One batch: how far it is, what went wrong, when it is done, and its tasks."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from headrace.contracts.screens.envelope import Screen
from headrace.contracts.screens.rows import BatchRow, Group, Series, TaskRow


class BatchRate(Struct, frozen=True, kw_only=True):
    """How fast a batch goes."""

    per_second: Annotated[float, Meta(description="Tasks of it that ended in a second, of the last minutes.")]
    eta_seconds: Annotated[
        float | None, Meta(description="In how many seconds it is done, if that goes on; null when nothing ends.")
    ]


class Archive(Struct, frozen=True, kw_only=True):
    """The results of a batch as one file. There are none yet."""

    state: Literal["none", "making", "ready"]
    task: Annotated[str | None, Meta(description="The task that makes it.")]
    file: str | None


class BatchDetailV1(Screen, frozen=True, kw_only=True):
    """One batch, and one page of its tasks."""

    batch: BatchRow | None
    rate: Annotated[BatchRate | None, Meta(description="Null for a batch that is settled, or has just begun.")]
    throughput: Annotated[
        Series | None, Meta(description="What ended of its owner's tasks of its kind, while it was open.")
    ]
    failures: Annotated[
        list[Group] | None, Meta(description="Those of its tasks that failed alike, 10 groups at most.")
    ]
    failures_counted: Annotated[
        int | None, Meta(description="Of how many failed tasks these groups are made: of all, or of the newest 1,000.")
    ]
    slowest: Annotated[list[TaskRow] | None, Meta(description="The 5 that ran for the longest.")]
    items: Annotated[list[TaskRow] | None, Meta(description="One page of its tasks, those submitted last first.")]
    next_cursor: Annotated[str | None, Meta(description="Pass as `cursor` for the next page; null on the last.")]
    archive: Archive
