"""What somebody sees first: whether their work gets done, and whether anything needs them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.batches import Counts
from headrace.contracts.screens.envelope import Ref, Screen
from headrace.contracts.screens.rows import Attention, BatchRow, Series, TaskRow
from headrace.contracts.tasks import Instant


class Today(Struct, frozen=True, kw_only=True):
    """The last 24 hours, to the minute."""

    succeeded: int
    failed: int
    median_seconds: Annotated[float | None, Meta(description="Half of the tasks that ended ran for less.")]
    p95_seconds: Annotated[float | None, Meta(description="95 % of them ran for less.")]


class NextFiring(Struct, frozen=True, kw_only=True):
    """When a schedule fires next."""

    schedule: Ref
    kind: str
    at: Instant


class DashboardKind(Struct, frozen=True, kw_only=True):
    """A kind that can be submitted."""

    name: str
    title: Annotated[str, Meta(description="Its name as words.")]
    has_workers: bool
    paused: bool


class DashboardV1(Screen, frozen=True, kw_only=True):
    """Whether the caller's work gets done, and whether anything needs them."""

    counts: Annotated[Counts | None, Meta(description="How many tasks are in each state.")]
    today: Today | None
    throughput: Series | None
    running: Annotated[list[TaskRow] | None, Meta(description="Those that run for the longest, 8 at most.")]
    attention: Annotated[
        list[Attention] | None,
        Meta(description="What somebody has to do comes first, 5 at most; empty when all is well."),
    ]
    batches: Annotated[list[BatchRow] | None, Meta(description="Open ones first, then the newest; 5 at most.")]
    next: Annotated[list[NextFiring] | None, Meta(description="The next firings of schedules, 5 at most.")]
    kinds: list[DashboardKind] | None
