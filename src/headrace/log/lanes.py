"""Lanes: the consumers from which the workers of a kind take its queued tasks.

A kind has a lane for each priority. A kind with a limit to its concurrency has a single lane instead, for all priorities, in
which the broker lets no more deliveries be in flight than may run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from headrace.contracts.tasks import Priority
from headrace.log import consumer_names, metadata, subjects
from headrace.log.connection import Log
from headrace.log.consumers import create_consumer, delete_consumer, kind_consumers
from headrace.log.jetstream import NANOSECONDS, ProvisionError
from headrace.log.pauses import is_paused, pause_kind
from headrace.log.streams import read_server_time, read_stream_state

ACK_PENDING_MAX = 50_000  # deliveries in flight over all workers of a lane; the workers' slots are the real bound
# The share of the starts of a kind that workers give to each of its lanes that has tasks waiting; low keeps a tenth under any load.
WEIGHTS = {Priority.HIGH: 12, Priority.NORMAL: 6, Priority.LOW: 2}
# Tasks of a lane that wait. A batch has up to 100,000, of low priority.
UNPROCESSED_CRITICAL = {Priority.HIGH: 1000, Priority.NORMAL: 10_000, Priority.LOW: 100_000, None: 100_000}


class Lane(msgspec.Struct, frozen=True):
    """A consumer that the workers of a kind share.

    Attributes:
        durable: Its name.
        priority: The priority of its tasks; None for all.
        created: Since when no other consumer hands out these tasks.
        waiting: How many records it has not delivered yet.
    """

    durable: str
    priority: Priority | None
    created: datetime
    waiting: int


async def provision_lanes(log: Log, kind: str, concurrency: int | None) -> list[Lane]:
    """Create or change the lanes of a kind: one for each priority, or a single one that lets ``concurrency`` tasks run.

    Lanes of the other form are replaced: the new ones begin where those were, and are paused when those were. Workers that
    want different forms must therefore not call this by turns: see `headrace.worker.announce.is_superseded`.

    Raises:
        ProvisionError: the server refuses one.
        LogUnavailable: JetStream does not answer.
    """
    last_sequence = (await read_stream_state(log.jetstream)).last_sequence
    before = await kind_consumers(log, kind)
    priorities = tuple(Priority) if concurrency is None else (None,)
    wanted = {consumer_names.run_consumer(kind, priority): priority for priority in priorities}
    replaced = [info for durable, info in before.items() if durable not in wanted]
    inherited = _inherited(before.values(), replaced, last_sequence)
    lanes = [
        await _provision_lane(log, kind, priority, concurrency, before.get(durable), inherited)
        for durable, priority in wanted.items()
    ]
    if not replaced:
        return lanes
    alone_since = await _remove_replaced(log, kind, [info["name"] for info in replaced])
    return [msgspec.structs.replace(lane, created=alone_since) for lane in lanes]


def _inherited(
    all_before: Iterable[Mapping[str, Any]], replaced: Sequence[Mapping[str, Any]], last_sequence: int
) -> dict[str, Any]:
    """The settings that a new lane takes over: the pause of any lane, and the position of those that it replaces.

    Args:
        all_before: The lanes that there are.
        replaced: Those of the other form.
        last_sequence: The last sequence of the log before the lanes were described.
    """
    until = [info["config"]["pause_until"] for info in all_before if is_paused(info)]
    inherited: dict[str, Any] = {"pause_until": max(until)} if until else {}
    if not replaced:
        return inherited
    floors = [
        info["ack_floor"]["stream_seq"] if info["num_pending"] or info["num_ack_pending"] else last_sequence
        for info in replaced
    ]
    return inherited | {"deliver_policy": "by_start_sequence", "opt_start_seq": min(floors) + 1}


async def _provision_lane(
    log: Log,
    kind: str,
    priority: Priority | None,
    concurrency: int | None,
    found: Mapping[str, Any] | None,
    inherited: dict[str, Any],
) -> Lane:
    config = _lane_config(log, kind, priority, concurrency)
    try:
        info = await create_consumer(log, config | (inherited if found is None else _start_of(found)), found)
    except ProvisionError:
        now = (await kind_consumers(log, kind)).get(config["durable_name"])
        if now is None or found is not None:
            raise
        # Another worker has created it meanwhile, and it may start elsewhere.
        info = await create_consumer(log, config | _start_of(now), now)
    return Lane(
        durable=config["durable_name"],
        priority=priority,
        created=datetime.fromisoformat(info["created"]),
        waiting=info["num_pending"],
    )


def _lane_config(log: Log, kind: str, priority: Priority | None, concurrency: int | None) -> dict[str, Any]:
    limit = ACK_PENDING_MAX if concurrency is None else concurrency
    description = f"queued tasks of kind {kind}"
    return {
        "durable_name": consumer_names.run_consumer(kind, priority),
        "description": description if priority is None else f"{description}, priority {priority}",
        "filter_subject": subjects.queued_of(kind) if priority is None else subjects.queued_in_lane(kind, priority),
        "ack_policy": "explicit",
        "ack_wait": int(log.settings.ack_wait * NANOSECONDS),
        # A task that kills its workers is ended by a worker, with a reason, and not dropped by the broker.
        "max_deliver": -1,
        "max_ack_pending": limit,
        "metadata": metadata.of_lane(kind, priority)
        | metadata.of_consumer(
            unprocessed_critical=UNPROCESSED_CRITICAL[priority], outstanding_critical=limit + (priority is None)
        ),
    }


def _start_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """Where a consumer started, which cannot be changed and must be repeated when anything else is."""
    return {key: found["config"][key] for key in ("deliver_policy", "opt_start_seq") if key in found["config"]}


async def _remove_replaced(log: Log, kind: str, replaced: Sequence[str]) -> datetime:
    """Delete lanes of the other form, and return the time, by the server's clock, since when the new ones are alone."""
    # Somebody may have paused or resumed them while the new lanes were created.
    now = await kind_consumers(log, kind)
    if left := [now[durable] for durable in replaced if durable in now]:
        await pause_kind(log, kind, paused=any(map(is_paused, left)))
    for durable in replaced:
        await delete_consumer(log, durable)
    return await read_server_time(log.jetstream)
