"""The processes that have told lately that they are there, and what this one tells of itself."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sized
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, NamedTuple

import msgspec

from headrace.api.streaming.metrics import StreamMetrics
from headrace.contracts.processes import ProcessNotice, StreamFigures
from headrace.log import clock, live_subjects
from headrace.log.connection import Log
from headrace.log.presence import PRESENCE_SECONDS, Presence, process_name
from headrace.telemetry import get_logger

GONE_SECONDS = 3 * PRESENCE_SECONDS
PROCESSES_MAX = 1_000  # that are remembered; the one that was heard of longest ago is forgotten first

log = get_logger(__name__)

_decode = msgspec.json.Decoder(ProcessNotice).decode


class Seen(NamedTuple):
    """What a process told of itself, and when."""

    notice: ProcessNotice
    at: datetime


class Processes:
    """The processes that are there, as far as they have told.

    Args:
        event_log: The log, beside which they tell it.
        details: Returns what this process tells of itself.
    """

    def __init__(self, event_log: Log, details: Callable[[], dict[str, Any]]) -> None:
        self._log = event_log
        self._presence = Presence(event_log, "api", process_name(), details)
        self._seen: OrderedDict[str, Seen] = OrderedDict()
        self._asked_at = monotonic()

    async def open(self) -> None:
        """Hear of all processes from now on, and ask them to tell at once that they are there.

        Raises:
            LogUnavailable: NATS does not answer.
        """
        await self._log.live.watch(live_subjects.PROCESSES, self._on_notice)
        self._log.on_reconnect(self._ask)
        await self._ask()

    @property
    def is_complete(self) -> bool:
        """Whether each process that is there has had the time to tell it, since this one began to listen or came back."""
        return monotonic() - self._asked_at > PRESENCE_SECONDS

    async def tell_regularly(self) -> None:
        """Tell of this process, until cancelled."""
        await self._presence.tell_regularly()

    def list_present(self) -> list[Seen]:
        """List the processes that told within the last `GONE_SECONDS` that they are there, by role and name."""
        since = clock.now() - timedelta(seconds=GONE_SECONDS)
        present = [seen for seen in self._seen.values() if seen.at >= since]
        return sorted(present, key=lambda seen: (seen.notice.role, seen.notice.name, seen.notice.since))

    async def _ask(self) -> None:
        self._asked_at = monotonic()
        await self._log.live.publish(live_subjects.PROCESSES_ASKED, b"")

    def _on_notice(self, subject: str, payload: bytes) -> None:
        try:
            notice = _decode(payload)
        except msgspec.MsgspecError as error:
            # A later version of this software may say it in another way.
            log.error("what a process says of itself cannot be read", subject=subject, error=str(error))
            return
        self._seen[subject] = Seen(notice, clock.now())
        self._seen.move_to_end(subject)
        while len(self._seen) > PROCESSES_MAX:
            self._seen.popitem(last=False)


class StreamTelling:
    """What this process tells of its event streams.

    Args:
        metrics: Their counters.
        streams: The open ones.
    """

    def __init__(self, metrics: StreamMetrics, streams: Sized) -> None:
        self._metrics = metrics
        self._streams = streams
        self._told_at = monotonic()
        self._events = self._chunks = 0
        self._delays = 0.0

    def details(self) -> dict[str, Any]:
        """Return the fields of the next notice: what happened since the last one."""
        now, events = monotonic(), self._metrics.events_out
        chunks, delays = self._metrics.delays.count, self._metrics.delays.total
        sent, seconds = chunks - self._chunks, now - self._told_at
        figures = StreamFigures(
            open=len(self._streams),
            events_per_second=round((events - self._events) / seconds, 1) if seconds else 0.0,
            lag_ms=round((delays - self._delays) / sent * 1e3, 1) if sent else 0.0,
            resets=self._metrics.resumes["reset"],
        )
        self._told_at, self._events, self._chunks, self._delays = now, events, chunks, delays
        return {"streams": figures}
