"""Whether the log still holds everything that was read from it, and what is done when it does not.

A server that lost power may come back with a log that ends earlier than before. Appending to it as it is would give positions
a second time, and run finished tasks again. Only the read model can tell, so after a start of the log's servers nobody
appends until a process that knows the read model has compared the two. The mark that this was done is kept in a stream in
the servers' memory, and is lost with it at the next start.

When the log has lost its end, positions are moved past everything that was ever handed out by filler: records of nothing.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.errors import NoRespondersError

from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.acknowledgement import Appended, read_acknowledgement
from headrace.log.append import PROBE_HEADERS
from headrace.log.jetstream import JetStream, ProvisionError, explain_refusal
from headrace.log.nats_errors import nats_errors_as_unavailable
from headrace.log.replay import Replayer
from headrace.telemetry import get_logger

MARGIN = 50_000  # positions; more than are handed out in what a projector may be behind when the power goes
MARK_POLL_SECONDS = 0.2
FILLER_TTL = "5m"  # positions count as used from the moment of the append; the record itself is of no use
FLUSH_RECORDS = 1000  # records sent before the server is given time to follow
ACK_SECONDS = 10.0

log = get_logger(__name__)


class ComparedMark(msgspec.Struct, frozen=True):
    """What the servers remember about the comparison of the log with the read model.

    Attributes:
        is_set: Whether the two were compared since the servers started.
        servers_since: When the servers started. Older records may have been delivered before, and that forgotten.
    """

    is_set: bool
    servers_since: datetime


class Filled(msgspec.Struct, frozen=True):
    """Positions that name nothing: from ``first`` up to the record that says so, at ``last``."""

    first: int
    last: int = 0

    def covers(self, sequence: int) -> bool:
        """Whether the position may have been handed out before, for a record that the log has lost."""
        return self.first <= sequence < self.last


class Continuity:
    """Marks the log as compared with the read model, and skips positions that were handed out before."""

    def __init__(self, connection: Client, jetstream: JetStream, replayer: Replayer, replicas: int) -> None:
        self._connection = connection
        self._jetstream = jetstream
        self._replayer = replayer
        self._replicas = replicas

    async def until_compared(self) -> None:
        """Return when some process has compared the log with the read model.

        Raises:
            LogUnavailable: the log does not answer.
        """
        logged = False
        while not await self.is_compared():
            if not logged:
                log.info("waiting for an API or a projector to compare the log with the read model")
            logged = True
            # The server tells nobody when the mark is set.
            await asyncio.sleep(MARK_POLL_SECONDS)

    async def is_compared(self) -> bool:
        """Whether the log was compared with the read model since its servers started.

        Raises:
            LogUnavailable: the log does not answer.
            ProvisionError: there is no stream for the mark, and the server refuses to create it.
        """
        return (await self.compared_mark()).is_set

    async def compared_mark(self) -> ComparedMark:
        """Read the mark; creates the stream that holds it when there is none.

        Raises:
            LogUnavailable: the log does not answer.
            ProvisionError: the server refuses to create the stream.
        """
        info = await self._jetstream.call(f"STREAM.INFO.{subjects.COMPARED_STREAM}")
        if "error" in info:
            info = await self._jetstream.call(f"STREAM.CREATE.{subjects.COMPARED_STREAM}", mark_config(self._replicas))
        if error := info.get("error"):
            raise ProvisionError(f"stream {subjects.COMPARED_STREAM}: cannot create it: {explain_refusal(error)}")
        return ComparedMark(is_set=info["state"]["messages"] > 0, servers_since=datetime.fromisoformat(info["created"]))

    async def mark_compared(self) -> None:
        """Set the mark, so that every process may append again.

        Raises:
            LogUnavailable: the log does not answer.
        """
        deadline = asyncio.get_running_loop().time() + ACK_SECONDS
        while not await self._set_mark():
            if asyncio.get_running_loop().time() > deadline:
                raise LogUnavailable("the copies of the mark of the comparison have no leader; try again in a moment")
            await asyncio.sleep(MARK_POLL_SECONDS)

    async def _set_mark(self) -> bool:
        """Set the mark; False when the copies of a stream that was made just now have not chosen a leader yet."""
        with nats_errors_as_unavailable():
            try:
                await self._connection.request(subjects.COMPARED, b"", timeout=ACK_SECONDS)
            except NoRespondersError:
                return False
        return True

    async def confirm_end(self) -> int:
        """Return the last sequence of the log, which a majority of its copies agrees on.

        A server that has lost the others tells for some time what it had, and takes itself for the leader. So this appends a record
        of nothing, which takes a position that names no event.

        Raises:
            LogUnavailable: there is no majority, or it does not answer.
        """
        with nats_errors_as_unavailable():
            answer = await self._connection.request(
                subjects.PROBE, b"", timeout=ACK_SECONDS, headers=dict(PROBE_HEADERS)
            )
        outcome = read_acknowledgement(answer)
        if not isinstance(outcome, Appended):
            raise outcome
        return outcome.sequence - 1

    async def skip_positions(self, last: int, handed_out: int) -> None:
        """Append filler until the log is `MARGIN` past the last position that was handed out.

        The appender refuses everything meanwhile, so filler does not go through it.

        Args:
            last: The last sequence of the log now.
            handed_out: The last sequence that this process knows to have been handed out.

        Raises:
            LogUnavailable: the log does not answer. Filler that was appended stays.
        """
        to = handed_out + MARGIN
        log.warning("the log skips positions that were handed out before", first=last + 1, to=to)
        with nats_errors_as_unavailable():
            for number in range(last + 1, to):
                await self._connection.publish(subjects.FILLER, b"", headers={subjects.TTL: FILLER_TTL})
                if number % FLUSH_RECORDS == 0:
                    await self._connection.flush()
            filled = msgspec.json.encode(Filled(first=last + 1))
            await self._connection.request(subjects.FILLER, filled, timeout=ACK_SECONDS)

    async def last_filled(self) -> Filled | None:
        """The newest filler, None when the log has none.

        Raises:
            LogUnavailable: the log does not answer.
        """
        record = await self._replayer.last(subjects.FILLER)
        if record is None or not record.payload:
            return None
        try:
            first = msgspec.json.decode(record.payload, type=Filled).first
        except (ValueError, RecursionError) as error:
            log.error("a filler cannot be read; it is ignored", sequence=record.sequence, error=str(error))
            return None
        return Filled(first=first, last=record.sequence)


def mark_config(replicas: int) -> dict[str, Any]:
    """Return how the stream that holds the mark should be."""
    return {
        "name": subjects.COMPARED_STREAM,
        "description": "says that the log was compared with the read model since these servers started",
        "subjects": [subjects.COMPARED],
        "storage": "memory",
        "retention": "limits",
        "max_msgs": 1,
        "num_replicas": replicas,
    }
