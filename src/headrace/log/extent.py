"""How large the log is, and how well its copies keep up: what an operator has to know of it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from headrace.log import metadata, subjects
from headrace.log.connection import Log
from headrace.log.copies import copies_in
from headrace.log.denials import NotPermitted
from headrace.log.jetstream import NANOSECONDS


class Store(Struct, frozen=True, kw_only=True):
    """Bytes that JetStream has on its disks or in memory for this account, and may have; -1 for no limit."""

    used: int
    limit: int


class LogExtent(Struct, frozen=True, kw_only=True):
    """The log.

    Attributes:
        bytes: Its size.
        bytes_max: The size at which new work is refused.
        records: How many records it has.
        first_at: When the oldest was stored; None when it is empty.
        retention: Seconds that a record stays in it.
        replicas, replicas_current, has_leader, behind: See `headrace.log.copies.LogCopies`.
        created_by: The version of Headrace that last created or changed it; None for one that did not say so.
        disk: What JetStream has on disk; None when our user may not ask.
        memory: What it has in memory.
        asked_at: When the server said so, by its clock.
    """

    bytes: int
    bytes_max: int
    records: int
    first_at: datetime | None
    retention: float
    replicas: int
    replicas_current: int
    has_leader: bool
    behind: list[str]
    created_by: str | None
    disk: Store | None
    memory: Store | None
    asked_at: datetime


async def read_extent(log: Log, *, with_stores: bool = True) -> LogExtent:
    """Ask for the extent of the log.

    Args:
        log: The log.
        with_stores: Whether to ask for `LogExtent.disk` and `LogExtent.memory`, which not every process is permitted to.

    Raises:
        LogUnavailable: JetStream does not answer.
    """
    info = await log.jetstream.request(f"STREAM.INFO.{subjects.STREAM}")
    config, state = info["config"], info["state"]
    copies = copies_in(info)
    said: dict[str, str] = config.get("metadata") or {}
    disk, memory = await _read_stores(log) if with_stores else (None, None)
    return LogExtent(
        bytes=copies.bytes,
        bytes_max=int(said.get(metadata.MAX_BYTES) or log.settings.max_bytes),
        records=state["messages"],
        first_at=datetime.fromisoformat(state["first_ts"]) if state["messages"] else None,
        retention=config["max_age"] / NANOSECONDS,
        replicas=copies.wanted,
        replicas_current=copies.current,
        has_leader=copies.has_leader,
        behind=copies.behind,
        created_by=said.get(metadata.VERSION),
        disk=disk,
        memory=memory,
        asked_at=datetime.fromisoformat(info["ts"]),
    )


async def _read_stores(log: Log) -> tuple[Store | None, Store | None]:
    try:
        info = await log.jetstream.request("INFO")
    except NotPermitted:
        return None, None
    limits: dict[str, int] = info.get("limits") or {}
    return (
        Store(used=info.get("storage", 0), limit=limits.get("max_storage", -1)),
        Store(used=info.get("memory", 0), limit=limits.get("max_memory", -1)),
    )
