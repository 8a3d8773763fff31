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
        current: How many are there and have everything, the leader's among them.
        behind: The servers whose copies are away or do not have everything.
        has_leader: Whether anybody takes appends.
    """

    bytes: int
    wanted: int
    current: int
    behind: list[str]
    has_leader: bool


async def read_copies(jetstream: JetStream) -> LogCopies:
    """Return what there is of the log.

    Raises:
        LogGone: the log does not exist.
        LogUnavailable: JetStream does not answer, as while no copy leads.
    """
    return copies_in(await jetstream.request(f"STREAM.INFO.{subjects.STREAM}"))


def copies_in(info: dict[str, Any]) -> LogCopies:
    """Return what an answer to STREAM.INFO says of the copies."""
    # A server without a cluster says nothing of copies or leaders, and has the only copy.
    cluster = cast("dict[str, Any]", info.get("cluster") or {})
    has_leader = not cluster.get("name") or bool(cluster.get("leader"))
    peers = cast("list[dict[str, Any]]", cluster.get("replicas") or [])
    behind = [cast("str", peer["name"]) for peer in peers if not peer.get("current") or peer.get("offline")]
    return LogCopies(
        bytes=info["state"]["bytes"],
        wanted=info["config"]["num_replicas"],
        current=has_leader + len(peers) - len(behind),
        behind=behind,
        has_leader=has_leader,
    )
