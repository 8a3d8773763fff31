"""Durable consumers: creating, describing and resetting them. Those that workers share are in `headrace.log.lanes`.

Creating one is idempotent, and changes one whose settings differ.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from headrace.contracts.tasks import Priority
from headrace.errors import LogUnavailable
from headrace.log import consumer_names, metadata, subjects
from headrace.log.connection import Log
from headrace.log.jetstream import NANOSECONDS, NO_STREAM_OR_CONSUMER, ProvisionError

PROJECTOR_ACK_PENDING_MAX = 20_000  # events
PROJECTOR_UNPROCESSED_CRITICAL = 50_000  # events; one that keeps up has some thousands at most before it
PROJECTOR_ACK_WAIT_SECONDS = 60  # a page is written within seconds
FIRINGS_ACK_PENDING_MAX = 1000  # firings, over all projectors
FIRINGS_UNPROCESSED_CRITICAL = 1000  # firings; they come one by one, and are submitted at once
FIRINGS_ACK_WAIT_SECONDS = 5  # submitting a task takes milliseconds; after this another projector does it


async def provision_projector(log: Log) -> None:
    """Create or change the projector's consumer, which reads the whole log.

    Raises:
        ProvisionError: the server refuses it.
        LogUnavailable: JetStream does not answer.
    """
    # It has no filter: several filters cost the server a third of a millisecond an event.
    await _provision_reader(
        log,
        {
            "durable_name": consumer_names.PROJECTOR,
            "description": "log to read model",
            "ack_policy": "all",
            "ack_wait": PROJECTOR_ACK_WAIT_SECONDS * NANOSECONDS,
            "max_deliver": -1,
            "max_ack_pending": PROJECTOR_ACK_PENDING_MAX,
            "metadata": metadata.of_consumer(
                unprocessed_critical=PROJECTOR_UNPROCESSED_CRITICAL, outstanding_critical=PROJECTOR_ACK_PENDING_MAX
            ),
        },
    )


async def provision_firings(log: Log) -> None:
    """Create or change the consumer that projectors share for the firings of schedules.

    Raises:
        ProvisionError: the server refuses it.
        LogUnavailable: JetStream does not answer.
    """
    await _provision_reader(
        log,
        {
            "durable_name": consumer_names.FIRINGS,
            "description": "firings of schedules, each to submit a task",
            "filter_subject": subjects.SCHEDULES_FIRED,
            "ack_policy": "explicit",
            "ack_wait": FIRINGS_ACK_WAIT_SECONDS * NANOSECONDS,
            "max_deliver": -1,
            "max_ack_pending": FIRINGS_ACK_PENDING_MAX,
            "metadata": metadata.of_consumer(
                unprocessed_critical=FIRINGS_UNPROCESSED_CRITICAL, outstanding_critical=FIRINGS_ACK_PENDING_MAX
            ),
        },
    )


async def _provision_reader(log: Log, config: dict[str, Any]) -> None:
    info = await log.jetstream.call(f"CONSUMER.INFO.{subjects.STREAM}.{config['durable_name']}")
    await create_consumer(log, config, None if "error" in info else info)


async def reset_consumer(log: Log, durable: str, sequence: int) -> None:
    """Set a consumer so that it next delivers the first record at or after a sequence (ADR-60).

    Raises:
        LogUnavailable: JetStream does not answer, or refuses.
    """
    await log.jetstream.request(f"CONSUMER.RESET.{subjects.STREAM}.{durable}", {"seq": sequence})


async def count_deliveries(log: Log, durable: str) -> int:
    """How many deliveries a consumer has made since it was created or reset.

    Raises:
        LogUnavailable: JetStream does not answer, or refuses.
    """
    info = await log.jetstream.request(f"CONSUMER.INFO.{subjects.STREAM}.{durable}")
    return info["delivered"]["consumer_seq"]


async def unread_from(log: Log) -> int | None:
    """Return the sequence before which every firing was read and acknowledged; None when that are all.

    Raises:
        LogUnavailable: JetStream does not answer, or has no consumer of firings.
    """
    info = await log.jetstream.request(f"CONSUMER.INFO.{subjects.STREAM}.{consumer_names.FIRINGS}")
    is_behind = info["num_pending"] + info["num_ack_pending"]
    return info["ack_floor"]["stream_seq"] + 1 if is_behind else None


async def all_consumers(log: Log) -> list[dict[str, Any]]:
    """Every consumer of the log, as the server describes it (`io.nats.jetstream.api.v1.consumer_info`).

    Raises:
        LogUnavailable: JetStream does not answer.
    """
    found: list[dict[str, Any]] = []
    while True:
        page = await log.jetstream.request(f"CONSUMER.LIST.{subjects.STREAM}", {"offset": len(found)})
        found += page["consumers"] or []
        if len(found) >= page["total"] or not page["consumers"]:
            return found


async def kind_consumers(log: Log, kind: str) -> dict[str, dict[str, Any]]:
    """The consumers of a kind by name, as the server describes them.

    Raises:
        LogUnavailable: JetStream does not answer.
    """
    names = [consumer_names.run_consumer(kind, priority) for priority in (None, *Priority)]
    found = await asyncio.gather(
        *(log.jetstream.call(f"CONSUMER.INFO.{subjects.STREAM}.{durable}") for durable in names)
    )
    for info in found:
        if (error := info.get("error")) and error.get("err_code") not in NO_STREAM_OR_CONSUMER:
            raise LogUnavailable(f"JetStream does not describe the consumers of {kind}: {error['description']}")
    return {info["name"]: info for info in found if "error" not in info}


async def create_consumer(log: Log, config: dict[str, Any], found: Mapping[str, Any] | None) -> dict[str, Any]:
    """Create a durable consumer or change its settings, and return it as the server describes it.

    Args:
        log: The log that it reads.
        config: Its settings.
        found: What the server says of it now, None when there is none.

    Raises:
        ProvisionError: the server refuses it.
        LogUnavailable: JetStream does not answer.
    """
    durable = config["durable_name"]
    # The subject names the filter, so that NATS can refuse a user a consumer with another one.
    operation = subjects.create_consumer(durable, config.get("filter_subject"))
    config = metadata.with_metadata(config, found and found["config"])
    body = {"stream_name": subjects.STREAM, "config": config | {"name": durable}}
    answer = await log.jetstream.call(operation, body)
    if error := answer.get("error"):
        raise ProvisionError(f"consumer {durable}: cannot create or change it: {error['description']}")
    return answer


async def delete_consumer(log: Log, durable: str) -> None:
    """Delete a consumer. One that does not exist is no error.

    Raises:
        LogUnavailable: JetStream does not answer, or refuses.
    """
    answer = await log.jetstream.call(f"CONSUMER.DELETE.{subjects.STREAM}.{durable}")
    if (error := answer.get("error")) and error.get("err_code") not in NO_STREAM_OR_CONSUMER:
        raise LogUnavailable(f"JetStream refused to delete consumer {durable}: {error['description']}")
