"""Executions for tests, as a broker would have delivered them."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from headrace.contracts.events import Event, Queued, encode
from headrace.log.deliveries import Delivery
from headrace.log.records import Record
from headrace.sdk.kind import AnyKind
from headrace.worker.execution import Execution

SUBJECT = "hr.tasks.{event}.echo.normal.u.t1"
SEQUENCE = 10
DELIVERED_AT = datetime(2026, 1, 1, tzinfo=UTC)


class _NoConnection:
    """A subscription needs something to belong to; nothing is published over it."""


def delivery(event: Event, *, delivered: int = 1, sequence: int = SEQUENCE, **headers: str) -> Delivery:
    """A delivery of an event of task t1."""
    nanoseconds = int(DELIVERED_AT.timestamp()) * 1_000_000_000
    reply = f"$JS.ACK.HEADRACE.run-echo-normal.{delivered}.{sequence}.1.{nanoseconds}.0"
    connection = cast("Client", _NoConnection())
    name = event.__struct_config__.tag
    message = Msg(connection, SUBJECT.format(event=name), reply, encode(event), headers or None)
    return Delivery(message, connection)


def execution(*, rate: float | None = None, delivered: int = 1, **queued: Any) -> Execution:
    """An execution of task t1 of a kind with or without a rate."""
    kind = cast("AnyKind", SimpleNamespace(name="echo", options=SimpleNamespace(rate=rate)))
    event = Queued(**{"attempt": 1, "fence": 0, "input": msgspec.Raw(b"{}"), **queued})
    return Execution(kind, delivery(event, delivered=delivered))


def record(event: Event, sequence: int) -> Record:
    """A record of an event of task t1."""
    subject = SUBJECT.format(event=event.__struct_config__.tag)
    return Record(sequence, subject, datetime.now(UTC), {}, encode(event))
