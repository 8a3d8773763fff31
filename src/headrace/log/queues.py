"""How long what waits has waited, and how much is not due yet; `headrace.log.lane_states` says the rest of the queues."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headrace.log import subjects
from headrace.log.connection import Log

ASKED_AT_ONCE = 8  # reads of one record; the server answers them one after the other


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
