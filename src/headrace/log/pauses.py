"""Pausing kinds: the consumers of a paused kind deliver nothing; tasks that run already go on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from headrace.log import consumer_names, subjects
from headrace.log.connection import Log
from headrace.log.consumers import all_consumers, kind_consumers

RESUME_SECONDS = 0.05  # a pause that runs out wakes waiting pull requests; one that is lifted does not
PAUSED_UNTIL = "2200-01-01T00:00:00Z"  # until somebody resumes the kind


async def pause_kind(log: Log, kind: str, *, paused: bool) -> bool:
    """Pause every consumer of a kind, or resume them.

    Returns:
        Whether the kind has any consumers.

    Raises:
        LogUnavailable: JetStream does not answer, or refuses.
    """
    # A worker may create a consumer meanwhile, in the state that the others had before; so look again until all agree.
    while True:
        found = await kind_consumers(log, kind)
        unlike = {durable: info for durable, info in found.items() if is_paused(info) != paused}
        if not unlike:
            return bool(found)
        for durable, info in unlike.items():
            body = {"pause_until": PAUSED_UNTIL if paused else _soon(info["ts"])}
            await log.jetstream.request(f"CONSUMER.PAUSE.{subjects.STREAM}.{durable}", body)
        if not paused:
            await asyncio.sleep(2 * RESUME_SECONDS)


async def paused_kinds(log: Log) -> frozenset[str]:
    """The kinds of which a consumer is paused.

    Raises:
        LogUnavailable: JetStream does not answer.
    """
    found = (consumer_names.kind_of_consumer(info["name"]) for info in await all_consumers(log) if is_paused(info))
    return frozenset(kind for kind in found if kind is not None)


def is_paused(info: Mapping[str, Any]) -> bool:
    """Whether a consumer is paused, by the server's description of it."""
    return bool(info.get("paused"))


def _soon(now: str) -> str:
    return (datetime.fromisoformat(now) + timedelta(seconds=RESUME_SECONDS)).isoformat()
