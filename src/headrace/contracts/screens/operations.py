"""How the work of each kind goes on, for administrators: which kind is behind, and who works."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from headrace.contracts.screens.envelope import Ref, Screen
from headrace.contracts.screens.rows import Series
from headrace.contracts.tasks import Instant

KindHint = Literal["no_workers", "stalled", "limit"]


class WorkerEntry(Struct, frozen=True, kw_only=True):
    """A worker that runs a kind and told within the last 15 seconds that it is there."""

    name: str
    slots: Annotated[int, Meta(description="How many tasks of the kind it runs at a time.")]
    busy: Annotated[int, Meta(description="How many it runs.")]
    version: str
    seen_at: Instant


class Pause(Struct, frozen=True, kw_only=True):
    """That a kind is paused. By whom is null when the audit does not have it."""

    by: Ref | None
    at: Instant | None


class WaitingByPriority(Struct, frozen=True, kw_only=True):
    """Queued tasks of a kind. One that limits its concurrency has one queue for all, which is under ``normal``."""

    high: int
    normal: int
    low: int


class RunSeconds(Struct, frozen=True, kw_only=True):
    """How long tasks ran in the last hour, in seconds; null when none ended."""

    p50: float | None
    p95: float | None


class KindOperations(Struct, frozen=True, kw_only=True):
    """How the work of a kind goes on."""

    name: str
    has_workers: bool
    workers: list[WorkerEntry]
    paused: Pause | None
    waiting: WaitingByPriority
    oldest_waiting_seconds: float | None
    in_flight: Annotated[int, Meta(description="Tasks that workers hold.")]
    redelivered: Annotated[
        int,
        Meta(
            description="Of those, how many were given to a worker more than once; a task that came just before it was due is one of them."
        ),
    ]
    concurrency: Annotated[int | None, Meta(description="How many run at a time, over all workers; null for no limit.")]
    rate: Annotated[float | None, Meta(description="How many start a second, over all workers; null for no limit.")]
    throughput: Annotated[Series | None, Meta(description="Null while the read model cannot be read.")]
    run_seconds: Annotated[RunSeconds | None, Meta(description="Null while the read model cannot be read.")]
    failed_last_hour: Annotated[int | None, Meta(description="Null while the read model cannot be read.")]
    hint: Annotated[KindHint | None, Meta(description="What keeps tasks from being run; null for nothing.")]
    message: Annotated[str | None, Meta(description="What is wrong and what to do, as a sentence; null for nothing.")]


class ReaderEntry(Struct, frozen=True, kw_only=True):
    """A reader of the log that belongs to the projector."""

    name: str
    waiting: Annotated[int, Meta(description="Records that it has not been given yet.")]
    in_flight: Annotated[int, Meta(description="Records that it has not acknowledged yet.")]
    idle_seconds: Annotated[float | None, Meta(description="Since it last read something; null for never.")]
    hint: Annotated[str | None, Meta(description="What is wrong and what to do, as a sentence; null for nothing.")]


class StreamOperations(Struct, frozen=True, kw_only=True):
    """The event streams of all API processes together."""

    open: int
    events_per_second: float
    lag_ms: Annotated[float, Meta(description="From the log to what is sent, at the slowest process, lately.")]
    resets: Annotated[int, Meta(description="Streams whose position was no longer in the log.")]


class LastHour(Struct, frozen=True, kw_only=True):
    """How many tasks of all kinds ended in the last hour."""

    succeeded: int
    failed: int


class OperationsV1(Screen, frozen=True, kw_only=True):
    """How the work of each kind goes on."""

    kinds: list[KindOperations] | None
    last_hour: Annotated[
        LastHour | None,
        Meta(
            description="When it is stale, then also `throughput`, `run_seconds`, `failed_last_hour` and `paused` of each kind."
        ),
    ]
    readers: list[ReaderEntry] | None
    streams: StreamOperations | None
