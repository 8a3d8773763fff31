"""Schedules: tasks that are submitted again and again."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from headrace.contracts.tasks import ExpiresIn, Input, Instant, KindName, MaxAttempts, Priority

EVERY_SECONDS_MIN = 1  # what the broker's timers can keep
EVERY_SECONDS_MAX = 366 * 86_400

Cron = Annotated[
    str,
    Meta(
        max_length=100,
        description="Six fields: second, minute, hour, day of the month, month, day of the week.",
        examples=["0 30 9 * * 1-5"],
    ),
]
TimeZone = Annotated[str, Meta(max_length=64, description="An IANA name; for `cron`.", examples=["Europe/Berlin"])]
ScheduleName = Annotated[str, Meta(max_length=200, description="For people.")]
Every = Annotated[int, Meta(ge=EVERY_SECONDS_MIN, le=EVERY_SECONDS_MAX, description="Seconds between firings.")]


class Missed(StrEnum):
    """What to do about firings that nobody could make, because everything was down."""

    SKIP = "skip"
    CATCH_UP_ONCE = "catch_up_once"


class ScheduleDefinition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to submit what. Either ``cron`` (in ``time_zone``) or ``every``."""

    kind: KindName
    input: Input
    cron: Cron | None = None
    time_zone: TimeZone = "UTC"
    every: Every | None = None
    start_at: Annotated[Instant | None, Meta(description="Nothing is submitted before.")] = None
    end_at: Annotated[Instant | None, Meta(description="Nothing is submitted from then on.")] = None
    missed: Missed = Missed.SKIP
    paused: bool = False
    priority: Priority = Priority.NORMAL
    expires_in: ExpiresIn | None = None
    max_attempts: MaxAttempts | None = None
    name: ScheduleName | None = None


class Schedule(Struct, frozen=True, kw_only=True):
    """A schedule."""

    id: str
    owner: str
    definition: ScheduleDefinition
    created_at: datetime
    updated_at: datetime
    next_at: Annotated[datetime | None, Meta(description="The next firing; null when there is none.")] = None
    last_at: Annotated[datetime | None, Meta(description="The last firing that submitted a task.")] = None
    last_task: Annotated[str | None, Meta(description="The task it submitted.")] = None
    position: Annotated[str, Meta(description="The log position this view reflects.")]


class ScheduleList(Struct, frozen=True, kw_only=True):
    """The caller's schedules, the oldest first."""

    items: list[Schedule]
    position: str


class ScheduleSaved(Struct, frozen=True, kw_only=True, tag_field="event", tag="saved"):
    """A schedule was made or changed.

    ``created_at``, ``updated_at``: when it was made, or changed, if that was not now: a changed one was made before, and one
    whose timer is set again was not changed.
    """

    definition: ScheduleDefinition
    created_at: datetime | None = None
    updated_at: datetime | None = None


class ScheduleDeleted(Struct, frozen=True, kw_only=True, tag_field="event", tag="deleted"):
    """A schedule is no more."""


class ScheduleFired(Struct, frozen=True, kw_only=True, tag_field="event", tag="fired"):
    """The broker's timer went off: the definition it was set with. Who reads it submits the task."""

    definition: ScheduleDefinition


ScheduleEvent = ScheduleSaved | ScheduleDeleted | ScheduleFired


class ScheduleEventName(StrEnum):
    """The names, as they stand in subjects."""

    SAVED = "saved"
    DELETED = "deleted"
    FIRED = "fired"


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[ScheduleEvent] = msgspec.json.Decoder(ScheduleEvent)


def encode(event: ScheduleEvent) -> bytes:
    """An event as the payload of a log message: JSON on one line."""
    return _encoder.encode(event)


def decode(payload: bytes) -> ScheduleEvent:
    """Read the payload of a log message.

    Raises:
        msgspec.MsgspecError: the payload is not an event of a schedule.
    """
    return _decoder.decode(payload)
