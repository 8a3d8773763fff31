"""Metadata of streams and consumers, for the `nats` client, exporters and alerts.

The names are also valid labels of Prometheus. The server adds keys of its own, and an operator may add some, so what is wanted is
compared with what is there by the wanted keys alone.

`headrace_version` is the version that last created or changed a stream or consumer. It never is a reason to change one: during a
rolling deployment two versions would write theirs by turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

KIND: Final = "headrace_kind"
PRIORITY: Final = "headrace_priority"
MAX_BYTES: Final = "headrace_max_bytes"
VERSION: Final = "headrace_version"

# What `nats server check stream` reads of a stream; of consumers only `nats audit` reads such keys.
_ENABLED: Final = "io.nats.monitor.enabled"
_PEER_EXPECT: Final = "io.nats.monitor.peer-expect"
_PEER_LAG: Final = "io.nats.monitor.peer-lag-critical"
_PEER_SEEN: Final = "io.nats.monitor.peer-seen-critical"
_UNPROCESSED: Final = "io.nats.monitor.unprocessed-critical"
_OUTSTANDING: Final = "io.nats.monitor.outstanding-ack-critical"
# The most pull requests that may wait, which says nothing here.
_WAITING: Final = "io.nats.monitor.waiting-critical"
# What is taken away where it is not wanted.
_REMOVED: Final = frozenset({_PEER_EXPECT, _PEER_LAG, _PEER_SEEN, _WAITING})

PEER_LAG_CRITICAL = 10_000  # operations; a second of a busy log
PEER_SEEN_CRITICAL = "10s"  # a server that lives is heard from every second


def of_log(max_bytes: int, replicas: int) -> dict[str, str]:
    """Return the metadata of the log; that about copies only when it has several.

    Args:
        max_bytes: The size at which new work is refused. The stream itself has no limit.
        replicas: How many copies there are.
    """
    peers = {
        _ENABLED: "1",
        _PEER_EXPECT: str(replicas),
        _PEER_LAG: str(PEER_LAG_CRITICAL),
        _PEER_SEEN: PEER_SEEN_CRITICAL,
    }
    return {MAX_BYTES: str(max_bytes)} | (peers if replicas > 1 else {})


def of_consumer(*, unprocessed_critical: int, outstanding_critical: int) -> dict[str, str]:
    """Return the limits of a consumer that `nats audit` reads.

    Args:
        unprocessed_critical: Records not delivered yet.
        outstanding_critical: Records delivered and not acknowledged.
    """
    return {
        _ENABLED: "1",
        _UNPROCESSED: str(unprocessed_critical),
        _OUTSTANDING: str(outstanding_critical),
    }


def of_lane(kind: str, priority: str | None) -> dict[str, str]:
    """Return what says of a consumer which queued tasks it hands out; without a priority, those of all."""
    return {KIND: kind} | ({} if priority is None else {PRIORITY: priority})


def with_metadata(wanted: Mapping[str, Any], found: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a wanted configuration with the metadata to write: what is there, what is wanted, and the version.

    Args:
        wanted: The configuration.
        found: The configuration that there is, None when there is none. Its version stays when nothing else differs.
    """
    there = _metadata(found or {})
    is_kept = found is not None and VERSION in there and not drift(wanted, found)
    kept = {key: value for key, value in there.items() if key not in _REMOVED}
    ours = there[VERSION] if is_kept else version("headrace")
    return {**wanted, "metadata": {**kept, **_metadata(wanted), VERSION: ours}}


def drift(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the wanted settings that differ from those found; of metadata the keys that do, None for one to be removed."""
    different = {key: value for key, value in wanted.items() if key != "metadata" and found.get(key) != value}
    there, ours = _metadata(found), _metadata(wanted)
    metadata = {key: value for key, value in ours.items() if there.get(key) != value}
    metadata |= dict.fromkeys((_REMOVED & there.keys()) - ours.keys())
    return different | ({"metadata": metadata} if metadata else {})


def _metadata(config: Mapping[str, Any]) -> dict[str, Any]:
    return config.get("metadata") or {}
