"""Activity as clients see it: how much happened in each step of a span of time, and how long tasks waited and ran."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct


class Percentiles(Struct, frozen=True, kw_only=True):
    """Seconds that half, 95 % and 99 % of the durations do not exceed; all null when there are none.

    They come from histograms whose buckets end at twice their beginning: above 5 ms, each is between half and twice the true one.
    Durations of more than 87 minutes count as that long.
    """

    p50: float | None
    p95: float | None
    p99: float | None


class ActivityCounts(Struct, frozen=True, kw_only=True):
    """What happened to tasks in a span of time. Each event is counted when the log took it."""

    accepted: Annotated[int, Meta(description="Runs that began to wait: tasks submitted, and tasks run again.")]
    started: Annotated[int, Meta(description="Starts of a handler, those of retries and after a lost worker included.")]
    retried: Annotated[int, Meta(description="Attempts that failed and were followed by another one.")]
    succeeded: int
    failed: int
    cancelled: int
    wait: Annotated[Percentiles, Meta(description="How long attempts that started were runnable before that.")]
    run: Annotated[Percentiles, Meta(description="How long the last attempts of runs that ended took.")]


class ActivityPoint(ActivityCounts, frozen=True, kw_only=True):
    """A step of the span."""

    at: Annotated[datetime, Meta(description="When the step begins.")]


class Activity(Struct, frozen=True, kw_only=True):
    """What happened to tasks in a span of time, step by step. Steps in which nothing happened are there, with zeros."""

    begin: Annotated[datetime, Meta(description="When the first step begins: `from`, or somewhat before.")]
    end: Annotated[datetime, Meta(description="When the last step ends: `to`, or somewhat after.")]
    step: Annotated[int, Meta(description="Seconds.")]
    points: Annotated[list[ActivityPoint], Meta(description="A point for each step, the oldest first.")]
    total: Annotated[ActivityCounts, Meta(description="The whole span.")]
    position: Annotated[str, Meta(description="The log position this answer reflects.")]
