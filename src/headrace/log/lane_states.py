"""What the consumers of the log say about the tasks of each kind: how many wait, how long the oldest does, how many run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from headrace.log import consumer_names, subjects
from headrace.log.connection import Log
from headrace.log.consumers import all_consumers
from headrace.log.jetstream import NANOSECONDS
from headrace.log.queues import ASKED_AT_ONCE, oldest_undelivered


class LaneState(msgspec.Struct, frozen=True, kw_only=True):
    """A consumer, as the server describes it: of workers, of the projector, or of somebody else.

    Attributes:
        durable: Its name.
        kind: The kind whose tasks it hands out; None for one that is not of workers.
        priority: The priority of these tasks; None for all.
        queued: Records that it has not delivered yet.
        oldest_at: When the log took the oldest of these; None when there is none.
        running: Records that it has delivered and that are not acknowledged.
        running_max: As many as it lets be delivered and not acknowledged.
        redelivered: Records of ``running`` that it has delivered more than once.
        pulls: Requests of readers that wait for records.
        paused: Whether it delivers nothing until its kind is resumed.
        ack_wait: Seconds without a heartbeat after which it delivers a record again.
        idle_seconds: How long ago it last delivered a record or received an acknowledgement; None for never.
        asked_at: When the server said so, by its clock.
    """

    durable: str
    kind: str | None
    priority: str | None
    queued: int
    oldest_at: datetime | None
    running: int
    running_max: int
    redelivered: int
    pulls: int
    paused: bool
    ack_wait: float
    idle_seconds: float | None
    asked_at: datetime

    @property
    def oldest_seconds(self) -> float | None:
        """How long the oldest record has waited that it has not delivered; None when there is none."""
        return None if self.oldest_at is None else max((self.asked_at - self.oldest_at).total_seconds(), 0.0)

    @property
    def is_full(self) -> bool:
        """Whether it delivers nothing because so much is not acknowledged."""
        return self.running >= self.running_max

    @property
    def is_limited(self) -> bool:
        """Whether it lets only as many tasks run as its kind says."""
        return consumer_names.is_limited(self.durable)


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """How many tasks of a kind were queued, and how many were started, in the last ``seconds``. A retry counts again in both."""

    seconds: float
    queued: int
    started: int


def lane_state(info: Mapping[str, Any], oldest_at: datetime | None) -> LaneState:
    """Read the server's description of a consumer (`io.nats.jetstream.api.v1.consumer_info`), see `LaneState.oldest_at`."""
    name, config = info["name"], info["config"]
    times = [info[part]["last_active"] for part in ("delivered", "ack_floor") if "last_active" in info[part]]
    last_active = max(map(datetime.fromisoformat, times), default=None)
    # The time of the answer is by the server's clock, as the other times are; this machine's clock may differ.
    asked_at = datetime.fromisoformat(info["ts"])
    return LaneState(
        durable=name,
        kind=consumer_names.kind_of_consumer(name),
        priority=consumer_names.priority_of_consumer(name),
        queued=info["num_pending"],
        oldest_at=oldest_at,
        running=info["num_ack_pending"],
        running_max=config.get("max_ack_pending", 0),
        redelivered=info["num_redelivered"],
        pulls=info.get("num_waiting", 0),
        paused=info.get("paused", False),
        ack_wait=config.get("ack_wait", 0) / NANOSECONDS,
        idle_seconds=(asked_at - last_active).total_seconds() if last_active else None,
        asked_at=asked_at,
    )


async def read_lanes(log: Log) -> list[LaneState]:
    """Return the state of every consumer of the log, by name.

    Raises:
        LogUnavailable: JetStream does not answer.
    """
    return await with_oldest(log, await all_consumers(log))


async def with_oldest(log: Log, consumers: Iterable[Mapping[str, Any]]) -> list[LaneState]:
    """Return the state of these consumers, which the server has described, with how long their oldest records have waited.

    Raises:
        LogUnavailable: JetStream does not answer.
    """
    turns = asyncio.Semaphore(ASKED_AT_ONCE)

    async def state_of(info: Mapping[str, Any]) -> LaneState:
        async with turns:
            return lane_state(info, await oldest_undelivered(log, info))

    found = await asyncio.gather(*map(state_of, consumers))
    return sorted(found, key=lambda lane: lane.durable)


async def read_flow(log: Log, kind: str, now: datetime, seconds: float) -> Flow:
    """Count what was queued and started of a kind in the last ``seconds`` before ``now``, by the clock of the log.

    Raises:
        LogUnavailable: the log does not answer.
    """
    since = (now - timedelta(seconds=seconds)).isoformat()
    queued, started = await asyncio.gather(
        *(
            log.replayer.count(subjects.task_events(kind=kind, event=event), since=since)
            for event in ("queued", "started")
        )
    )
    return Flow(seconds=seconds, queued=queued, started=started)
