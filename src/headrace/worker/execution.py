"""A run: one delivery of a task to this worker, and what has become of it so far."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from headrace.contracts.events import Queued, decode
from headrace.log import subjects
from headrace.log.deliveries import Delivery
from headrace.log.subjects import TaskSubject
from headrace.task import AnyKind


class Execution:
    """One delivery of a task to this worker.

    Raises:
        msgspec.MsgspecError: the record is not a `queued` event.
        ValueError: its subject is not a task's.
    """

    __slots__ = (
        "appended",
        "cancellable",
        "cancelled",
        "deadline",
        "delivery",
        "finished",
        "given_up",
        "headers",
        "kind",
        "leftover",
        "queued",
        "started",
        "subject",
        "task",
        "waiting",
    )  # fmt: skip

    def __init__(self, kind: AnyKind, delivery: Delivery) -> None:
        self.kind = kind
        self.delivery = delivery
        self.subject = TaskSubject.parse(delivery.subject)
        self.queued = _decode_queued(delivery)
        self.headers = {name: delivery.headers[name] for name in subjects.CARRIED if name in delivery.headers}
        self.task: asyncio.Task[None] | None = None
        self.deadline: float | None = None  # monotonic time, while the handler runs
        self.finished = False
        self.cancelled = False
        self.cancellable = False  # while it is on its way to the handler, or in it
        self.started = False  # whether the log has it that a worker started it before us
        self.given_up = False
        self.leftover: asyncio.Future[Any] | None = None  # a thread or process that goes on after its timeout
        self.appended = 0
        self.waiting = kind.rate is not None  # for its start to be permitted

    @property
    def first_delivery(self) -> int:
        """Which delivery may have been the first to start it: what comes before it is due is given back once."""
        return 1 if self.queued.due_at is None else 2

    def cancel(self) -> None:
        """Have the handler stopped: somebody cancelled the task."""
        if self.cancelled or self.finished or self.task is None:
            return
        self.cancelled = True
        if self.cancellable:  # else there is nothing to stop; the log refuses the outcome
            self.task.cancel()


def _decode_queued(delivery: Delivery) -> Queued:
    event = decode(delivery.payload)
    if not isinstance(event, Queued):
        raise msgspec.ValidationError(f"{delivery.subject} holds {type(event).__name__}")
    return event
