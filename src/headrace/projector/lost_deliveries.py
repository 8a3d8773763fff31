"""Lost deliveries: queued tasks that never ran, of which the consumer of their lane takes itself to be done.

A consumer does not deliver again what stands at or before its ack floor. A worker acknowledges a task only when the log has what
ended the attempt, so a task that the log has as queued, at or before that floor, was given to nobody who runs it, and nobody will be
given it. An operator who pulls from the consumer and acknowledges by mistake makes this of a task, and so would a consumer that has
lost what it knew of its deliveries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec

from headrace.contracts.events import Queued
from headrace.contracts.tasks import Priority
from headrace.errors import LogUnavailable
from headrace.lifecycle.task_state import TaskState, read_task_state
from headrace.log import clock, consumer_names
from headrace.log.connection import Log
from headrace.log.consumers import all_consumers
from headrace.log.pauses import is_paused
from headrace.projector.recovery import queue_again
from headrace.store.leader_queries import LaneFloor, list_queued_behind_floors
from headrace.store.leadership import LeaderSession
from headrace.store.tables import TaskRow
from headrace.telemetry import get_logger

INTERVAL_SECONDS = 15.0  # between two searches: a lost task waits about as long as one whose worker was lost
QUEUED_SECONDS = 5.0  # a younger task is about to be started, and the read model is a moment behind
ROWS = 500  # found by one search, and looked at of one lane; what workers have of it at a time is mostly fewer

log = get_logger(__name__)


class LostDelivery(NamedTuple):
    """A `queued` event that nobody is given any more, and where it stands."""

    sequence: int
    event: Queued


class LostDeliveries:
    """Finds queued tasks that no consumer delivers any more, and queues them again.

    A task is lost when two successive searches find it, and the log says the same. The second search is there for a worker that has
    been given a task, which its consumer has dropped since, and has not started it yet.

    Args:
        log: The log.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._due_at = 0.0
        self._floors: dict[tuple[str, str], int] = {}
        self._found: dict[str, tuple[int, int]] = {}

    async def search_when_due(self, session: LeaderSession) -> list[TaskRow]:
        """Search, unless the last search was just now, and return the tasks that the search before it has found as well."""
        now = asyncio.get_running_loop().time()
        if now < self._due_at:
            return []
        self._due_at = now + INTERVAL_SECONDS
        try:
            return await self.search(session)
        except LogUnavailable as error:
            # Servers that take appends may not describe consumers, as while one of these has no leader. Pages go on.
            log.warning("the consumers are not described; lost deliveries are searched for later", error=error.message)
            return []

    async def search(self, session: LeaderSession) -> list[TaskRow]:
        """Search in the read model for lost tasks, and return those that the search before this one has found as well.

        Raises:
            LogUnavailable: JetStream does not answer.
        """
        self._floors = ack_floors(await session.hold_while(all_consumers(self._log)))
        lanes = [LaneFloor(kind, priority, floor) for (kind, priority), floor in self._floors.items()]
        before = clock.now() - timedelta(seconds=QUEUED_SECONDS)
        rows = await list_queued_behind_floors(session, self._log.epoch, lanes, before, ROWS)
        known, self._found = self._found, {row.id: (row.epoch, row.sequence) for row in rows}
        return [row for row in rows if known.get(row.id) == (row.epoch, row.sequence)]

    async def queue_if_lost(self, row: TaskRow) -> bool:
        """Queue a task again that the last search has returned, if the log says that it is lost, and return whether it does.

        Raises:
            LogUnavailable: The log does not answer, or has no majority.
        """
        if self._find_lost(row, await read_task_state(self._log, row.owner, row.id)) is None:
            return False
        # A server that leads no more, and does not know it yet, has not heard of the outcome.
        state = await read_task_state(self._log, row.owner, row.id, is_agreed=True)
        if state is None or (lost := self._find_lost(row, state)) is None:
            return False
        log.warning(
            "the consumer of its lane has let go of a task that never ran; queued again",
            task_id=row.id,
            kind=row.kind,
            sequence=lost.sequence,
        )
        queued = lost.event
        attempt = msgspec.structs.replace(
            row, attempt=queued.attempt, max_attempts=queued.max_attempts, expires_at=queued.expires_at
        )
        await queue_again(self._log, attempt, state.fence, state.newest_record.sequence)
        return True

    def _find_lost(self, row: TaskRow, state: TaskState | None) -> LostDelivery | None:
        """Return what a task waits with that its lane is done with; None when it does not wait, or may still be delivered.

        The floor was read before the state. So the state has every outcome after which a worker has acknowledged a delivery up to it.
        """
        if state is None or state.is_over or state.is_started or state.queued_record is None:
            return None
        # The log may know more than the read model: the task was run meanwhile, or queued again.
        if state.newest_record.sequence != row.sequence or row.sequence > self._floors.get((row.kind, row.priority), 0):
            return None
        queued = state.queued_event
        if not isinstance(queued, Queued) or (queued.due_at is not None and queued.due_at > clock.now()):
            return None
        return LostDelivery(state.queued_record.sequence, queued)


def ack_floors(consumers: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """Return the ack floor of each lane, by kind and priority, from the server's descriptions of the consumers of the log.

    A lane that is paused is left out. While a lane of a kind takes the place of others, the lower floor counts: what is above it may
    still be delivered by the one or by the other.

    Args:
        consumers: All of them (`io.nats.jetstream.api.v1.consumer_info`).
    """
    floors: dict[tuple[str, str], int] = {}
    for info in consumers:
        if (kind := consumer_names.kind_of_consumer(info["name"])) is None:
            continue
        priority = consumer_names.priority_of_consumer(info["name"])
        floor = 0 if is_paused(info) else min(info[part]["stream_seq"] for part in ("ack_floor", "delivered"))
        for each in Priority if priority is None else (priority,):
            floors[kind, each] = min(floor, floors.get((kind, each), floor))
    return {lane: floor for lane, floor in floors.items() if floor}
