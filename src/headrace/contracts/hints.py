"""Hints: what a stream says besides the events of tasks, so that a page knows what it shows is old.

A hint is no event of the log. It has no position, only the newest of each subject is sent, and one may be left out.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.identity import UserState
from headrace.contracts.tasks import Instant


class HintName(StrEnum):
    """The names of hints in the `event:` line of a stream."""

    COUNTS = "counts"
    COUNTED = "counted"
    SETTLED = "settled"
    KIND = "kind"
    SCHEDULE = "schedule"
    GAUGES = "gauges"
    USERS = "users"


FOR_ADMINS = frozenset({HintName.GAUGES, HintName.USERS})
"""The hints that only the stream of everybody has."""


class KindChange(StrEnum):
    """What has happened to a kind: a worker announced it for the first time or anew, it was paused, it was resumed, or no worker
    has announced it for two minutes.
    """

    ANNOUNCED = "announced"
    PAUSED = "paused"
    RESUMED = "resumed"
    LOST_WORKERS = "lost_workers"


class KindHint(Struct, frozen=True, kw_only=True):
    """A kind has changed, see `GET /api/v1/kinds`."""

    kind: str
    change: KindChange
    has_workers: bool
    paused: bool
    announced_at: Annotated[Instant, Meta(description="When a worker last announced it.")]


class KindPaused(Struct, frozen=True, kw_only=True):
    """What the API process that has paused or resumed a kind tells the others."""

    kind: str
    paused: bool


class ScheduleChange(StrEnum):
    """What has happened to a schedule."""

    SAVED = "saved"
    DELETED = "deleted"
    FIRED = "fired"


class ScheduleHint(Struct, frozen=True, kw_only=True):
    """A schedule has changed; the read model has the change already."""

    schedule: str
    owner: str
    change: ScheduleChange
    at: Annotated[Instant, Meta(description="When the log took the event.")]
    position: Annotated[str, Meta(description="The position of the event.")]


class UserHintChange(StrEnum):
    """What has happened to an account."""

    REGISTERED = "registered"
    DECIDED = "decided"


class UserHint(Struct, frozen=True, kw_only=True):
    """Somebody has asked for an account, or an administrator has decided about one."""

    user: str
    change: UserHintChange
    state: UserState


class LaneGauge(Struct, frozen=True, kw_only=True):
    """The tasks of a kind that wait and run, as the broker counts them."""

    kind: str
    priority: Annotated[str | None, Meta(description="Null for all: a kind with a limit has one queue.")]
    queued: int
    oldest_seconds: Annotated[float | None, Meta(description="How long the oldest has waited; null when none waits.")]
    running: int
    redelivered: int
    pulls: Annotated[int, Meta(description="Requests of workers that wait for tasks.")]
    paused: bool


class Gauges(Struct, frozen=True, kw_only=True):
    """How the installation is at this moment."""

    at: Instant
    lanes: list[LaneGauge]
    behind: Annotated[int, Meta(description="Events that are not in the read model yet.")]
    log_bytes: int
    log_bytes_max: Annotated[int, Meta(description="The size of the log from which on nothing new is accepted.")]
    replicas_wanted: int
    replicas_current: int
    streams: Annotated[int, Meta(description="Event streams that are open at the process that answers.")]
