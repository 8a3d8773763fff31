"""An execution: one delivery of a task to this worker, and how far the worker has got with it.

A run (see `headrace.lifecycle.fence`) lasts until the task finishes. It may have several attempts, and an attempt may have
several executions: one for each time that the broker delivers it.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future
from enum import Enum, auto
from typing import Any

import msgspec

from headrace.contracts.events import Queued, decode
from headrace.log import clock, subjects
from headrace.log.deliveries import Delivery
from headrace.log.subjects import TaskSubject
from headrace.sdk.kind import AnyKind

LATE_SECONDS = 60.0  # a task stays in the log for minutes after its end, see `headrace.projector.trimming`


class Phase(Enum):
    """How far an execution has got. Each arrow is a method of `Execution`; there are no others.

    DELIVERED         ─ start ─────> WAITING_FOR_RATE, or RUNNING when the kind has no rate
                      ─ end ───────> ENDED, when an earlier delivery ended the run, or the task is cancelled
    WAITING_FOR_RATE  ─ permit ────> RUNNING
                      ─ conclude ──> ENDING
    RUNNING           ─ conclude ──> ENDING
                      ─ give_up ───> GIVEN_UP
    GIVEN_UP          ─ conclude ──> ENDING, when the handler returns after all
                      ─ end ───────> ENDED, although the handler goes on
    ENDING            ─ end ───────> ENDED
    """

    DELIVERED = auto()
    """The broker has delivered the task. The worker may read in the log how far earlier deliveries got."""

    WAITING_FOR_RATE = auto()
    """The kind limits its starts per second, and this start is not permitted yet."""

    RUNNING = auto()
    """The handler is called, or is about to be called."""

    GIVEN_UP = auto()
    """The handler goes on although its timeout has passed. The worker appends a failure without waiting for it."""

    ENDING = auto()
    """The attempt has an outcome. The worker appends it."""

    ENDED = auto()
    """The log has an outcome, of this execution or of another."""


CANCELLABLE = (Phase.WAITING_FOR_RATE, Phase.RUNNING, Phase.GIVEN_UP)


class Execution:
    """One delivery of a task to this worker.

    Attributes:
        kind: The task's kind.
        delivery: The record as the broker delivered it, to be acknowledged.
        subject: The record's subject, in parts.
        queued: The record's event.
        headers: The headers that every further event of the task carries.
        task: The asyncio task that runs this execution; None until it begins.
        cancelled_at: When somebody cancelled the task, in monotonic time; None while nobody has. This is a fact about the
            task and not a phase: it may become true in any phase but the last.
        given_back: Whether the worker drains and leaves the task to another worker.
        deadline: When the timeout of the running handler ends, in monotonic time; None while no handler runs.
        leftover: The end of a thread or process that goes on after its timeout; see `headrace.worker.left_overs`.
        calls: The calls of an async handler that run in threads; see `headrace.worker.loop_threads`.
        queued_seconds: How long the attempt waited for this start of its handler; None before that.
        appended: How many events were appended so far for which the handler waited. It numbers them against duplicates.

    Raises:
        msgspec.MsgspecError: the record is not a `queued` event.
        ValueError: the record's subject is not a task's.
    """

    __slots__ = (
        "_delivered",
        "_handler_ended",
        "_handler_started",
        "_phase",
        "appended",
        "calls",
        "cancelled_at",
        "deadline",
        "delivery",
        "given_back",
        "headers",
        "input",
        "kind",
        "leftover",
        "queued",
        "queued_seconds",
        "subject",
        "task",
    )

    def __init__(self, kind: AnyKind, delivery: Delivery) -> None:
        self.kind = kind
        self.delivery = delivery
        self.subject = TaskSubject.parse(delivery.subject)
        self.queued = _decode_queued(delivery)
        self.input = self.queued.input
        self.headers = {name: delivery.headers[name] for name in subjects.CARRIED if name in delivery.headers}
        self.task: asyncio.Task[None] | None = None
        self.cancelled_at: float | None = None
        self.given_back = False
        self.deadline: float | None = None
        self.leftover: asyncio.Future[Any] | None = None
        self.calls: set[Future[Any]] = set()
        self.appended = 0
        self.queued_seconds: float | None = None
        self._delivered = time.monotonic()
        self._handler_started = self._handler_ended = 0.0
        self._phase = Phase.DELIVERED

    @property
    def phase(self) -> Phase:
        """How far this execution has got."""
        return self._phase

    @property
    def cancelled(self) -> bool:
        """Whether somebody cancelled the task."""
        return self.cancelled_at is not None

    @property
    def awaits_permit(self) -> bool:
        """Whether the kind limits its starts per second and this start is still to be permitted."""
        return self.kind.options.rate is not None and self._phase in (Phase.DELIVERED, Phase.WAITING_FOR_RATE)

    @property
    def first_start_delivery(self) -> int:
        """The number of the first delivery that could start the task: one before the task is due is given back once."""
        return 1 if self.queued.due_at is None else 2

    @property
    def is_late(self) -> bool:
        """Whether the delivery is so old that its task may have ended elsewhere and left the log since."""
        return time.monotonic() - self._delivered > LATE_SECONDS

    @property
    def run_seconds(self) -> float | None:
        """For how long the handler ran, or has run until now; None when it was not called."""
        if not self._handler_started:
            return None
        return round((self._handler_ended or time.monotonic()) - self._handler_started, 6)

    def note_handler_start(self) -> None:
        """Note that the handler is about to be called, and how long the attempt waited for that by the clock of the log."""
        runnable_at = max(self.delivery.at, self.queued.due_at or self.delivery.at)
        # The clock of the log is known to a tenth of a second, so that a start may seem to come before what it waited for.
        self.queued_seconds = max(0.0, (clock.now() - runnable_at).total_seconds())
        self._handler_started = time.monotonic()

    def note_handler_end(self) -> None:
        """Note that the handler has an outcome."""
        self._handler_ended = time.monotonic()

    def start(self) -> None:
        """Begin the attempt. From here on a cancellation stops it."""
        assert self._phase is Phase.DELIVERED
        self._phase = Phase.RUNNING if self.kind.options.rate is None else Phase.WAITING_FOR_RATE

    def permit(self) -> None:
        """Note that the kind's rate permits this start."""
        assert self._phase is Phase.WAITING_FOR_RATE
        self._phase = Phase.RUNNING

    def cancel(self) -> None:
        """Stop the attempt, because somebody cancelled the task.

        Before the attempt and after it there is nothing to stop: the log refuses every outcome that comes after the
        cancellation.
        """
        if self.cancelled or self._phase is Phase.ENDED or self.task is None:
            return
        self.cancelled_at = time.monotonic()
        if self._phase in CANCELLABLE:
            self.task.cancel()

    def may_take_over(self, delivery: Delivery) -> bool:
        """Whether a delivery is a newer one of the same record, which this execution still runs."""
        is_running = self._phase is not Phase.ENDED and not self.given_back
        return (
            is_running and delivery.sequence == self.delivery.sequence and delivery.delivered > self.delivery.delivered
        )

    def take_over(self, delivery: Delivery) -> None:
        """Go on under a newer delivery, which is kept in progress and answered from here on.

        The broker delivers a record again when no heartbeat has reached it for ``ack_wait``, as when heartbeats go to a server
        that has lost the others.
        """
        self.delivery = delivery

    def give_back(self) -> None:
        """Stop this execution, because the worker drains; the broker delivers the task to another worker."""
        self.given_back = True
        if self.task is not None:
            self.task.cancel()

    def is_stubborn(self, now: float, patience: float) -> bool:
        """Whether the handler still runs ``patience`` seconds after it was to stop, and was not given up yet.

        It was to stop at its timeout, or when the task was cancelled.
        """
        if self._phase is not Phase.RUNNING or self.deadline is None:
            return False
        to_stop = self.deadline if self.cancelled_at is None else min(self.cancelled_at, self.deadline)
        return now > to_stop + patience

    def give_up(self) -> None:
        """Stop waiting for a handler that goes on although it was cancelled."""
        assert self._phase is Phase.RUNNING
        self._phase = Phase.GIVEN_UP

    def conclude(self) -> None:
        """Note that the attempt is over. This changes nothing when the execution was given up and has ended before."""
        assert self._phase is not Phase.DELIVERED
        if self._phase is not Phase.ENDED:
            self._phase = Phase.ENDING

    def end(self) -> None:
        """Note that the log has an outcome."""
        assert self._phase not in (Phase.WAITING_FOR_RATE, Phase.RUNNING)
        self._phase = Phase.ENDED


def _decode_queued(delivery: Delivery) -> Queued:
    event = decode(delivery.payload)
    if not isinstance(event, Queued):
        raise msgspec.ValidationError(f"{delivery.subject} holds {type(event).__name__}")
    return event
