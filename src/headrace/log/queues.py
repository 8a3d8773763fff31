"""How the queues stand: of each lane what waits, what runs and who pulls, as the server describes its consumer.

NATS calls pull requests "waiting". Here what waits is queued tasks, and requests are pulls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from headrace.log import consumer_names, subjects
from headrace.log.connection import Log
from headrace.log.consumers import all_consumers
from headrace.log.pauses import is_paused

ALL_PRIORITIES = "all"  # of the one lane of a kind with a limit to its concurrency
ASKED_AT_ONCE = 8  # reads of one record; the server answers them one after the other


class QueueState(msgspec.Struct, frozen=True, kw_only=True):
    """One lane.

    Attributes:
        kind: The kind of its tasks.
        priority: Their priority, or `ALL_PRIORITIES`.
        queued: Tasks that were not delivered to a worker.
        running: Tasks that were delivered and are not acknowledged, whether they run, wait for a slot or are lost.
        running_max: How many tasks may run over all workers.
        redelivered: Tasks of ``running`` that were delivered more than once.
        pulls: Requests of workers that wait for tasks.
        paused: Whether the lane hands out nothing.
        oldest_at: Since when the oldest of ``queued`` is in the queue; None when there is none.
    """

    kind: str
    priority: str
    queued: int
    running: int
    running_max: int
    redelivered: int
    pulls: int
    paused: bool
    oldest_at: datetime | None


async def read_queues(log: Log, infos: Iterable[Mapping[str, Any]] | None = None) -> list[QueueState]:
    """Return the state of every lane, by kind and priority.

    Args:
        log: The log.
        infos: The consumers of the log, when they were just read.

    Raises:
        LogUnavailable: JetStream does not answer.
    """
    found = await all_consumers(log) if infos is None else infos
    lanes = [info for info in found if consumer_names.kind_of_consumer(info["name"]) is not None]
    slots = asyncio.Semaphore(ASKED_AT_ONCE)

    async def state_of(info: Mapping[str, Any]) -> QueueState:
        async with slots:
            return _state_of(info, await oldest_undelivered(log, info))

    states = await asyncio.gather(*map(state_of, lanes))
    return sorted(states, key=lambda state: (state.kind, state.priority))


async def oldest_undelivered(log: Log, info: Mapping[str, Any]) -> datetime | None:
    """Return when the log took the oldest record that a consumer has not delivered; None when it has delivered all.

    Raises:
        LogUnavailable: the log does not answer.
    """
    if not info["num_pending"]:
        return None
    return await _oldest_since(log, info, "delivered")


async def oldest_unacknowledged(log: Log, info: Mapping[str, Any]) -> datetime | None:
    """Return when the log took the oldest record that a consumer's reader has not acknowledged; None when it has all.

    Raises:
        LogUnavailable: the log does not answer.
    """
    if not info["num_pending"] and not info["num_ack_pending"]:
        return None
    return await _oldest_since(log, info, "ack_floor")


async def count_deferred(log: Log) -> int:
    """Count the tasks that are not due yet.

    Raises:
        LogUnavailable: the log does not answer.
    """
    return await log.replayer.count(subjects.task_timer("*", "*"))


async def _oldest_since(log: Log, info: Mapping[str, Any], place: str) -> datetime | None:
    subject = info["config"].get("filter_subject") or ">"
    page = await log.replayer.page(subject, start=info[place]["stream_seq"] + 1, records=1)
    return page.records[0].at if page.records else None


def _state_of(info: Mapping[str, Any], oldest_at: datetime | None) -> QueueState:
    kind = consumer_names.kind_of_consumer(info["name"])
    assert kind is not None
    is_limited = consumer_names.is_limited(info["name"])
    return QueueState(
        kind=kind,
        priority=ALL_PRIORITIES if is_limited else info["name"].rpartition("-")[2],
        queued=info["num_pending"],
        running=info["num_ack_pending"],
        running_max=info["config"]["max_ack_pending"],
        redelivered=info["num_redelivered"],
        pulls=info["num_waiting"],
        paused=is_paused(info),
        oldest_at=oldest_at,
    )
