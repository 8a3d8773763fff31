"""The copies of the log, and its size, as the server that leads them says."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from headrace.log import subjects
from headrace.log.jetstream import JetStream


class LogCopies(msgspec.Struct, frozen=True):
    """The copies of the log.

    Attributes:
        bytes: The size of one.
        wanted: How many there should be.
        current: How many are there and have everything.
    """

    bytes: int
    wanted: int
    current: int


async def read_copies(jetstream: JetStream) -> LogCopies:
    """Return what there is of the log.

    Raises:
        LogGone: the log does not exist.
        LogUnavailable: JetStream does not answer, as when no copy leads.
    """
    info = await jetstream.request(f"STREAM.INFO.{subjects.STREAM}")
    # A server without a cluster says nothing of copies, and has the only one.
    cluster = cast("dict[str, Any]", info.get("cluster") or {})
    followers = cast("list[dict[str, Any]]", cluster.get("replicas") or [])
    current = 1 + sum(bool(each["current"]) and not each.get("offline", False) for each in followers)
    return LogCopies(bytes=info["state"]["bytes"], wanted=info["config"]["num_replicas"], current=current)
